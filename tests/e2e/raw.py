"""HTTP as bytes, so that a request can be wrong in every way."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEADLINE_SECONDS = 20


@dataclass(frozen=True)
class Answer:
    """What came back until the connection ended."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, received: bytes) -> "Answer":
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return cls(int(first.split()[1]), headers, body)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document; that it is a proper one is checked."""
        assert self.headers.get("content-type") == "application/problem+json", self
        document: dict[str, Any] = self.json
        assert document["status"] == self.status
        assert document["title"]
        assert document["detail"]
        assert b"Traceback" not in self.body
        assert b'File "' not in self.body
        return document

    @property
    def refusal(self) -> tuple[int, str, str | None]:
        """Status, code, and the first field at fault."""
        document = self.problem
        fields = [error["field"] for error in document.get("errors", ())]
        return self.status, document["code"], fields[0] if fields else None


@dataclass(frozen=True)
class Sender:
    """Sends requests to one server, by default with a token."""

    url: str
    token: str | None

    async def exchange(self, data: bytes) -> Answer:
        """Send exactly this and return what comes back."""
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(data)
            return Answer.of(await asyncio.wait_for(reader.read(), DEADLINE_SECONDS))
        finally:
            writer.close()

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        return await self.exchange(
            self.head(method, path, **{"Content-Length": str(len(body))} | headers) + body
        )

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, b"", **headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Send JSON: bytes as they are, everything else encoded."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request("POST", path, data, **{"Content-Type": "application/json"} | headers)

    def head(self, method: str, path: str, **headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: wayside", "Connection: close"]
        if self.token is not None:
            lines.append(f"Authorization: Bearer {self.token}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
