"""Decisions on many suggestions: counted first, then a few at once and many by a job."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import orjson

from wayside_events.contracts.governance import (
    DECISION_BULK_AT_ONCE_LIMIT,
    DECISION_BULK_LIMIT,
    DecisionBulk,
    DecisionBulkBody,
    DecisionBulkItem,
    DecisionBulkItemPage,
    DecisionBulkPage,
    DecisionBulkState,
    UndoBulkRequest,
)
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.bulk import (
    Bulk,
    BulkNotFound,
    Handled,
    Order,
    StaleSnapshot,
    entry_of_begin,
    too_many,
)
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.domain.wanted import Order as ListOrder
from wayside_governance.domain.wanted import Position
from wayside_governance.service.bulk_work import BulkWork, problem_of
from wayside_governance.service.decisions import Asker
from wayside_governance.service.pages import Page, read_page, write_page
from wayside_governance.store import audit
from wayside_governance.store import bulk as stored
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection, Database
from wayside_service.idempotency import Answer, Caller, Once

SNAPSHOT_SECONDS: Final = 3600.0
SAMPLE_LIMIT: Final = 20
KEPT_DRY_RUNS: Final = 10
"""How many dry runs of a person in a scope are kept: each may hold half a million items."""

_LATEST: Final = (datetime.max.replace(tzinfo=UTC), str(UUID(int=2**128 - 1)))


@dataclass(frozen=True, slots=True)
class BulkService:
    """Takes orders about many suggestions. `employ` sees that a job works on one."""

    database: Database
    once: Once
    work: BulkWork
    employ: Callable[[Bulk], Awaitable[Bulk]]

    async def order(self, asker: Asker, body: DecisionBulkBody) -> Answer:
        """Count, or decide: 200 when it is done, 202 while a job works on it (`DecisionBulk` as JSON).

        Raises `InvalidBulk` and `StaleSnapshot`.
        """
        asker.principal.require(Role.REVIEWER, body.scope, field="/scope")
        order = Order.of(body, asker.principal.subject)
        if body.dry_run:
            return await self._preview(order, body)

        async def begin(connection: Connection) -> Bulk:
            if body.snapshot is not None:
                return await _begin_counted(connection, order, body.snapshot)
            targets = body.items or ()
            bulk = await stored.insert(
                connection, order, DecisionBulkState.RUNNING, matched=len(targets), kept_seconds=None
            )
            await stored.note_targets(connection, bulk, targets)
            await audit.append(connection, [entry_of_begin(bulk)])
            return bulk

        return await self._once(asker, order.scope, "bulk", body, begin)

    async def undo(self, asker: Asker, bulk_id: EntityId, body: UndoBulkRequest) -> Answer:
        """Take back all that a bulk decided, as far as it still stands; answers as `order` does. Raises `BulkNotOver`."""
        bulk = await self._visible(asker.principal, bulk_id)
        asker.principal.require(Role.REVIEWER, bulk.scope)

        async def begin(connection: Connection) -> Bulk:
            found = await stored.lock(connection, bulk_id)
            if found is None:
                raise BulkNotFound(bulk_id)
            if (undo_id := await stored.undo_of(connection, bulk_id)) is not None:
                undo = await stored.read(connection, undo_id)
                assert undo is not None
                return undo
            order = Order.undoing(found[0], asker.principal.subject, body.note)
            new = await stored.insert(
                connection, order, DecisionBulkState.RUNNING, matched=0, kept_seconds=None
            )
            new = await stored.note_decided(connection, new)
            await audit.append(connection, [entry_of_begin(new)])
            return new

        return await self._once(asker, bulk.scope, f"bulk.undo.{bulk_id}", body, begin)

    async def bulk(self, reader: Principal, bulk_id: EntityId) -> DecisionBulk:
        """Return a bulk as it is."""
        return _shown(await self._visible(reader, bulk_id))

    async def bulks(self, scope: ScopeName, page: Page) -> DecisionBulkPage:
        """Return a page of the bulks of a scope, the latest first; dry runs are none."""
        position = read_page(page.page, ListOrder.NEWEST)
        before = _LATEST
        if position is not None and isinstance(position.key, datetime):
            before = (position.key, position.item_id)
        async with self.database.acquire() as connection:
            found = await stored.list_of_scope(connection, scope, before=before, limit=page.limit + 1)
        shown = found[: page.limit]
        last = Position(shown[-1].asked_at, shown[-1].id) if len(found) > page.limit else None
        return DecisionBulkPage(items=tuple(map(_shown, shown)), next_page=write_page(ListOrder.NEWEST, last))

    async def failures(self, reader: Principal, bulk_id: EntityId, page: Page) -> DecisionBulkItemPage:
        """Return a page of what was not decided, in the order of the work."""
        await self._visible(reader, bulk_id)
        after = _position(page.page)
        async with self.database.acquire() as connection:
            found = await stored.failures(connection, bulk_id, after=after, limit=page.limit + 1)
        shown = found[: page.limit]
        next_page = str(shown[-1][0]) if len(found) > page.limit else None
        return DecisionBulkItemPage(items=tuple(item for _, item in shown), next_page=next_page)

    async def _preview(self, order: Order, body: DecisionBulkBody) -> Answer:
        """Keep what a filter finds, so that applying it decides what was counted and nothing else."""
        async with self.database.acquire() as connection:
            await stored.let_expire(connection, order, KEPT_DRY_RUNS - 1)
        async with self.database.transaction() as connection:
            bulk = await stored.insert(
                connection, order, DecisionBulkState.PREVIEW, matched=0, kept_seconds=SNAPSHOT_SECONDS
            )
            if body.filter is not None:
                bulk = await stored.note_matches(connection, bulk, body.filter)
                if bulk.matched > DECISION_BULK_LIMIT:
                    raise too_many()
            else:
                await stored.note_targets(connection, bulk, body.items or ())
                bulk = bulk._replace(matched=await stored.count_visible(connection, bulk))
            sample = await stored.sample(connection, bulk, SAMPLE_LIMIT)
        snapshot = bulk.id if body.filter is not None else None
        shown = _shown(bulk).model_copy(update={"snapshot": snapshot, "sample": tuple(sample)})
        return _answer(HTTPStatus.OK, shown)

    async def _once(
        self,
        asker: Asker,
        scope: ScopeName,
        verb: str,
        body: DecisionBulkBody | UndoBulkRequest,
        begin: Callable[[Connection], Awaitable[Bulk]],
    ) -> Answer:
        """Begin once for each key; the key keeps which bulk it was, so that a repeat shows it as it is by then."""
        caller = Caller(scope=scope, subject=asker.principal.subject, key=asker.key)

        async def act(connection: Connection) -> Answer:
            return Answer(HTTPStatus.ACCEPTED, orjson.dumps((await begin(connection)).id))

        kept = await self.once.run(caller.asks(verb, body), act)
        answer = await self._go_on(orjson.loads(kept.body))
        return Answer(answer.status, answer.body, is_replay=kept.is_replay)

    async def _go_on(self, bulk_id: EntityId) -> Answer:
        """Work on a small bulk now, and see that a large one has its job."""
        async with self.database.acquire() as connection:
            bulk = await stored.read(connection, bulk_id)
        if bulk is None:
            raise BulkNotFound(bulk_id)
        items: list[Handled] = []
        if bulk.state is DecisionBulkState.RUNNING:
            if bulk.matched <= DECISION_BULK_AT_ONCE_LIMIT:
                async for step in self.work.run(bulk.id, bulk.scope):
                    items += step.worked
                    bulk = step.bulk
            elif bulk.job_id is None:
                bulk = await self.employ(bulk)
        is_over = bulk.state is not DecisionBulkState.RUNNING
        shown = _shown(bulk).model_copy(update={"items": tuple(map(_item, items))})
        return _answer(HTTPStatus.OK if is_over else HTTPStatus.ACCEPTED, shown)

    async def _visible(self, reader: Principal, bulk_id: EntityId) -> Bulk:
        async with self.database.acquire() as connection:
            bulk = await stored.read(connection, bulk_id)
        if bulk is None or not reader.may(Role.VIEWER, bulk.scope):
            raise BulkNotFound(bulk_id)
        return bulk


async def _begin_counted(connection: Connection, order: Order, snapshot: EntityId) -> Bulk:
    """Let run what a dry run has counted; what runs already is returned as it is."""
    found = await stored.lock(connection, snapshot)
    if found is None or found[0].scope != order.scope:
        raise StaleSnapshot("There is no such snapshot.")
    bulk, is_expired = found
    if bulk.asked_by != order.asked_by or bulk.asked_for != order.asked_for:
        raise StaleSnapshot("The snapshot is of another request.")
    if bulk.state is not DecisionBulkState.PREVIEW:
        return bulk
    if is_expired:
        raise StaleSnapshot(
            f"The snapshot is more than an hour old, or not among your latest {KEPT_DRY_RUNS}."
        )
    bulk = await stored.begin(connection, bulk)
    await audit.append(connection, [entry_of_begin(bulk)])
    return bulk


def _position(page: str | None) -> int:
    if page is None:
        return 0
    if not page.isascii() or not page.isdigit() or len(page) > len(str(DECISION_BULK_LIMIT)):
        raise InvalidPage("Not a next_page of this list.")
    return int(page)


def _answer(status: HTTPStatus, shown: DecisionBulk) -> Answer:
    return Answer(status, shown.model_dump_json(exclude_none=True).encode())


def _shown(bulk: Bulk) -> DecisionBulk:
    return DecisionBulk(
        id=bulk.id,
        scope=bulk.scope,
        action=bulk.action,
        state=bulk.state,
        asked_by=bulk.asked_by,
        asked_at=bulk.asked_at,
        finished_at=bulk.finished_at,
        undo_of=bulk.undo_of,
        job_id=bulk.job_id,
        expires_at=bulk.expires_at,
        matched=bulk.matched,
        decided=bulk.decided,
        changed=bulk.changed,
        refused=bulk.refused,
    )


def _item(one: Handled) -> DecisionBulkItem:
    return DecisionBulkItem(
        suggestion_id=one.item.suggestion_id,
        outcome=one.outcome,
        revision=one.revision,
        problem=problem_of(one),
    )
