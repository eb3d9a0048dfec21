"""What NATS sends, read quickly: nats-py's own reading took most of the time of whoever receives many messages.

Only messages and their headers are read here; every other command is left to nats-py's parser.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import AWAITING_CONTROL_LINE, MAX_CONTROL_LINE_SIZE, Parser

from wayside_events.bus.messages import DESCRIPTION_HEADER, STATUS_HEADER

Receive = Callable[[str, bytes, Mapping[str, str]], None]
"""Takes a message: its subject, payload and headers."""

_LINE_END = b"\r\n"
_STATUS_LINE = (STATUS_HEADER, DESCRIPTION_HEADER)
_NO_STATUS = b"NATS/1.0\r\n"
_LETTERS = b"MH"
"""What `MSG` and `HMSG` begin with, and no other command of a server does."""


class Headers(Mapping[str, str]):
    """The headers of a message as `read_headers` reads them, each when it is asked for: most are never."""

    __slots__ = ("_block", "_known")

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._known: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        """Return a header; of one that is there twice the last."""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Return a header, or the default."""
        if self._known is not None:
            return self._known.get(name, default)
        start = self._block.rfind(b"\r\n%b:" % name.encode())
        if start >= 0:
            start += len(name) + 3
            return self._block[start : self._block.find(_LINE_END, start)].decode("utf-8", "replace").strip()
        if name in _STATUS_LINE and not self._block.startswith(_NO_STATUS):
            return self._all().get(name, default)
        return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, str]:
        if self._known is None:
            self._known = read_headers(self._block) if self._block else {}
        return self._known


class QuickParser(Parser):
    """Splits what arrives into commands and passes each on when it is complete.

    Messages for one of `receivers`, by the number of the subscription, are handed over while they are read.
    """

    def __init__(self, client: Client, receivers: Mapping[int, Receive] = MappingProxyType({})) -> None:
        self._generation = 0
        self._receivers = receivers
        super().__init__(client)

    def reset(self) -> None:
        """Forget what arrived in part: another connection begins."""
        super().reset()
        self._generation += 1
        self._rest = bytearray()
        self._awaited = 0

    async def parse(self, data: bytes = b"") -> None:
        """Pass on the commands that are complete and keep the rest; raises `ProtocolError` for what no server sends."""
        if self._rest:
            self._rest += data
            # Part of a large message: it is not looked at before it can be complete.
            if len(self._rest) < self._awaited:
                return
            data = bytes(self._rest)
        generation = self._generation
        position = await self._pass_on(data, generation)
        if generation == self._generation:
            self._rest = bytearray(data[position:])

    async def _pass_on(self, data: bytes, generation: int) -> int:
        """Return how far `data` was read. An error of the server may have begun another connection meanwhile."""
        position, self._awaited = 0, 0
        while generation == self._generation:
            line_end = data.find(_LINE_END, position)
            if line_end < 0:
                if len(data) - position > MAX_CONTROL_LINE_SIZE:
                    raise ProtocolError
                break
            if data[position] not in _LETTERS:
                await self._other(data[position : line_end + 2])
                position = line_end + 2
                continue
            words = data[position:line_end].split()
            start = line_end + 2
            end = start + _number(words, -1)
            if len(data) < end + 2:
                self._awaited = end + 2 - position
                break
            position = end + 2
            if receive := self._receivers.get(_number(words, 2)):
                middle = start + _number(words, -2) if words[0] == b"HMSG" else start
                receive(words[1].decode(), data[middle:end], Headers(data[start:middle]))
            else:
                await self._message(words, data[start:end])
        return position

    async def _message(self, words: list[bytes], content: bytes) -> None:
        header_size, others = (_number(words, -2), 5) if words[0] == b"HMSG" else (0, 4)
        reply = words[3] if len(words) > others else b""
        headers, payload = content[:header_size], content[header_size:]
        await self.nc._process_msg(_number(words, 2), words[1], reply, payload, headers)  # noqa: SLF001

    async def _other(self, command: bytes) -> None:
        self.buf = bytearray(command)
        self.state = AWAITING_CONTROL_LINE
        await super().parse()
        if self.buf:
            raise ProtocolError


def _number(words: list[bytes], index: int) -> int:
    try:
        number = int(words[index])
    except (ValueError, IndexError):
        raise ProtocolError from None
    if number < 0:
        raise ProtocolError
    return number


def read_headers(block: bytes) -> dict[str, str]:
    """Return the headers of a message by name, with a status line as `Status` and `Description`.

    Of a header that is there twice the last one counts.
    """
    lines = block.decode("utf-8", "replace").split("\r\n")
    _, status, description = (*lines[0].split(" ", 2), "", "")[:3]
    headers = {}
    if status:
        headers[STATUS_HEADER] = status
    if description:
        headers[DESCRIPTION_HEADER] = description
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return headers
