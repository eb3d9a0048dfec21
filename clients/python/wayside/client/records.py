"""What is on record, over HTTP: the audit chain, how well calibrated machines are, and decisions as lines."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Final, Literal, TypedDict, Unpack

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from wayside.client.pages import Listing, Page, UnexpectedAnswer, parsed
from wayside.client.transport import Call, Transport, reading
from wayside.errors import Unavailable, error_of
from wayside_events.contracts.governance import (
    AuditEntry,
    AuditVerification,
    CalibrationReport,
    DecisionImported,
    DecisionLine,
    Verdict,
)
from wayside_events.contracts.problems import Problem

IMPORT_LINES = 500
IMPORT_BYTES = 2 * 1024 * 1024
_PAUSE_SECONDS = 0.5

_LINE: Final = TypeAdapter(DecisionLine)


class _GaveUp(BaseModel):
    model_config = ConfigDict(extra="forbid")

    problem: Problem


_ANSWER: Final[TypeAdapter[DecisionImported | _GaveUp]] = TypeAdapter(DecisionImported | _GaveUp)


class AuditFilter(TypedDict, total=False):
    """Which entries to list; what is left out matches all. `before` is not among them. `limit` is the size of a page."""

    scope: str
    actor: str
    action: str
    subject: str
    since: datetime
    before: datetime
    limit: int


class DecisionFilter(TypedDict, total=False):
    """Which decisions to export: made from `since` on, and before `before`; `in_force` leaves out what was taken back."""

    scope: str
    verdict: Verdict | str | Sequence[Verdict | str]
    reviewed_by: str
    since: datetime
    before: datetime
    in_force: bool
    after: str | None


class ReportFilter(TypedDict, total=False):
    """What a calibration report is about, by default the last 90 days, and in how many bins and steps it is drawn."""

    scope: str
    since: datetime
    until: datetime
    relationship_type: str
    source_model: str
    bins: int
    period: Literal["day", "week"]


class Audit:
    """The audit chain of each scope; `Client.audit`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, "/v1/audit", AuditEntry)

    def list(self, **wanted: Unpack[AuditFilter]) -> AsyncGenerator[AuditEntry, None]:
        """Yield entries, the latest first, reading page after page."""
        return self._listing.items(wanted)

    async def page(self, *, page: str | None = None, **wanted: Unpack[AuditFilter]) -> Page[AuditEntry]:
        """Read one page of entries."""
        return await self._listing.page({**wanted, "page": page})

    async def verify(
        self,
        *,
        scope: str | None = None,
        after: int = 0,
        position: int | None = None,
        hash: str | None = None,  # noqa: A002 - the name it has everywhere
    ) -> AuditVerification:
        """Check the chain to its end, however long. A head known from elsewhere is `position` and `hash`.

        What is returned is the last part, or the first that is broken, or lacks the head; its `after` is where you began.
        """
        began = after
        while True:
            query = {"scope": scope, "after": after, "position": position, "hash": hash}
            answer = await self._transport.send(reading("/v1/audit/verify", query))
            part = parsed(answer, AuditVerification)
            if part.next_after is None or not part.is_intact or part.has_known_head is False:
                return part.model_copy(update={"after": began})
            after = part.next_after


class Reports:
    """Reports on a scope; `Client.reports`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def calibration(self, **wanted: Unpack[ReportFilter]) -> CalibrationReport:
        """Report how often people accept what machines are so and so sure of."""
        answer = await self._transport.send(reading("/v1/reports/calibration", wanted))
        return parsed(answer, CalibrationReport)


class Decisions:
    """Decisions as they are moved between systems; `Client.decisions`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def export(self, **wanted: Unpack[DecisionFilter]) -> AsyncGenerator[DecisionLine, None]:
        """Yield decisions in the order they were recorded; an answer that breaks off is continued where it did.

        Each has its place in `after`: give that to go on behind it another time.
        """
        after = wanted.get("after")
        while True:
            reached = after
            try:
                call = reading("/v1/decisions", {**wanted, "after": after})
                async with aclosing(self._transport.lines(call)) as lines:
                    async for raw in lines:
                        line = _decision(raw)
                        after = line.after
                        yield line
            except Unavailable:
                if after == reached:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def import_(
        self,
        lines: AsyncIterable[DecisionLine | bytes] | Iterable[DecisionLine | bytes],
        *,
        scope: str | None = None,
    ) -> AsyncGenerator[DecisionImported, None]:
        """Import decisions and yield an outcome for each, in order; for admins.

        They are sent in batches, each again when its answer is lost: what is there already is `repeated`.
        """
        async for batch in _batches(lines):
            call = Call(
                "POST",
                "/v1/decisions/import",
                {"scope": scope},
                lines=b"\n".join(batch),
                may_be_repeated=True,
            )
            for outcome in _outcomes((await self._transport.send(call)).body):
                yield outcome


async def _batches(
    lines: AsyncIterable[DecisionLine | bytes] | Iterable[DecisionLine | bytes],
) -> AsyncIterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    async for line in _each(lines):
        raw = line if isinstance(line, bytes) else line.model_dump_json(exclude_none=True).encode()
        if batch and (len(batch) == IMPORT_LINES or size + len(raw) > IMPORT_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(raw)
        size += len(raw)
    if batch:
        yield batch


async def _each(
    lines: AsyncIterable[DecisionLine | bytes] | Iterable[DecisionLine | bytes],
) -> AsyncIterator[DecisionLine | bytes]:
    if isinstance(lines, AsyncIterable):
        async for line in lines:
            yield line
        return
    for line in lines:
        yield line


def _decision(raw: bytes) -> DecisionLine:
    try:
        return _LINE.validate_json(raw)
    except ValidationError as error:
        msg = f"/v1/decisions: {error}"
        raise UnexpectedAnswer(msg) from error


def _outcomes(body: bytes) -> Iterator[DecisionImported]:
    """Yield outcomes; raises the problem, if the last line is one: the service gave up there."""
    for raw in body.splitlines():
        try:
            answer = _ANSWER.validate_json(raw)
        except ValidationError as error:
            msg = f"/v1/decisions/import: {error}"
            raise UnexpectedAnswer(msg) from error
        if isinstance(answer, _GaveUp):
            raise error_of(answer.problem)
        yield answer
