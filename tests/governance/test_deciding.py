"""The engine of decisions on the real database: batches, races on purpose, and breaking off between any two statements."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.eventually import eventually
from tests.governance.api import SCOPE, proposal, settings_for

from wayside_events.contracts.governance import PutTypeRequest, Verdict
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.app import SCHEMA, SESSION, migrations
from wayside_governance.domain.errors import (
    DecidedElsewhere,
    EdgeChanged,
    EdgeExists,
    OwnProposal,
    RivalExists,
    SuggestionNotFound,
)
from wayside_governance.domain.planning import Result
from wayside_governance.domain.verdicts import Outcome, Wanted
from wayside_governance.service.deciding import Decider
from wayside_governance.service.intake import IntakeService
from wayside_governance.store import rules
from wayside_service.database import Database


@pytest.fixture
async def database(governance_database: str) -> AsyncIterator[Database]:
    options = settings_for(governance_database, "nats://localhost:1")
    database = Database(options, schema=SCHEMA, migrations=migrations(), session=SESSION)
    await database.start()
    await database.ready()
    yield database
    await database.close()


@pytest.fixture
def decider(database: Database) -> Decider:
    return Decider(database, lambda: None, ["other"])


async def suggest(database: Database, *numbers: int, **fields: Any) -> list[EntityId]:
    bodies = [proposal(number, **fields) for number in numbers]
    outcomes = await IntakeService(database, lambda: None).propose(SCOPE, "worker", bodies)
    return [outcome.suggestion_id for outcome in outcomes if outcome.suggestion_id is not None]


async def make_functional(database: Database) -> None:
    async with database.transaction() as connection:
        await rules.put_type(connection, SCOPE, "relates_to", PutTypeRequest(is_functional=True), "ada")


def approval(suggestion_id: EntityId, reviewer: str = "rita", **fields: Any) -> Wanted:
    return Wanted(suggestion_id, Verdict.APPROVE, reviewer, **fields)


def undo(suggestion_id: EntityId) -> Wanted:
    return Wanted(suggestion_id, Verdict.UNDO, "rob")


async def is_somebody_waiting(connection: Any) -> bool:
    waiting: int = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return waiting > 0


async def test_a_batch_of_five_hundred_is_decided_item_by_item(
    database: Database, decider: Decider, connection: Any
) -> None:
    ids = await suggest(database, *range(498))
    [own] = await IntakeService(database, lambda: None).propose(SCOPE, "rita", [proposal(900)])
    assert own.suggestion_id is not None
    await connection.execute(
        "INSERT INTO edges SELECT gen_random_uuid(), scope, from_node_id, to_node_id, relationship_type, 1, 1, NULL,"
        " NULL, NULL, 'import', now() FROM suggestions WHERE id = $1",
        ids[7],
    )
    results = await decider.decide_now(
        [*map(approval, reversed(ids)), approval(own.suggestion_id), approval(ids[3])]
    )
    refused = [result for result in results if not isinstance(result, Outcome)]
    assert list(map(type, refused)) == [EdgeExists, OwnProposal, DecidedElsewhere]
    assert await connection.fetchval("SELECT count(*) FROM suggestions WHERE status = 'approved'") == 497
    assert await connection.fetchval("SELECT count(*) FROM edges") == 498
    assert await connection.fetchval("SELECT count(*) FROM decisions") == 497
    assert await connection.fetchval("SELECT position FROM audit_heads") == 497
    undone = await decider.decide_now([undo(suggestion_id) for suggestion_id in ids])
    assert sum(isinstance(result, Outcome) for result in undone) == 497
    assert await connection.fetchval("SELECT count(*) FROM edges") == 1


async def test_decisions_keep_their_policy_bulk_and_sources(
    database: Database, decider: Decider, connection: Any
) -> None:
    [suggestion_id] = await suggest(database, 1)
    await suggest(database, 1, source_model="llm", confidence=0.75)
    await decider.decide_now([approval(suggestion_id, bulk_id=suggestion_id, note="all")])
    row = await connection.fetchrow("SELECT * FROM decisions")
    assert (str(row["bulk_id"]), row["note"], row["confidence_shown"]) == (suggestion_id, "all", 0.875)
    assert row["sources_shown"] == '{"llm": 0.75, "tfidf": 0.5}'
    [foreign] = await decider.decide_now([undo(suggestion_id)._replace(scope=ScopeName("globex"))])
    assert isinstance(foreign, SuggestionNotFound)


async def test_of_two_rivals_whose_approvals_meet_the_second_is_refused_by_name(
    database: Database, decider: Decider, connection: Any
) -> None:
    await make_functional(database)
    one, two = await suggest(database, 1, 2)
    async with database.transaction() as first:
        [won] = await decider.decide(first, [approval(one)])
        second = asyncio.create_task(decider.decide_now([approval(two, "rob")]))
        assert await eventually(lambda: is_somebody_waiting(connection))
    [lost] = await second
    assert isinstance(won, Outcome)
    assert isinstance(lost, RivalExists)
    assert lost.edge_id == won.decision.edge_id
    [wider] = await decider.decide_now([approval(two, "rob", supersedes_rivals=True)])
    assert isinstance(wider, RivalExists)


async def test_evidence_that_was_under_way_counts_for_who_may_approve(
    database: Database, decider: Decider, connection: Any
) -> None:
    [suggestion_id] = await suggest(database, 1)
    async with database.transaction() as intake:
        await intake.execute("UPDATE suggestions SET revision = revision + 1")
        await intake.execute(
            "INSERT INTO evidence (suggestion_id, digest, id, payload_hash, source_model, confidence,"
            " proposed_by, proposed_at)"
            " SELECT suggestion_id, 'x', gen_random_uuid(), payload_hash, 'llm', 0.5, 'rita', now() FROM evidence"
        )
        careless = asyncio.create_task(decider.decide_now([approval(suggestion_id)]))
        assert await eventually(lambda: is_somebody_waiting(connection))
    [result] = await careless
    assert isinstance(result, OwnProposal)


async def test_a_proposal_that_meets_an_approval_is_answered_as_decided(
    database: Database, decider: Decider, connection: Any
) -> None:
    [suggestion_id] = await suggest(database, 1)
    async with database.transaction() as first:
        await decider.decide(first, [approval(suggestion_id)])
        late = asyncio.create_task(
            IntakeService(database, lambda: None).propose(SCOPE, "worker", [proposal(1, source_model="llm")])
        )
        assert await eventually(lambda: is_somebody_waiting(connection))
    [outcome] = await late
    assert (outcome.outcome, outcome.revision) == ("decided", 2)


async def test_overlapping_batches_in_any_order_do_not_deadlock(database: Database, decider: Decider) -> None:
    await make_functional(database)
    ids = [
        suggestion_id
        for number in range(30)
        for suggestion_id in await suggest(database, 1, 2, from_node_id=f"n{number}")
    ]
    batches = [ids, ids[::-1], ids[1::2] + ids[::2], ids[20:] + ids[:20]]
    answers = await asyncio.gather(
        *(decider.decide_now([approval(one, supersedes_rivals=True) for one in batch]) for batch in batches)
    )
    approved = [result for results in answers for result in results if isinstance(result, Outcome)]
    assert len(approved) == 30
    assert all(len(outcome.linked) == 1 for outcome in approved)


async def test_an_edge_changed_since_stays_and_so_do_its_rivals(
    database: Database, decider: Decider, connection: Any
) -> None:
    await make_functional(database)
    one, _ = await suggest(database, 1, 2)
    await decider.decide_now([approval(one, supersedes_rivals=True)])
    await connection.execute("UPDATE edges SET revision = 2")
    [result] = await decider.decide_now([undo(one)])
    assert isinstance(result, EdgeChanged)
    statuses = await connection.fetch("SELECT status FROM suggestions ORDER BY status")
    assert [row["status"] for row in statuses] == ["approved", "superseded"]


class BrokenOff(Exception):
    """The process ends here, as far as the database can tell."""


class Fragile:
    """A connection that breaks after some statements."""

    def __init__(self, connection: Any, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._connection, name)

        async def run(*arguments: Any) -> Any:
            if not self._left:
                raise BrokenOff
            self._left -= 1
            return await real(*arguments)

        return run


async def state_of(connection: Any) -> list[Any]:
    tables = ("suggestions", "decisions", "edges", "audit", "audit_heads", "outbox")
    return [await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


@pytest.mark.parametrize("verdict", ["approve", "undo"])
async def test_broken_off_between_any_two_statements_nothing_has_happened(
    database: Database, decider: Decider, connection: Any, verdict: str
) -> None:
    await make_functional(database)
    one, _, _ = await suggest(database, 1, 2, 3)
    wanted = approval(one, supersedes_rivals=True)
    if verdict == "undo":
        await decider.decide_now([wanted])
        wanted = undo(one)
    before = await state_of(connection)
    statements = 0
    while (results := await broken_off(database, decider, wanted, statements)) is None:
        assert await state_of(connection) == before
        statements += 1
    [result] = results
    assert isinstance(result, Outcome)
    assert statements == {"approve": 4, "undo": 6}[verdict]


async def broken_off(
    database: Database, decider: Decider, wanted: Wanted, statements: int
) -> list[Result] | None:
    try:
        async with database.transaction() as connection:
            fragile: Any = Fragile(connection, statements)
            return await decider.decide(fragile, [wanted])
    except BrokenOff:
        return None
