"""Policies decide through the one engine, as far as they may."""

from tests.eventually import eventually
from tests.governance.api import Api, proposal
from tests.governance.conftest import Connection, EventLog, StartInstance
from tests.governance.policy_api import enable_policy, is_decided, is_looked_at, put_policy

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wayside-governance'"
LEFT = "SELECT count(*) FROM suggestions WHERE is_unevaluated AND status = 'pending'"


async def test_an_enabled_policy_decides_what_is_proposed_and_says_which_version_it_was(
    api: Api, log: EventLog
) -> None:
    await enable_policy(api, await put_policy(api))
    sure, unsure = await api.suggest(1, confidence=0.9), await api.suggest(2, confidence=0.7)
    assert await is_decided(api, sure)
    assert await is_looked_at(api, "not_fired")
    [decision] = (await api.suggestion(sure["id"]))["decisions"]
    assert (decision["reviewed_by"], decision["policy_version"]) == ("policy:sure", "sure:1")
    assert (await api.suggestion(unsure["id"]))["status"] == "pending"
    assert await log.has(2, sure["id"])
    assert log.types(sure["id"]) == ["edges.suggestion.created", "edges.suggestion.approved"]


async def test_enabling_a_policy_lets_it_decide_what_waits_already(api: Api) -> None:
    waiting = [await api.suggest(number, confidence=0.9) for number in range(3)]
    policy = await put_policy(api, action="reject", reason_code="indirect", min_confidence=0.85)
    await enable_policy(api, policy)
    for suggestion in waiting:
        assert await is_decided(api, suggestion, "rejected")


async def test_what_is_held_out_waits_for_a_person_whose_word_is_kept_as_a_check(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    policy = await enable_policy(api, await put_policy(api, hold_out=1))
    held, other = await api.suggest(1, confidence=0.9), await api.suggest(2, confidence=0.95)
    assert await is_looked_at(api, "held_out", 2)
    assert (await reviewer.approve(held)).status == 200
    assert (await reviewer.reject(other)).status == 200
    rows = await connection.fetch("SELECT * FROM policy_checks ORDER BY is_accepted")
    assert [(str(row["policy_id"]), row["policy_version"], row["is_held_out"]) for row in rows] == [
        (policy["id"], "sure:1", True)
    ] * 2
    assert (await reviewer.undo(await api.suggestion(held["id"]))).status == 200
    assert await connection.fetchval("SELECT count(*) FROM policy_checks") == 1


async def test_a_policy_never_decides_again_what_a_person_took_back(api: Api, reviewer: Api) -> None:
    policy = await enable_policy(api, await put_policy(api))
    suggestion = await api.suggest(1, confidence=0.9)
    assert await is_decided(api, suggestion)
    assert (await reviewer.undo(await api.suggestion(suggestion["id"]))).status == 200
    await put_policy(api, min_confidence=0.5)
    await enable_policy(api, policy)
    another = await api.suggest(2, confidence=0.6)
    assert await is_decided(api, another)
    assert (await api.suggestion(suggestion["id"]))["status"] == "pending"


async def test_policies_that_contradict_each_other_leave_the_suggestion_to_people(api: Api) -> None:
    await enable_policy(api, await put_policy(api, "yes"))
    await enable_policy(api, await put_policy(api, "no", action="reject", reason_code="indirect"))
    suggestion = await api.suggest(1, confidence=0.9)
    assert await is_looked_at(api, "contested")
    assert (await api.suggestion(suggestion["id"]))["status"] == "pending"


async def test_what_a_policy_may_not_decide_is_left_to_people(api: Api) -> None:
    rules = {"is_functional": True, "required_approvals": 1}
    answer = await api.call("PUT", "/v1/relationship-types/relates_to", params={"scope": "acme"}, json=rules)
    assert answer.status == 200
    await enable_policy(api, await put_policy(api))
    rivals = [await api.suggest(number, confidence=0.9) for number in range(2)]
    assert await is_looked_at(api, "refused")
    statuses = {(await api.suggestion(one["id"]))["status"] for one in rivals}
    assert statuses == {"approved", "pending"}


async def test_a_suggestion_that_cannot_be_evaluated_is_left_to_people_and_holds_up_no_other(
    api: Api, connection: Connection
) -> None:
    before = [await api.suggest(number, confidence=0.9) for number in range(3)]
    await connection.execute("UPDATE suggestions SET maxima = '[]' WHERE id = $1", before[1]["id"])
    await enable_policy(api, await put_policy(api))
    assert await is_decided(api, before[0])
    assert await is_decided(api, before[2])
    assert await is_looked_at(api, "failed")
    assert (await api.suggestion(before[1]["id"]))["status"] == "pending"


async def test_a_policy_that_cannot_be_read_does_nothing(api: Api, connection: Connection) -> None:
    await put_policy(api, "newer", min_confidence=0.5)
    policy = await put_policy(api, min_confidence=0.85)
    await connection.execute("ALTER TABLE policy_versions DISABLE TRIGGER policy_versions_append_only")
    await connection.execute(
        "UPDATE policy_versions SET document = document || '{\"added_later\": 1}' WHERE policy_id <> $1",
        policy["id"],
    )
    await connection.execute("UPDATE policies SET state = 'enabled', enabled_at = now()")
    await connection.execute(
        "INSERT INTO policy_walks (policy_id) SELECT id FROM policies ON CONFLICT DO NOTHING"
    )
    unsure, sure = await api.suggest(1, confidence=0.8), await api.suggest(2, confidence=0.9)
    assert await is_decided(api, sure)
    assert await is_looked_at(api, "not_fired")
    assert (await api.suggestion(unsure["id"]))["status"] == "pending"


async def test_a_measured_policy_acts_once_people_have_agreed_often_enough(api: Api, reviewer: Api) -> None:
    measured = {"min_precision": 0.5, "min_decisions": 5}
    await enable_policy(api, await put_policy(api, min_confidence=0, measured=measured, hold_out=0.0001))
    suggestions = [await api.suggest(number) for number in range(7)]
    assert await is_looked_at(api, "not_fired", 7)
    for suggestion in suggestions[:6]:
        assert (await reviewer.approve(suggestion)).status == 200
    assert await is_decided(api, suggestions[6])


async def test_a_policy_that_people_disagree_with_is_suspended_once_and_takes_a_reason_to_go_on(
    api: Api, start_instance: StartInstance, reviewer: Api, log: EventLog
) -> None:
    await start_instance()
    breaker = {"disagreements_in_a_row": 2}
    policy = await enable_policy(api, await put_policy(api, breaker=breaker))
    for number in range(2):
        suggestion = await api.suggest(number, confidence=0.9)
        assert await is_decided(api, suggestion)
        assert (await reviewer.undo(await api.suggestion(suggestion["id"]))).status == 200
    assert await log.has(1, policy["id"])
    assert log.types(policy["id"]) == ["edges.policy.suspended"]
    shown = (await api.get(f"/v1/policies/{policy['id']}")).body
    assert (shown["state"], shown["suspension"]["cause"]) == ("suspended", "disagreements_in_a_row")
    left = await api.suggest(9, confidence=0.9)
    refused = await api.post(f"/v1/policies/{policy['id']}/enable", {})
    assert (refused.status, refused.body["code"], refused.body["current"]["state"]) == (
        409,
        "policy_suspended",
        "suspended",
    )
    assert (await enable_policy(api, policy, reason="The reviewers were wrong."))["state"] == "enabled"
    assert await is_decided(api, left)


async def test_each_suggestion_is_decided_once_by_two_instances_that_lose_their_connections_on_the_way(
    start_instance: StartInstance, connection: Connection
) -> None:
    first, second = await start_instance(), await start_instance()
    await enable_policy(first, await put_policy(first, hold_out=0.2))
    for instance in (first, second):
        await instance.propose(*(proposal(number, confidence=0.9) for number in range(1_000)))
        await connection.execute(CUT)

    async def nothing_left() -> bool:
        return not await connection.fetchval(LEFT)

    assert await eventually(nothing_left)
    decided = await connection.fetch("SELECT suggestion_id, count(*) FROM decisions GROUP BY 1")
    held_out = await connection.fetchval("SELECT count(*) FROM suggestions WHERE held_out_by IS NOT NULL")
    assert {row["count"] for row in decided} == {1}
    assert len(decided) + held_out == 1_000
    assert await connection.fetchval("SELECT count(*) FROM edges") == len(decided)
    assert 100 <= held_out <= 300


async def test_a_failure_in_one_scope_holds_up_no_other(api: Api, connection: Connection) -> None:
    await connection.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$"
    )
    await connection.execute(
        "CREATE TRIGGER broken BEFORE UPDATE ON policy_walks FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    other = api.as_("worker", scope="zebra")
    await enable_policy(api, await put_policy(api))
    await enable_policy(other, await put_policy(other))
    assert await is_decided(other, await other.suggest(1, confidence=0.9))
