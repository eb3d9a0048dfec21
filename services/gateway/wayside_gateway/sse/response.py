"""The HTTP response of a stream: prepared by aiohttp-sse, then written to by the hub."""

from aiohttp import web
from aiohttp.http import HttpVersion11
from aiohttp_sse import EventSourceResponse

from wayside_gateway.sse import wire
from wayside_gateway.streams.frame import Encoder, Frame


class StreamResponse(EventSourceResponse):
    """A `text/event-stream` answer whose pings come from the gateway's one timer.

    `aiohttp_sse` brings the headers and has the kernel give up on a peer that acknowledges nothing for two minutes.
    """

    def __init__(self) -> None:
        super().__init__(allow_all_methods=True)
        self.headers["Cache-Control"] = "no-cache, no-transform"
        # aiohttp knows better what becomes of the connection: not every client keeps it, nor does HTTP/1.0.
        del self.headers["Connection"]

    async def _ping(self) -> None:
        """Do nothing: a task per connection is what thousands of connections cannot afford."""


class SseSink:
    """Writes to the transport of a prepared response, past aiohttp's writer, which would frame each write anew."""

    __slots__ = ("_encoder", "_protocol", "_writer")

    def __init__(self, request: web.Request) -> None:
        self._protocol = request.protocol
        self._writer = request.writer
        self._encoder = wire.chunked if request.version >= HttpVersion11 else wire.plain

    @property
    def encoder(self) -> Encoder:
        """The wire format: in chunks, or plain for HTTP/1.0."""
        return self._encoder

    @property
    def is_writable(self) -> bool:
        """Whether the client reads as fast as it is written to."""
        return not self._protocol.writing_paused and self._protocol.transport is not None

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        transport = self._protocol.transport
        if transport is not None and not transport.is_closing():
            transport.write(data)

    def write_raw(self, data: bytes) -> None:
        """Write something that is no frame."""
        self.write(wire.chunk(data) if self._encoder is wire.chunked else data)

    def write_frame(self, frame: Frame) -> None:
        """Write a frame outside of any subscription."""
        self.write(frame.encoded(self._encoder))

    async def drained(self) -> None:
        """Wait until the transport's buffer is small again."""
        await self._writer.drain()
        if self._protocol.transport is None:
            raise ConnectionResetError("the client is gone")

    def abort(self) -> None:
        """Drop the connection."""
        if self._protocol.transport is not None:
            self._protocol.transport.abort()
