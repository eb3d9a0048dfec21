"""Who may do what, and what nobody may see of another scope."""

from tests.governance.api import Api, proposal

from wayside_service.auth import Role


async def test_a_suggestion_of_another_scope_is_not_found(api: Api) -> None:
    suggestion = await api.suggest()
    stranger = api.as_("sam", "admin", scope="globex")
    answers = [
        await stranger.get(f"/v1/suggestions/{suggestion['id']}"),
        await stranger.approve(suggestion),
        await stranger.reject(suggestion),
        await stranger.undo(suggestion),
    ]
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(404, "suggestion_not_found")}


async def test_lists_and_graphs_end_at_the_scope(api: Api) -> None:
    await api.propose(proposal(from_node={"label": "secret"}))
    stranger = api.as_("sam", "viewer", scope="globex")
    assert (await stranger.get("/v1/suggestions")).body["items"] == []
    assert (await stranger.get("/v1/edges", include="suggested")).body["items"] == []
    around = (await stranger.get("/v1/graph/neighborhood/CWE-79", include="suggested")).body
    assert around["nodes"] == [{"id": "CWE-79", "label": None, "kind": None}]
    assert (await stranger.get("/v1/nodes/CWE-79")).status == 404


async def test_the_same_claim_in_two_scopes_is_two_suggestions(api: Api) -> None:
    other = api.as_("worker", "admin", scope="globex")
    assert (await api.suggest())["id"] != (await other.suggest())["id"]


async def test_another_scope_cannot_be_named(api: Api) -> None:
    stranger = api.as_("sam", "admin", scope="globex")
    assert (await stranger.get("/v1/suggestions", scope="acme")).status == 403
    assert (
        await stranger.post("/v1/suggestions", {"scope": "acme", "proposals": [proposal()]})
    ).status == 403
    assert (
        await stranger.call("PUT", "/v1/nodes", json={"scope": "acme", "nodes": [{"id": "a"}]})
    ).status == 403


async def test_only_runners_and_admins_propose(api: Api) -> None:
    body = {"scope": "acme", "proposals": [proposal()]}
    answers = {role: await api.as_("vic", role).post("/v1/suggestions", body) for role in Role}
    assert {role for role, answer in answers.items() if answer.status == 200} == {Role.RUNNER, Role.ADMIN}
    assert answers[Role.REVIEWER].body["code"] == "forbidden"


async def test_only_reviewers_and_admins_decide(api: Api) -> None:
    answers = {role: await api.as_("vic", role).approve(await api.suggest(n)) for n, role in enumerate(Role)}
    assert {role for role, answer in answers.items() if answer.status == 200} == {Role.REVIEWER, Role.ADMIN}


async def test_a_reviewer_elsewhere_who_may_look_here_is_forbidden(api: Api) -> None:
    suggestion = await api.suggest()
    grants = {"acme": ("viewer",), "globex": ("reviewer",)}
    answer = await Api(api.client, "vic", grants=grants).approve(suggestion)
    assert (answer.status, answer.body["code"]) == (403, "scope_forbidden")


async def test_who_has_several_scopes_has_to_name_one(api: Api) -> None:
    everywhere = api.as_("root", "admin", scope="*")
    answer = await everywhere.get("/v1/suggestions")
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "?scope")
    assert (await everywhere.get("/v1/suggestions", scope="acme")).status == 200
