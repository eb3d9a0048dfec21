"""The event stream on the server: created once by whoever comes first, and asked for its state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from nats.aio.client import Client
from nats.errors import Error, NoRespondersError

from wayside_events.bus.errors import BusError, BusUnavailable, describe
from wayside_events.cursor import Cursor, epoch_of
from wayside_events.stream import STREAM_NAME, STREAM_SUBJECTS, StreamLimits
from wayside_events.subjects import LIVE_PREFIX

_API = "$JS.API.STREAM."
_NOT_FOUND = 10059
_IN_USE = 10058
_TIMEOUT_SECONDS = 5.0
_NANOSECONDS = 1_000_000_000


class StreamRefused(BusError):
    """The server refused to create or change the event stream."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """Where the stream is. `first_sequence` is the oldest event still kept (`last_sequence` + 1 when empty)."""

    epoch: str
    first_sequence: int
    last_sequence: int
    atomic: bool

    @property
    def position(self) -> Cursor:
        """The cursor after the newest event."""
        return Cursor(self.epoch, self.last_sequence)

    def keeps_all_after(self, cursor: Cursor) -> bool:
        """Whether every event after `cursor` can still be read."""
        in_range = self.first_sequence <= cursor.sequence + 1 and cursor.sequence <= self.last_sequence
        return cursor.epoch == self.epoch and in_range


async def ensure_stream(client: Client, limits: StreamLimits) -> StreamState:
    """Create the stream, or bring the existing one to `limits`; safe when several services do it at once."""
    wanted = _configuration(limits)
    answer = await _ask(client, "INFO", {})
    if _error_code(answer) == _NOT_FOUND:
        answer = await _ask(client, "CREATE", wanted)
        if _error_code(answer) == _IN_USE:
            answer = await _ask(client, "INFO", {})
    if "error" not in answer and not _matches(answer["config"], wanted):
        answer = await _ask(client, "UPDATE", answer["config"] | wanted)
    return _state(answer)


async def read_state(client: Client) -> StreamState:
    """Ask the server where the stream is; raises `BusUnavailable` when there is none."""
    return _state(await _ask(client, "INFO", {}))


def _configuration(limits: StreamLimits) -> dict[str, Any]:
    return {
        "name": STREAM_NAME,
        "description": "Every event of Wayside, republished live",
        "subjects": list(STREAM_SUBJECTS),
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_age": int(limits.max_age_seconds * _NANOSECONDS),
        "max_bytes": limits.max_bytes,
        "duplicate_window": int(limits.duplicate_window_seconds * _NANOSECONDS),
        "num_replicas": limits.replicas,
        "allow_direct": True,
        "allow_atomic": True,
        "republish": {"src": ">", "dest": LIVE_PREFIX + ">"},
    }


def _matches(config: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Compare what the server has; one that knows no `allow_atomic` leaves it out."""
    return all(config.get(name, value) == value for name, value in wanted.items())


async def _ask(client: Client, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        reply = await client.request(
            f"{_API}{verb}.{STREAM_NAME}", orjson.dumps(body) if body else b"", timeout=_TIMEOUT_SECONDS
        )
    except NoRespondersError:
        raise BusUnavailable("JetStream is not enabled on the NATS server, or not ready") from None
    except Error as error:
        raise BusUnavailable(f"the event stream cannot be reached: {describe(error)}") from error
    answer: dict[str, Any] = orjson.loads(reply.data)
    return answer


def _error_code(answer: dict[str, Any]) -> int | None:
    error = answer.get("error")
    return None if error is None else int(error.get("err_code", 0))


def _state(answer: dict[str, Any]) -> StreamState:
    if error := answer.get("error"):
        if error.get("err_code") == _NOT_FOUND or int(error["code"]) >= 500:
            raise BusUnavailable(f"the event stream is not there: {error['description']}")
        raise StreamRefused(error["description"])
    state = answer["state"]
    last = int(state["last_seq"])
    first = int(state["first_seq"]) if state["messages"] else last + 1
    return StreamState(
        epoch=epoch_of(_moment(answer["created"])),
        first_sequence=first,
        last_sequence=last,
        atomic=bool(answer["config"].get("allow_atomic")),
    )


def _moment(text: str) -> datetime:
    """Read RFC 3339 with nanoseconds, of which `datetime` takes six digits."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{seconds}.{fraction[:6].ljust(6, '0')}+00:00")
