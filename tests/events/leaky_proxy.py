"""A TCP proxy in front of a server that can swallow what the server sends, and cut connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self


class LeakyProxy:
    """Stands for a network that fails after the server has handed its bytes over."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._is_swallowing = False
        self._up = bytearray()
        self._swallowed = bytearray()
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def before(cls, port: int) -> AsyncIterator[Self]:
        """Stand before the server on `port`."""
        proxy = cls(port)
        async with await asyncio.start_server(proxy._serve, "127.0.0.1", 0) as server:
            proxy.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield proxy
            server.close()
            proxy.cut()

    def swallow(self) -> None:
        """Pass on nothing more of what the server sends, until the cut."""
        self._is_swallowing = True

    def cut(self) -> None:
        """Break all connections; new ones work."""
        self._is_swallowing = False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def has_passed(self, text: bytes) -> bool:
        """Whether a client has sent this."""
        return text in self._up

    def has_swallowed(self, text: bytes) -> bool:
        """Whether the server has sent this in vain."""
        return text in self._swallowed

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, server_writer]
        await asyncio.gather(
            self._pass_up(reader, server_writer),
            self._pass_down(server_reader, writer),
            return_exceptions=True,
        )

    async def _pass_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self._up += data
            writer.write(data)
        writer.close()

    async def _pass_down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self._is_swallowing:
                self._swallowed += data
            else:
                writer.write(data)
        writer.close()
