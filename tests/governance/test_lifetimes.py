"""What ends by itself: suggestions that wait too long, and contents that are kept long enough."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest
from tests.governance.api import Api, Json, proposal, settings_for
from tests.governance.conftest import Connection, EventLog

from wayside_governance.app import SCHEMA, SESSION, migrations
from wayside_governance.service.deciding import Decider
from wayside_governance.service.expiring import Expirer
from wayside_governance.service.retention import Retainer
from wayside_governance.service.sweeping import Sweeper
from wayside_service.database import Database

HOUR = 3_600


@pytest.fixture
async def sweeper(governance_database: str, nats_url: str) -> AsyncIterator[Sweeper]:
    """A sweeper whose batches are small; the instances' own do not sweep meanwhile."""
    settings = settings_for(governance_database, nats_url)
    database = Database(settings, schema=SCHEMA, migrations=migrations(), session=SESSION)
    await database.start()
    await database.ready()
    decider = Decider(database, lambda: None, settings.reject_reason_codes)
    yield Sweeper(database, Expirer(decider, batch=2), Retainer(database, batch=2), HOUR)
    await database.close()


async def settle(api: Api, **settings: Any) -> None:
    answer = await api.call("PUT", "/v1/governance/settings", json=settings)
    assert answer.status == 200, answer


async def age(connection: Connection, suggestion: Json, hours: int) -> None:
    """Let a suggestion be as old as that."""
    await connection.execute(
        "UPDATE suggestions SET created_at = created_at - $2 * interval '1 hour', "
        "updated_at = updated_at - $2 * interval '1 hour', expires_at = expires_at - $2 * interval '1 hour' "
        "WHERE id = $1",
        suggestion["id"],
        hours,
    )


async def statuses(api: Api, *suggestions: Json) -> list[str]:
    return [(await api.suggestion(one["id"]))["status"] for one in suggestions]


async def test_what_nobody_decides_in_time_expires_and_can_be_proposed_again(
    api: Api, reviewer: Api, connection: Connection, sweeper: Sweeper, log: EventLog
) -> None:
    await settle(api, pending_ttl_seconds=HOUR)
    late, young, decided = [await api.suggest(number) for number in range(3)]
    decided = (await reviewer.approve(decided)).body["suggestion"]
    for one in (late, decided):
        await age(connection, one, 2)
    await sweeper.sweep()
    assert await statuses(api, late, young, decided) == ["expired", "pending", "approved"]
    [decision] = (await api.suggestion(late["id"]))["decisions"]
    assert (decision["verdict"], decision["reviewed_by"]) == ("expire", "system:expiry")
    assert await log.has(2, late["id"])
    assert log.types(late["id"])[-1] == "edges.suggestion.expired"
    assert (await api.get("/v1/audit/verify")).body["is_intact"] is True
    assert (await api.propose(proposal(0)))[0]["outcome"] == "reopened"
    await sweeper.sweep()
    assert await statuses(api, late) == ["pending"]


async def test_all_that_is_due_expires_once_while_instances_sweep_at_once(
    api: Api, connection: Connection, sweeper: Sweeper
) -> None:
    await settle(api, pending_ttl_seconds=HOUR)
    await api.propose(*[proposal(number) for number in range(7)])
    await connection.execute("UPDATE suggestions SET expires_at = now()")
    await asyncio.gather(*[sweeper.sweep() for _ in range(3)])
    await sweeper.sweep()
    [row] = await connection.fetch("SELECT status, revision, count(*) FROM suggestions GROUP BY 1, 2")
    assert tuple(row) == ("expired", 2, 7)


async def test_a_time_that_is_set_later_holds_for_what_waits_already(
    api: Api, reviewer: Api, connection: Connection, sweeper: Sweeper
) -> None:
    forgotten, touched, undone = [await api.suggest(number) for number in range(3)]
    undone = (await reviewer.reject(undone)).body["suggestion"]
    for one in (forgotten, touched, undone):
        await age(connection, one, 2)
    await api.propose(proposal(1, confidence=0.9))
    await settle(api, pending_ttl_seconds=HOUR)
    await reviewer.undo(undone)
    await sweeper.sweep()
    assert await statuses(api, forgotten, touched, undone) == ["expired", "pending", "pending"]


async def test_without_a_time_nothing_expires(api: Api, connection: Connection, sweeper: Sweeper) -> None:
    await settle(api, pending_ttl_seconds=HOUR)
    suggestion = await api.suggest()
    await age(connection, suggestion, 2)
    await settle(api)
    await sweeper.sweep()
    assert await statuses(api, suggestion) == ["pending"]


def contents(details: Json) -> set[str | None]:
    """What a suggestion shows of contents that are kept for a time."""
    [*pieces] = details["all_evidence"]
    return {
        *(piece.get("reasoning") for piece in pieces),
        *(str(piece.get("evidence")) for piece in pieces),
        *(decision.get("note") for decision in details["decisions"]),
    } - {None, "None"}


async def test_contents_are_dropped_after_their_time_and_hashes_stay(
    api: Api, reviewer: Api, connection: Connection, sweeper: Sweeper
) -> None:
    await settle(api, retention={"rejected": HOUR, "approved": None})
    said = {"reasoning": "both name scripts", "evidence": {"secret": 1}}
    suggestions = [await api.suggest(number, **said) for number in range(5)]
    for one in suggestions[:4]:
        await reviewer.reject(one, note="not so")
    await reviewer.approve(suggestions[4], note="so it is")
    for one in (*suggestions[:3], suggestions[4]):
        await age(connection, one, 2)
    before = await connection.fetch("SELECT digest, payload_hash FROM evidence ORDER BY digest")
    await sweeper.sweep()
    shown = [await api.suggestion(one["id"]) for one in suggestions]
    assert [bool(contents(one)) for one in shown] == [False, False, False, True, True]
    assert await connection.fetch("SELECT digest, payload_hash FROM evidence ORDER BY digest") == before
    assert (await api.propose(proposal(0, **said)))[0]["outcome"] == "suppressed"
    assert (await api.get("/v1/audit/verify")).body["is_intact"] is True
    runs = (await api.get("/v1/audit", action="retention.run")).body["items"]
    details = [orjson.loads(run["entry"])["details"] for run in runs]
    assert [one["suggestions"] for one in details] == [1, 2]
    assert [one["notes"] for one in details] == [1, 2]


async def test_the_note_of_a_bulk_is_dropped_after_the_longest_time(
    api: Api, reviewer: Api, connection: Connection, sweeper: Sweeper
) -> None:
    await settle(api, retention={"rejected": HOUR, "approved": 3 * HOUR, "expired": None})
    for number in range(4):
        body = {
            "scope": api.scope,
            "action": "approve",
            "note": f"note {number}",
            "items": [{"suggestion_id": (await api.suggest(number))["id"]}],
        }
        assert (await reviewer.post("/v1/suggestions/bulk", body)).body["state"] == "done"
    await connection.execute(
        "UPDATE bulks SET finished_at = now() - CASE WHEN note = 'note 0' THEN 2 ELSE 4 END * interval '1 hour'"
    )
    await sweeper.sweep()
    assert [row["note"] for row in await connection.fetch("SELECT note FROM bulks ORDER BY id")] == [
        "note 0",
        *[None] * 3,
    ]
    assert (await api.get("/v1/audit/verify")).body["is_intact"] is True
    runs = (await api.get("/v1/audit", action="retention.run")).body["items"]
    assert [orjson.loads(run["entry"])["details"]["notes"] for run in runs] == [1, 2]


async def test_what_comes_after_contents_were_dropped_is_dropped_too(
    api: Api, reviewer: Api, connection: Connection, sweeper: Sweeper
) -> None:
    await settle(api, retention={"approved": HOUR})
    suggestion = await api.suggest()
    await reviewer.approve(suggestion)
    await age(connection, suggestion, 2)
    await sweeper.sweep()
    assert (await api.propose(proposal(1, reasoning="later")))[0]["outcome"] == "decided"
    assert contents(await api.suggestion(suggestion["id"])) != set()
    await sweeper.sweep()
    assert contents(await api.suggestion(suggestion["id"])) == set()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evidence SET confidence = 1, payload = NULL, reasoning = NULL",
        "UPDATE evidence SET reasoning = 'otherwise'",
        "UPDATE decisions SET note = NULL, reviewed_by = 'nobody'",
        "DELETE FROM evidence",
    ],
)
async def test_nothing_else_of_what_was_appended_can_be_changed(
    api: Api, reviewer: Api, connection: Connection, change: str
) -> None:
    await reviewer.reject(await api.suggest(), note="no")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await connection.execute(change)


async def test_a_failure_in_one_scope_holds_up_no_other(
    api: Api, connection: Connection, sweeper: Sweeper
) -> None:
    other = api.as_("worker", scope="zebra")
    ours, theirs = await api.suggest(), await other.suggest()
    for owner, one in ((api, ours), (other, theirs)):
        await settle(owner, pending_ttl_seconds=HOUR)
        await age(connection, one, 2)
    await connection.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$"
    )
    await connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON decisions FOR EACH ROW "
        "WHEN (NEW.scope = 'acme') EXECUTE FUNCTION fail()"
    )
    await sweeper.sweep()
    assert (await statuses(api, ours), await statuses(other, theirs)) == (["pending"], ["expired"])
