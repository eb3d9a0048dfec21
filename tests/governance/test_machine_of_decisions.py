"""Any order of proposals and verdicts, from two instances at once: whatever happens, the records agree."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from tests.governance.api import proposal, settings_for

from wayside_events.contracts.governance import (
    BulkTarget,
    DecisionBulk,
    DecisionBulkAction,
    DecisionBulkBody,
    ProposalOutcome,
    PutTypeRequest,
    UndoBulkRequest,
    Verdict,
)
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.app import SCHEMA, SESSION, migrations
from wayside_governance.domain.bulk import Bulk, BulkNotOver
from wayside_governance.domain.planning import Result, flat
from wayside_governance.domain.verdicts import Outcome, Wanted
from wayside_governance.service.auditing import AuditService
from wayside_governance.service.bulk import BulkService
from wayside_governance.service.bulk_work import BulkWork
from wayside_governance.service.deciding import Decider
from wayside_governance.service.decisions import Asker
from wayside_governance.service.intake import IntakeService
from wayside_governance.store import rules
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection, Database
from wayside_service.idempotency import Answer, Once
from wayside_service.outbox.frame import unpack

CLAIMS = [(kind, number) for kind in ("functional", "quorum", "plain") for number in (1, 2, 3)]
STATUS_AFTER = {
    Verdict.APPROVE: "approved",
    Verdict.ENDORSE: "pending",
    Verdict.REJECT: "rejected",
    Verdict.SUPERSEDE: "superseded",
    Verdict.EXPIRE: "expired",
    Verdict.WITHDRAW: "withdrawn",
    Verdict.UNDO: "pending",
}
REVIEWERS = ("rita", "rob", "worker", "policy:sure")
VERDICTS = (Verdict.APPROVE, Verdict.APPROVE, Verdict.REJECT, Verdict.UNDO, Verdict.EXPIRE, Verdict.WITHDRAW)

choices = st.tuples(st.sampled_from(CLAIMS), st.sampled_from(VERDICTS), st.booleans(), st.booleans())
decide = st.tuples(st.sampled_from(REVIEWERS), st.lists(choices, min_size=1, max_size=4))
order = st.tuples(
    st.sampled_from(REVIEWERS[:2]),
    st.sampled_from([DecisionBulkAction.APPROVE, DecisionBulkAction.REJECT]),
    st.lists(st.tuples(st.sampled_from(CLAIMS), st.booleans()), min_size=1, max_size=9),
)
propose = st.lists(st.tuples(st.sampled_from(CLAIMS), st.integers(1, 3)), min_size=1, max_size=3)


@dataclass(frozen=True, slots=True)
class Listening(Decider):
    """A decider that says what it has decided."""

    heard: Callable[[Outcome], None] = field(kw_only=True)

    def committed(self, results: Iterable[Result]) -> None:
        for outcome in flat(results):
            self.heard(outcome)


@dataclass
class World:
    """Two instances of the service, without HTTP and without a relay: events stay in the outbox, to be looked at."""

    dsn: str
    runner: asyncio.Runner
    databases: list[Database] = field(default_factory=list)
    scopes: Any = field(default_factory=lambda: map("s{}".format, count()))

    async def start(self) -> None:
        for _ in range(2):
            options = settings_for(self.dsn, "nats://localhost:1")
            database = Database(options, schema=SCHEMA, migrations=migrations(), session=SESSION)
            await database.start()
            await database.ready()
            self.databases.append(database)

    async def close(self) -> None:
        for database in self.databases:
            await database.close()


class Machine(RuleBasedStateMachine):
    """One scope, nine claims, any moves; what holds is checked at the end."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.scope = ScopeName(next(world.scopes))
        self.ids: dict[tuple[str, int], EntityId] = {}
        self.revisions: dict[EntityId, int] = {}
        self.decided: list[Outcome] = []
        self.bulks: list[EntityId] = []
        self.run(self._declare())
        self.run(self._propose(self.world.databases[0], [(claim, 1) for claim in CLAIMS]))

    def run(self, work: Any) -> Any:
        return self.world.runner.run(work)

    async def _declare(self) -> None:
        async with self.world.databases[0].transaction() as connection:
            for name, wanted in (
                ("functional", PutTypeRequest(is_functional=True)),
                ("quorum", PutTypeRequest(required_approvals=2)),
            ):
                await rules.put_type(connection, self.scope, name, wanted, "ada")

    @rule(
        decisions=st.lists(decide, max_size=3),
        proposals=st.lists(propose, max_size=1),
        orders=st.lists(order, max_size=2),
        undone=st.one_of(st.none(), st.integers(0, 20)),
    )
    def at_once(
        self,
        decisions: Sequence[Any],
        proposals: Sequence[Any],
        orders: Sequence[Any],
        undone: int | None,
    ) -> None:
        """Send everything at the same time, to one instance after the other in turn."""
        moves: list[Awaitable[Any]] = []
        for index, (reviewer, chosen) in enumerate(decisions):
            moves.append(self._decide(self.world.databases[index % 2], reviewer, chosen))
        moves += [self._propose(self.world.databases[1], given) for given in proposals]
        moves += [self._order(self.world.databases[index % 2], *given) for index, given in enumerate(orders)]
        if undone is not None and self.bulks:
            moves.append(self._undo(self.world.databases[0], self.bulks[undone % len(self.bulks)]))

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*moves)

        self.run(all_of_them())

    async def _propose(self, database: Database, given: Sequence[tuple[tuple[str, int], int]]) -> None:
        bodies = [
            proposal(claim[1], relationship_type=claim[0], analysis_run_id=f"r{run}", evidence={"run": run})
            for claim, run in given
        ]
        outcomes = await IntakeService(database, lambda: None).propose(self.scope, "worker", bodies)
        for (claim, _), outcome in zip(given, outcomes, strict=True):
            self._remember(claim, outcome)

    def _remember(self, claim: tuple[str, int], outcome: ProposalOutcome) -> None:
        assert outcome.suggestion_id is not None
        assert outcome.revision is not None
        assert self.ids.setdefault(claim, outcome.suggestion_id) == outcome.suggestion_id
        self.revisions[outcome.suggestion_id] = outcome.revision

    async def _decide(self, database: Database, reviewer: str, chosen: Sequence[Any]) -> None:
        wanted = [
            Wanted(
                suggestion_id=self.ids[claim],
                verdict=verdict,
                reviewed_by=reviewer,
                revision=self.revisions[self.ids[claim]] if is_exact else None,
                scope=self.scope,
                reason_code="other",
                supersedes_rivals=supersedes and verdict is Verdict.APPROVE,
            )
            for claim, verdict, is_exact, supersedes in chosen
        ]
        await self._decider(database).decide_now(wanted)

    def _decider(self, database: Database) -> Decider:
        return Listening(database, lambda: None, ["other"], heard=self._hear)

    def _hear(self, outcome: Outcome) -> None:
        self.decided.append(outcome)
        self.revisions[outcome.after.id] = outcome.after.revision

    def _bulks(self, database: Database) -> BulkService:
        async def employ(bulk: Bulk) -> Bulk:
            raise AssertionError(bulk)

        return BulkService(database, Once(database), BulkWork(self._decider(database)), employ)

    async def _order(
        self, database: Database, reviewer: str, action: DecisionBulkAction, chosen: Sequence[Any]
    ) -> None:
        body = DecisionBulkBody(
            scope=self.scope,
            action=action,
            reason_code="other",
            items=tuple(
                BulkTarget(
                    suggestion_id=self.ids[claim],
                    revision=self.revisions[self.ids[claim]] if is_exact else None,
                )
                for claim, is_exact in chosen
            ),
        )
        answer = await self._bulks(database).order(self._asker(reviewer), body)
        self.bulks.append(self._whole(answer))

    async def _undo(self, database: Database, bulk_id: EntityId) -> None:
        with suppress(BulkNotOver):
            answer = await self._bulks(database).undo(self._asker("ruth"), bulk_id, UndoBulkRequest())
            undo = self._whole(answer)
            if undo not in self.bulks:
                self.bulks.append(undo)

    def _asker(self, reviewer: str) -> Asker:
        grants: dict[str, frozenset[Role]] = {self.scope: frozenset({Role.REVIEWER})}
        return Asker(Principal(reviewer, grants, datetime.max.replace(tzinfo=UTC)))

    def _whole(self, answer: Answer) -> EntityId:
        """See that a bulk has worked on all it is about, and return its id."""
        bulk = DecisionBulk.model_validate_json(answer.body)
        assert (bulk.state, bulk.handled) == ("done", bulk.matched)
        return bulk.id

    def teardown(self) -> None:
        self.run(self._check())

    async def _check(self) -> None:
        database = self.world.databases[0]
        async with database.acquire() as connection:
            suggestions = await connection.fetch("SELECT * FROM suggestions WHERE scope = $1", self.scope)
            decisions = await self._decisions(connection, len(self.decided))
            edges = await connection.fetch("SELECT * FROM edges WHERE scope = $1", self.scope)
            entries = await connection.fetchval("SELECT count(*) FROM audit WHERE scope = $1", self.scope)
            events = await self._events(connection)
        for row in suggestions:
            self._check_suggestion(row, decisions[str(row["id"])], events.pop(str(row["id"])))
        assert {row["edge_id"] for row in suggestions} - {None} == {edge["id"] for edge in edges}
        functional = Counter(edge["from_node_id"] for edge in edges if edge["is_functional"])
        assert all(number == 1 for number in functional.values())
        self._check_edges({str(edge["id"]) for edge in edges}, events)
        assert entries == len(self.decided) + len(self.bulks)
        found = await AuditService(database).verify(self.scope, 0, None)
        assert (found.is_intact, found.head.position) == (True, entries)

    async def _decisions(self, connection: Connection, number: int) -> dict[str, list[Any]]:
        rows = await connection.fetch(
            "SELECT * FROM decisions WHERE scope = $1 ORDER BY revision", self.scope
        )
        assert {str(row["id"]) for row in rows} == {one.decision.id for one in self.decided}
        assert len(rows) == number
        found: defaultdict[str, list[Any]] = defaultdict(list)
        for row in rows:
            found[str(row["suggestion_id"])].append(row)
        return found

    async def _events(self, connection: Connection) -> dict[str, list[Any]]:
        found: defaultdict[str, list[Any]] = defaultdict(list)
        for row in await connection.fetch("SELECT events, messages FROM outbox ORDER BY id"):
            for message in unpack(row["messages"], row["events"]):
                event = orjson.loads(message.payload)
                if event["scope"] == self.scope:
                    found[event["subject"]].append(event)
        return found

    def _check_suggestion(self, row: Any, decisions: Sequence[Any], events: Sequence[Any]) -> None:
        assert [event["revision"] for event in events] == list(range(1, row["revision"] + 1))
        last = events[-1]["data"]
        assert (last["status"], last["confidence"]) == (row["status"], row["confidence"])
        assert last["evidence_count"] == row["evidence_count"]
        by_revision = {event["revision"]: event for event in events}
        for decision in decisions:
            said = by_revision[decision["revision"]]["data"]
            assert said["decision_id"] == str(decision["id"])
            assert said["status"] == STATUS_AFTER[decision["verdict"]]
        is_approved = bool(decisions) and decisions[-1]["verdict"] == Verdict.APPROVE
        assert (row["status"] == "approved") == is_approved == (row["edge_id"] is not None)

    def _check_edges(self, existing: set[str], events: dict[str, list[Any]]) -> None:
        alive = {
            edge_id for edge_id, told in events.items() if [one["type"][-7:] for one in told] == ["created"]
        }
        gone = {
            edge_id
            for edge_id, told in events.items()
            if [one["type"][-7:] for one in told] == ["created", "removed"]
        }
        assert (alive, alive | gone) == (existing, set(events))


def test_whatever_two_instances_do_at_once_the_records_agree(governance_database: str) -> None:
    with asyncio.Runner() as runner:
        world = World(governance_database, runner)
        runner.run(world.start())
        try:
            run_state_machine_as_test(
                lambda: Machine(world),  # type: ignore[arg-type]
                settings=settings(
                    max_examples=15,
                    stateful_step_count=12,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(world.close())
