"""One connection of the relay: it holds the lock, and all work on the outbox is done through it.

So an instance that lost the lock can neither read nor delete any more.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from importlib.resources import files
from typing import Final

import structlog

from wayside_events.bus import MessageTooLarge, OutgoingMessage, PublishRefused
from wayside_events.stream import BATCH_LIMIT
from wayside_service.database.connection import OwnConnection, Record
from wayside_service.database.queries import Query, load_queries
from wayside_service.outbox.batch import Row, messages_of, without_stored, without_superseded
from wayside_service.outbox.frame import UnreadableFrame, pack_messages, unpack
from wayside_service.outbox.metrics import OutboxMetrics
from wayside_service.outbox.publisher import Publisher

_BATCH_BYTES = 4 * 1024 * 1024
_PENDING_ROWS_LIMIT = 100_000
_CHUNK = 50
"""Subjects in one question to the stream; the questions of a batch are asked at once."""
_REFUSALS_LIMIT = 3
"""How often the stream may refuse a message before it is moved aside: a refusal can be of the moment."""

_SQL: Final = load_queries(files(__package__) / "queries.sql")

log = structlog.get_logger("wayside_service.outbox")


class PublishFailed(Exception):
    """It is not known what of a batch the stream has; trying again later makes sense."""


class RelaySession:
    """Publishes batches while it holds the lock."""

    def __init__(
        self,
        connection: OwnConnection,
        publisher: Publisher,
        metrics: OutboxMetrics,
        conflated_types: Collection[str],
    ) -> None:
        self._connection = connection
        self._publisher = publisher
        self._metrics = metrics
        self._conflated_types = conflated_types
        self._doubtful_upto = 0
        self._refusals: Counter[str] = Counter()

    async def try_lock(self) -> bool:
        """Try to become the active relay."""
        locked: bool = await self._connection.fetchval(_SQL.try_lock)
        if locked:
            await self._connection.execute(_SQL.commit_without_wait)
            # The one before may have died between the stream's acknowledgement and its delete.
            self._doubtful_upto = await self._connection.fetchval(_SQL.newest_id)
        return locked

    async def publish_next(self) -> float | None:
        """Publish the oldest rows and delete them; return the age of the oldest, `None` when there was none.

        Raises `PublishFailed`, after which it asks the stream what it has before it publishes again.
        """
        found = await self._connection.fetch(_SQL.read_batch, BATCH_LIMIT, _BATCH_BYTES)
        if not found:
            return None
        if rows := [row for row in [await self._readable(each) for each in found] if row]:
            await self._relay(rows)
        age_seconds: float = found[0]["age_seconds"]
        return age_seconds

    async def measure(self) -> None:
        """Set the gauges."""
        row = await self._connection.fetchrow(_SQL.measure, _PENDING_ROWS_LIMIT)
        assert row is not None
        self._metrics.pending.set(row["pending"])
        self._metrics.oldest_seconds.set(row["oldest_seconds"])

    async def _readable(self, found: Record) -> Row | None:
        try:
            return Row(found["id"], unpack(found["messages"], found["events"]))
        except UnreadableFrame as error:
            await self._bury_row(found["id"], found["events"], str(error))
            return None

    async def _relay(self, rows: Sequence[Row]) -> None:
        messages = messages_of(rows)
        unstored = await self._unstored(rows, messages)
        wanted = without_superseded(unstored, self._conflated_types)
        if await self._publish(rows, wanted):
            await self._connection.execute(_SQL.delete_rows, [row.id for row in rows])
            self._metrics.published.inc(len(wanted))
            self._metrics.superseded.inc(len(unstored) - len(wanted))
            self._metrics.already_stored.inc(len(messages) - len(unstored))

    async def _unstored(self, rows: Sequence[Row], messages: list[OutgoingMessage]) -> list[OutgoingMessage]:
        if rows[0].id > self._doubtful_upto:
            return messages
        subjects = sorted({message.subject for message in messages})
        chunks = [subjects[start : start + _CHUNK] for start in range(0, len(subjects), _CHUNK)]
        try:
            answers = await asyncio.gather(*map(self._publisher.stored_message_ids, chunks))
        except Exception as error:
            raise PublishFailed(repr(error)) from error
        return without_stored(
            messages, {subject: found for answer in answers for subject, found in answer.items()}
        )

    async def _publish(self, rows: Sequence[Row], messages: Sequence[OutgoingMessage]) -> bool:
        """Return whether all are stored; one that never will be is moved aside."""
        if not messages:
            return True
        doubtful_before, self._doubtful_upto = self._doubtful_upto, max(self._doubtful_upto, rows[-1].id)
        try:
            await self._publisher.publish_batch(messages)
        except MessageTooLarge as error:
            await self._bury_message(rows, error.message_id, str(error))
            return False
        except PublishRefused as error:
            self._refusals[error.message_id] += 1
            if self._refusals[error.message_id] < _REFUSALS_LIMIT:
                raise PublishFailed(str(error)) from error
            await self._bury_message(rows, error.message_id, str(error))
            return False
        except Exception as error:
            raise PublishFailed(repr(error)) from error
        self._doubtful_upto = doubtful_before
        return True

    async def _bury_message(self, rows: Sequence[Row], message_id: str, reason: str) -> None:
        """Move one message aside; the others of its row stay, in order and under the same id."""
        row, refused = next(
            (row, message) for row in rows for message in row.messages if message.message_id == message_id
        )
        rest = [message for message in row.messages if message is not refused]
        frame = pack_messages(rest)
        await self._bury(_SQL.bury_message, row.id, len(rest), frame, *refused, reason)
        self._refusals.pop(message_id, None)
        self._metrics.dead.inc()
        log.error("event_moved_aside", message_id=message_id, reason=reason)

    async def _bury_row(self, row_id: int, events: int, reason: str) -> None:
        await self._bury(_SQL.bury_row, row_id, reason)
        self._metrics.dead.inc(events)
        log.error("unreadable_row_moved_aside", row_id=row_id, events=events, reason=reason)

    async def _bury(self, statement: Query, *values: object) -> None:
        # If a crash undid this, the newer events of the subject would make the message look stored.
        async with self._connection.transaction():
            await self._connection.execute(_SQL.commit_with_wait)
            await self._connection.execute(statement, *values)
