"""A parser of server-sent events to the rules of WHATWG HTML §9.2.6, fed with bytes that are split anywhere.

Of the parsers on PyPI, sseclient-py and aiohttp-sse-client2 split lines wrongly and hide the id or the retry time, and
httpx-sse needs httpx.
"""

import codecs
from dataclasses import dataclass

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One dispatched event. `id` is the one given with it, `None` when there was none."""

    name: str
    data: str
    id: str | None = None


class EventParser:
    """Turns the bytes of one response into events.

    `last_event_id` and `retry_ms` are what the stream said last; they hold for the connection after this one too. An
    id counts once its block is complete, with data or without: what is cut off before was not received.
    """

    def __init__(self) -> None:
        self.last_event_id: str | None = None
        self.retry_ms: int | None = None
        # The rules ask for replacement characters, never for an error.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest: list[str] = []
        self._at_start = True
        self._after_cr = False
        self._name = ""
        self._id: str | None = None
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take in the next bytes and return the events they complete."""
        text = self._decoder.decode(chunk)
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix(_BOM)
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        return [event for line in self._lines(text) if (event := self._take(line)) is not None]

    def _lines(self, text: str) -> list[str]:
        self._after_cr = self._after_cr or text.endswith("\r")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if len(lines) == 1:
            self._rest.append(lines[0])
            return []
        complete = ["".join([*self._rest, lines[0]]), *lines[1:-1]]
        self._rest = [lines[-1]] if lines[-1] else []
        return complete

    def _take(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry_ms = int(value)
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent(self._name or "message", "\n".join(self._data), self._id)
        has_data = bool(self._data)
        if self._id is not None:
            self.last_event_id = self._id
        self._name, self._id, self._data = "", None, []
        return event if has_data else None
