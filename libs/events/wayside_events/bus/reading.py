"""Reading stored events by Direct Get, in batches, without a consumer (NATS ADR-31)."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.subscription import Subscription
from nats.errors import Error

from wayside_events.bus.connection import ReconnectingClient
from wayside_events.bus.errors import BusUnavailable
from wayside_events.bus.messages import DESCRIPTION_HEADER, SEQUENCE_HEADER, STATUS_HEADER, StoredMessage
from wayside_events.stream import BATCH_LIMIT, STREAM_NAME
from wayside_events.subjects import LIVE_PREFIX, EventFilter

_SUBJECT = f"$JS.API.DIRECT.GET.{STREAM_NAME}"
_SILENCE_SECONDS = 5.0
_BATCH_BYTES = 4 * 1024 * 1024
_PENDING_HEADER = "Nats-Num-Pending"
_LAST_HEADER = "Nats-Last-Sequence"


@dataclass(frozen=True, slots=True)
class Page:
    """Some stored messages in order, and whether more of them follow."""

    messages: list[StoredMessage]
    more: bool


class _Answer:
    """What has arrived of one answer; `status` is that of the message at its end."""

    def __init__(self) -> None:
        self.messages: list[StoredMessage] = []
        self.has_hole = False
        self.ended: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

    def take(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        # Each message, and the end, names the one before.
        if (before := headers.get(_LAST_HEADER)) and int(before) != self._last:
            self.has_hole = True
        if STATUS_HEADER not in headers:
            self.messages.append(stored_message(subject, payload, headers))
        elif not self.ended.done():
            self.ended.set_result(headers)

    @property
    def _last(self) -> int:
        return self.messages[-1].sequence if self.messages else 0

    async def whole(self) -> Mapping[str, str]:
        """Wait for the end and return its headers; raises `BusUnavailable` when nothing more arrives."""
        arrived = -1
        while arrived < len(self.messages):
            arrived = len(self.messages)
            await asyncio.wait([self.ended], timeout=_SILENCE_SECONDS)
            if self.ended.done() and self.has_hole:
                raise BusUnavailable("a part of the event stream's answer was lost on the way")
            if self.ended.done():
                return self.ended.result()
        raise BusUnavailable("the event stream did not answer")


class DirectReader:
    """Reads stored messages. One subscription serves all reads of a connection."""

    def __init__(self, client: ReconnectingClient) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._starting = asyncio.Lock()
        self._reads: dict[str, _Answer] = {}
        self._count = 0

    async def page(self, subject: str, start: int, limit: int = BATCH_LIMIT) -> Page:
        """Return up to `limit` messages that match `subject`, from sequence `start` on."""
        request = {"seq": start, "batch": limit, "max_bytes": _BATCH_BYTES, "next_by_subj": subject}
        return await self._read(request)

    async def newest(self, subjects: Sequence[str]) -> list[StoredMessage]:
        """Return the newest message of every stored subject that matches one of `subjects`, oldest first.

        The server refuses to answer with more than 1,024 messages.
        """
        page = await self._read({"multi_last": list(subjects), "batch": BATCH_LIMIT})
        return sorted(page.messages, key=lambda message: message.sequence)

    async def replay(self, wanted: EventFilter, after: int, upto: int) -> AsyncIterator[list[StoredMessage]]:
        """Yield all wanted messages with `after` < sequence <= `upto`, in order, batch by batch.

        Several event types are read as one sequence over all types of the scope and then filtered.
        """
        subjects = wanted.subjects()
        everything = EventFilter(scope=wanted.scope, entity_id=wanted.entity_id).subjects()[0]
        pattern = subjects[0] if len(subjects) == 1 else everything
        start = after + 1
        while start <= upto:
            page = await self.page(pattern, start, min(BATCH_LIMIT, upto - start + 1))
            batch = [message for message in page.messages if message.sequence <= upto]
            matching = [
                message for message in batch if len(subjects) == 1 or matches(message.subject, subjects)
            ]
            if matching:
                yield matching
            if not page.more or len(batch) < len(page.messages):
                return
            start = page.messages[-1].sequence + 1

    async def _read(self, request: dict[str, Any]) -> Page:
        self._count += 1
        token = str(self._count)
        # The server bounds an answer to one batch.
        answer = self._reads[token] = _Answer()
        try:
            await self._start()
            await self._client.publish(_SUBJECT, orjson.dumps(request), reply=f"{self._inbox}.{token}")
            return _page(answer.messages, await answer.whole())
        except Error as error:
            raise BusUnavailable(f"reading the event stream failed: {error}") from error
        finally:
            del self._reads[token]

    async def _start(self) -> None:
        async with self._starting:
            if self._subscription is None:
                self._subscription = await self._client.receive(f"{self._inbox}.*", self._route)

    def _route(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        if answer := self._reads.get(subject.rpartition(".")[2]):
            answer.take(subject, payload, headers)


def _page(messages: list[StoredMessage], end: Mapping[str, str]) -> Page:
    match end[STATUS_HEADER]:
        case "204":
            return Page(messages, more=end.get(_PENDING_HEADER, "0") != "0")
        case "404":
            return Page(messages, more=False)
        case status:
            raise BusUnavailable(f"the event stream answered {status} {end.get(DESCRIPTION_HEADER, '')}")


def stored_message(subject: str, payload: bytes, headers: Mapping[str, str]) -> StoredMessage:
    """Read what the server says of a stored or republished message from its headers."""
    subject = headers.get("Nats-Subject") or subject.removeprefix(LIVE_PREFIX)
    return StoredMessage(subject, int(headers[SEQUENCE_HEADER]), payload, headers)


def matches(subject: str, patterns: Sequence[str]) -> bool:
    """Whether a subject matches any of the patterns, in which `*` stands for one token."""
    tokens = subject.split(".")
    return any(
        all(wanted in ("*", token) for wanted, token in zip(pattern.split("."), tokens, strict=True))
        for pattern in patterns
    )
