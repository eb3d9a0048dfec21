"""HTTP to the gateway: the token, retries where they are safe, and errors as classes."""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, ValidationError

from wayside.errors import ProblemError, Unavailable, WaysideError, error_of
from wayside_events.contracts.problems import Problem

CURSOR_HEADER = "Wayside-Cursor"
IDEMPOTENCY_HEADER = "Idempotency-Key"

REQUEST_SECONDS = 30.0
RETRY_SECONDS = 30.0
"""How long a request that may be repeated is tried."""

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_JSON = "application/json"
_LINES = "application/x-ndjson"
_WHOLE: Final = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
_STREAMED: Final = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=REQUEST_SECONDS)
_TRANSIENT = frozenset({429, 502, 503, 504})

Token = str | Callable[[], str | Awaitable[str]]
"""A bearer token, or how to get a current one; it is asked for before every request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer. `cursor` is where to stream on from, read before the state was."""

    status: int
    body: bytes
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Whether it may be repeated when its answer is lost is for the caller to know; reading may be.

    A body is a model, or `lines` of JSON.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: BaseModel | None = None
    lines: bytes | None = None
    idempotency_key: str | None = None
    may_be_repeated: bool = False


def reading(path: str, query: Mapping[str, Any] | None = None) -> Call:
    """Return a GET request."""
    return Call("GET", path, query or {}, may_be_repeated=True)


def path_of(*names: str) -> str:
    """Return the path of something, each name in it quoted."""
    return "/v1/" + "/".join(quote(name, safe="") for name in names)


class Transport:
    """One connection pool to one gateway, opened with the first request; raises `WaysideError` for a bad address."""

    def __init__(self, url: str, token: Token | None = None, *, retry_seconds: float = RETRY_SECONDS) -> None:
        if not re.fullmatch(r"https?://[^/?#\s]+[^?#\s]*", url):
            msg = f"{url!r} is not the address of a gateway, such as http://127.0.0.1:8080"
            raise WaysideError(msg)
        self.url = url.rstrip("/")
        self._token = token
        self._retry_seconds = retry_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pool, without a limit: every stream keeps a connection."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    async def headers(self) -> dict[str, str]:
        """The headers of every request."""
        if self._token is None:
            return {}
        token = self._token if isinstance(self._token, str) else self._token()
        return {"Authorization": f"Bearer {await token if isawaitable(token) else token}"}

    async def send(self, call: Call) -> Answer:
        """Send a request; raises a `ProblemError`, or `Unavailable`.

        While the gateway or a service is down, or a limit is reached, one that may be repeated is tried again, after
        `Retry-After` where that is said.
        """
        deadline = asyncio.get_running_loop().time() + self._retry_seconds
        pause = _FIRST_PAUSE_SECONDS
        is_repeat = False
        while True:
            try:
                return await self._send_once(call)
            except (ProblemError, Unavailable) as error:
                if isinstance(error, ProblemError):
                    error.is_of_repeat = is_repeat
                wait = _wanted_pause(error, pause)
                late = asyncio.get_running_loop().time() + wait > deadline
                if late or not call.may_be_repeated or not _is_transient(error):
                    raise
            await asyncio.sleep(wait)
            is_repeat = True
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _send_once(self, call: Call) -> Answer:
        async with self._asked(call, _WHOLE) as response:
            body = await response.read()
            if response.status >= 400:
                raise refusal(response, body)
            return Answer(response.status, body, response.headers.get(CURSOR_HEADER))

    async def chunks(self, call: Call) -> AsyncGenerator[bytes, None]:
        """Yield the answer as it comes, however long; raises a `ProblemError`, or `Unavailable` also when it breaks off."""
        async with self._asked(call, _STREAMED) as response:
            if response.status >= 400:
                raise refusal(response, await response.read())
            async for chunk in response.content.iter_any():
                yield chunk

    async def lines(self, call: Call) -> AsyncGenerator[bytes, None]:
        """Yield the answer line by line; see `chunks`."""
        rest = b""
        async with aclosing(self.chunks(call)) as chunks:
            async for chunk in chunks:
                *ended, rest = (rest + chunk).split(b"\n")
                for line in ended:
                    yield line
        if rest:
            yield rest

    @asynccontextmanager
    async def _asked(
        self, call: Call, patience: aiohttp.ClientTimeout
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        headers = {"Accept": "*/*" if patience is _STREAMED else "application/json", **await self.headers()}
        if call.idempotency_key:
            headers[IDEMPOTENCY_HEADER] = call.idempotency_key
        if call.body is not None or call.lines is not None:
            headers["Content-Type"] = _JSON if call.lines is None else _LINES
        body = call.lines if call.body is None else call.body.model_dump_json(exclude_none=True)
        try:
            async with self.session.request(
                call.method,
                self.url + call.path,
                params=query_of(call.query),
                data=body,
                headers=headers,
                timeout=patience,
            ) as response:
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            msg = f"{self.url} cannot be reached: {str(error) or type(error).__name__}"
            raise Unavailable(msg) from error


def query_of(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write query parameters: what is `None` is left out, a list is repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, _text(item)) for item in values if item is not None]
    return pairs


def refusal(response: aiohttp.ClientResponse, body: bytes) -> ProblemError:
    """Return the error for an answer that is none; also for one that does not come from Wayside."""
    try:
        problem = Problem.model_validate_json(body)
    except ValidationError:
        reason = response.reason or "error"
        problem = Problem(title=reason, status=response.status, code="http_error", detail=reason)
    return error_of(problem, retry_after_seconds=_retry_after(response))


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _is_transient(error: ProblemError | Unavailable) -> bool:
    return not isinstance(error, ProblemError) or error.problem.status in _TRANSIENT


def _wanted_pause(error: ProblemError | Unavailable, pause: float) -> float:
    wanted = error.retry_after_seconds if isinstance(error, ProblemError) else None
    jittered = pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads clients, guards nothing
    return jittered if wanted is None else max(wanted, jittered)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
