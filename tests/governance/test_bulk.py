"""Decisions on many suggestions: what was counted is decided, and what has changed is left alone."""

import asyncio
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs
from tests.governance.api import SCOPE, Api, Json, proposal
from tests.governance.conftest import Connection, EventLog, StartInstance
from tests.governance.test_plans import rows_read

from wayside_events.bus import Bus, Endpoint
from wayside_events.contracts.jobs import CREATE_SUBJECT, GET_SUBJECT, CreateRequest, GetRequest
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import new_id
from wayside_governance.routes.keys import BULK as BULK_SERVICE
from wayside_governance.service.bulk import KEPT_DRY_RUNS
from wayside_governance.service.bulk_running import BulkRunner
from wayside_governance.store import bulk as stored
from wayside_governance.store.statements import BULK
from wayside_jobs.domain.errors import JobNotFound
from wayside_jobs.service.statuses import problem_document

PATH = "/v1/suggestions/bulk"


def wanted(action: str = "approve", **fields: Any) -> Json:
    reason = {"reason_code": "not_related"} if action == "reject" else {}
    return {"scope": SCOPE, "action": action, **reason, **fields}


async def many(api: Api, count: int, **fields: Any) -> list[Json]:
    """Propose claims and return their suggestions."""
    outcomes = await api.propose(*(proposal(number, **fields) for number in range(count)))
    return [await api.suggestion(outcome["suggestion_id"]) for outcome in outcomes]


async def counted(reviewer: Api, body: Json) -> Json:
    answer = await reviewer.post(PATH, {**body, "dry_run": True})
    assert answer.status == 200, answer.body
    found: Json = answer.body
    return found


async def refuse(_: object) -> NoReturn:
    """Answer as the jobs service does that does not want a job."""
    raise ValueError


async def edges(connection: Connection) -> int:
    count: int = await connection.fetchval("SELECT count(*) FROM edges")
    return count


async def test_a_filter_is_counted_first_and_then_decides_what_was_counted(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    suggestions = await many(api, 5, analysis_run_id="run-1")
    await api.suggest(50)
    body = wanted(filter={"analysis_run_id": "run-1"})
    found = await counted(reviewer, body)
    assert (found["matched"], found["state"], len(found["sample"])) == (5, "preview", 5)
    await reviewer.reject(suggestions[0])
    await api.propose(proposal(1, analysis_run_id="run-1", source_model="another"))
    late = await api.suggest(99, analysis_run_id="run-1")
    answer = await reviewer.post(PATH, {**body, "snapshot": found["snapshot"]})
    assert answer.status == 200, answer.body
    outcomes = {item["suggestion_id"]: item["outcome"] for item in answer.body["items"]}
    assert outcomes == {
        one["id"]: "changed" if number < 2 else "decided" for number, one in enumerate(suggestions)
    }
    done = {name: answer.body[name] for name in ("state", "matched", "decided", "changed", "refused")}
    assert done == {"state": "done", "matched": 5, "decided": 3, "changed": 2, "refused": 0}
    assert (await api.suggestion(late["id"]))["status"] == "pending"
    assert await edges(connection) == 3
    failures = (await reviewer.get(f"{PATH}/{found['id']}/failures")).body["items"]
    assert {one["problem"]["code"] for one in failures} == {"stale_revision"}
    assert {one["suggestion_id"] for one in failures} == {one["id"] for one in suggestions[:2]}


async def test_who_proposed_approves_none_of_it_and_the_others_are_unharmed(api: Api, reviewer: Api) -> None:
    own = (await reviewer.as_("rita", "runner", "reviewer").propose(proposal(1)))[0]["suggestion_id"]
    other = await api.suggest(2)
    answer = await reviewer.post(
        PATH, wanted(items=[{"suggestion_id": own}, {"suggestion_id": other["id"], "revision": 1}])
    )
    assert [(one["outcome"], one.get("problem", {}).get("code")) for one in answer.body["items"]] == [
        ("refused", "own_proposal"),
        ("decided", None),
    ]


async def test_a_bulk_is_taken_back_as_a_whole_as_far_as_it_still_stands(
    api: Api, reviewer: Api, connection: Connection, log: EventLog
) -> None:
    suggestions = await many(api, 4)
    items = [{"suggestion_id": one["id"]} for one in suggestions]
    bulk = (await reviewer.post(PATH, wanted(items=items))).body
    taken_back = await api.suggestion(suggestions[0]["id"])
    await reviewer.undo(taken_back)
    answer = await reviewer.post(f"{PATH}/{bulk['id']}/undo", {})
    assert (answer.status, answer.body["decided"], answer.body["changed"]) == (200, 3, 1)
    assert await edges(connection) == 0
    again = await reviewer.post(f"{PATH}/{bulk['id']}/undo", {})
    assert again.body["id"] == answer.body["id"]
    refused = await reviewer.post(f"{PATH}/{answer.body['id']}/undo", {})
    assert (refused.status, refused.body["code"]) == (409, "bulk_not_over")
    assert await log.has(4 * 5)
    removed = [event for event in log.events if event.type == "edges.edge.removed"]
    assert len(removed) == 4


async def test_a_repeat_begins_nothing_anew(api: Api, reviewer: Api) -> None:
    suggestions = await many(api, 2)
    body = wanted("reject", items=[{"suggestion_id": one["id"]} for one in suggestions])
    key = {"Idempotency-Key": "once"}
    first = await reviewer.call("POST", PATH, json=body, headers=key)
    second = await reviewer.call("POST", PATH, json=body, headers=key)
    assert second.body["id"] == first.body["id"]
    assert (second.body["decided"], second.headers["Idempotent-Replayed"]) == (2, "true")
    other = await reviewer.call("POST", PATH, json={**body, "reason_code": "other"}, headers=key)
    assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")


async def test_a_snapshot_is_of_one_request_of_one_person_for_one_hour(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    await many(api, 1)
    body = wanted(filter={"all": True})
    snapshot = (await counted(reviewer, body))["snapshot"]

    async def refusal(caller: Api, **changed: Any) -> tuple[int, str]:
        answer = await caller.post(PATH, {**body, "snapshot": snapshot, **changed})
        return answer.status, answer.body["code"]

    stale = (409, "stale_snapshot")
    assert await refusal(reviewer, filter={"min_confidence": 0.1}) == stale
    assert await refusal(reviewer, action="reject", reason_code="other") == stale
    assert await refusal(reviewer.as_("ruth", "reviewer")) == stale
    assert await refusal(reviewer, snapshot="01890000-0000-7000-8000-000000000000") == stale
    await connection.execute("UPDATE bulks SET expires_at = now() - interval '1 second'")
    assert await refusal(reviewer) == stale


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({}, "/filter", "one_of"),
        ({"filter": {"all": True}, "items": [{"suggestion_id": "01890000-0000-7000-8000-000000000000"}]}, "/filter", "one_of"),
        ({"filter": {}}, "/filter", "empty"),
        ({"filter": {"all": True}}, "/snapshot", "missing"),
        ({"action": "undo", "filter": {"all": True}}, "/action", "unknown_action"),
        ({"action": "reject", "reason_code": None, "filter": {"all": True}, "dry_run": True}, "/reason_code", "missing"),
    ],
)  # fmt: skip
async def test_what_contradicts_itself_is_refused(reviewer: Api, fields: Json, field: str, code: str) -> None:
    answer = await reviewer.post(PATH, wanted(**fields))
    assert answer.status == 422
    assert (answer.body["errors"][0]["field"], answer.body["errors"][0]["code"]) == (field, code)


async def test_another_scope_sees_nothing_of_it(api: Api, reviewer: Api) -> None:
    suggestions = await many(api, 1)
    stranger = reviewer.as_("sven", "reviewer", scope="other")
    items = [{"suggestion_id": suggestions[0]["id"]}]
    bulk = (await reviewer.post(PATH, wanted(items=items))).body
    assert (await stranger.get(f"{PATH}/{bulk['id']}")).status == 404
    assert (await stranger.post(f"{PATH}/{bulk['id']}/undo", {})).status == 404
    assert (await stranger.post(PATH, wanted(items=items))).status == 403
    theirs = await stranger.post(PATH, {**wanted(items=items), "scope": "other"})
    assert theirs.body["items"][0]["outcome"] == "not_found"
    assert (await reviewer.as_("vera", "viewer").post(PATH, wanted(items=items))).status == 403
    assert [one["id"] for one in (await reviewer.get(PATH)).body["items"]] == [bulk["id"]]


async def test_one_at_which_the_service_fails_is_passed_over_and_named(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    suggestions = await many(api, 6)
    poison = suggestions[3]["id"]
    await connection.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$"
    )
    await connection.execute(
        "CREATE TRIGGER poisoned BEFORE UPDATE ON suggestions FOR EACH ROW "
        f"WHEN (OLD.id = '{poison}') EXECUTE FUNCTION fail()"
    )
    answer = await reviewer.post(PATH, wanted(items=[{"suggestion_id": one["id"]} for one in suggestions]))
    assert (answer.body["decided"], answer.body["refused"]) == (5, 1)
    [failure] = (await reviewer.get(f"{PATH}/{answer.body['id']}/failures")).body["items"]
    assert (failure["suggestion_id"], failure["problem"]["code"]) == (poison, "internal_error")


async def test_two_instances_and_two_orders_decide_each_suggestion_once(
    start_instance: StartInstance, connection: Connection
) -> None:
    first, second = await start_instance(), await start_instance()
    suggestions = await many(first, 40)
    items = [{"suggestion_id": one["id"]} for one in suggestions]
    ruth, rita = first.as_("ruth", "reviewer"), second.as_("rita", "reviewer")
    answers = await asyncio.gather(
        ruth.post(PATH, wanted(items=items)), rita.post(PATH, wanted("reject", items=items))
    )
    assert sum(answer.body["decided"] for answer in answers) == 40
    assert sum(answer.body["changed"] for answer in answers) == 40
    approved = await connection.fetchval("SELECT count(*) FROM suggestions WHERE status = 'approved'")
    assert await edges(connection) == approved


async def test_items_of_what_is_over_are_dropped_and_not_looked_for_again(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    suggestions = await many(api, 3)
    await reviewer.post(PATH, wanted(items=[{"suggestion_id": one["id"]} for one in suggestions]))
    assert [await stored.drop(connection, 2) for _ in range(3)] == [2, 1, 0]
    columns = "scope, action, state, asked_by, asked_at, asked_for, changed_at, finished_at, has_items"
    await connection.execute(
        f"INSERT INTO bulks (id, matched, {columns}) "
        f"SELECT gen_random_uuid(), 0, {columns} FROM bulks, generate_series(1, 2000)"
    )
    await connection.execute("ANALYZE")
    assert await rows_read(connection, BULK.drop_items, (100,), of="bulks") == 0


async def test_that_a_bulk_has_no_job_yet_is_said_once(
    api: Api, reviewer: Api, connection: Connection
) -> None:
    found = await counted(reviewer, wanted(filter={"all": True}))
    bulk = await stored.read(connection, found["id"])
    assert bulk is not None
    with capture_logs() as logs:
        for _ in range(3):
            await api.client.app[BULK_SERVICE].employ(bulk)
    assert [entry["event"] for entry in logs].count("bulk_without_job") == 1


@pytest.mark.parametrize(("code", "state"), [("invalid_input", "failed"), ("unknown_job_type", "running")])
async def test_a_bulk_fails_whose_job_is_refused_for_good(
    api: Api, reviewer: Api, connection: Connection, bus: Bus, code: str, state: str
) -> None:
    found = await counted(reviewer, wanted(filter={"all": True}))
    previewed = await stored.read(connection, found["id"])
    assert previewed is not None
    bulk = await stored.begin(connection, previewed)
    await bus.serve(
        name="jobs",
        version="1.0.0",
        endpoints=[Endpoint(CREATE_SUBJECT, CreateRequest, refuse)],
        problem_of=lambda _: Problem(title="Refused", status=422, code=code, detail="It is refused."),
    )
    with capture_logs() as logs:
        employed = await api.client.app[BULK_SERVICE].employ(bulk)
    assert (await reviewer.get(f"{PATH}/{bulk.id}")).body["state"] == employed.state == state
    [said] = [entry["error"] for entry in logs if entry["event"] in ("bulk_job_refused", "bulk_without_job")]
    assert said == f"{code}: It is refused."


async def test_a_bulk_fails_whose_job_is_gone(
    api: Api, reviewer: Api, connection: Connection, bus: Bus
) -> None:
    async def gone(request: GetRequest) -> NoReturn:
        raise JobNotFound(request.job_id)

    found = await counted(reviewer, wanted(filter={"all": True}))
    bulk = await stored.set_job(connection, found["id"], new_id())
    await stored.begin(connection, bulk)
    await bus.serve(
        name="jobs",
        version="1.0.0",
        endpoints=[Endpoint(GET_SUBJECT, GetRequest, gone)],
        problem_of=problem_document,
    )
    service = api.client.app[BULK_SERVICE]
    await BulkRunner(service.database, service.work, bus).take_up(quiet_seconds=0)
    assert (await reviewer.get(f"{PATH}/{bulk.id}")).body["state"] == "failed"


async def test_only_the_latest_dry_runs_of_a_person_are_kept(api: Api, reviewer: Api) -> None:
    await api.suggest()
    body = wanted(filter={"all": True})
    others = await counted(api.as_("otto", "reviewer"), body)
    first, second, *_ = [await counted(reviewer, body) for _ in range(KEPT_DRY_RUNS + 1)]
    answer = await reviewer.post(PATH, {**body, "snapshot": first["snapshot"]})
    assert (answer.status, answer.body["code"]) == (409, "stale_snapshot")
    assert (await reviewer.post(PATH, {**body, "snapshot": second["snapshot"]})).body["decided"] == 1
    answer = await api.as_("otto", "reviewer").post(PATH, {**body, "snapshot": others["snapshot"]})
    assert (answer.status, answer.body["changed"]) == (200, 1)
