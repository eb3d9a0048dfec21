"""Request and reply between services and runners, on `nats.micro`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import nats.micro
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeout
from nats.micro.request import ERROR_CODE_HEADER
from nats.micro.request import Request as MicroRequest
from nats.micro.service import Service
from pydantic import BaseModel, ValidationError

from wayside_events.bus.connection import ReconnectingClient, settled
from wayside_events.bus.errors import (
    BusUnavailable,
    MalformedReply,
    RequestRefused,
    RequestTimedOut,
    describe,
)
from wayside_events.bus.messages import STATUS_HEADER
from wayside_events.contracts.problems import Location, Problem, field_errors, problem_type, summary

logger = logging.getLogger("wayside.bus")

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

IN_FLIGHT_LIMIT = 10_000
"""Requests one service instance works on (parked claims included) before it answers `overloaded`."""

UNDELIVERED_SECONDS = 2.0
"""How long the server may take to say that a reply reached nobody."""

NO_RESPONDERS = "503"

INBOXES = ("_INBOX", "_R_.")
"""Where answers may go: every connection's inbox prefix begins with the first, and NATS lets nobody name a subject that
begins with the second as a reply: it takes answers to another account there."""

_FIELD_ERRORS_LIMIT = 20

_HEADER_ALLOWANCE = 512
"""Bytes of headers that come on top of a reply."""

request_headers: ContextVar[Mapping[str, str]] = ContextVar("request_headers", default=MappingProxyType({}))
"""The NATS headers of the request that the current task answers."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One verb: requests on `subject` are read as `request` and answered by `handler`.

    Every request runs in a task of its own, so a handler may wait. `undelivered` is called with the reply when the
    one who asked is gone, as far as the server knows: a killed process at once, an unplugged machine not at all. It is for
    verbs asked within the service's own NATS account: of an asker in another the server never says so, and keeps an entry
    for each answer.
    """

    subject: str
    request: type[Any]
    handler: Callable[[Any], Awaitable[BaseModel]]
    undelivered: Callable[[Any], Awaitable[None]] | None = None

    @property
    def name(self) -> str:
        """The last token of the subject."""
        return self.subject.rpartition(".")[2]


ProblemOf = Callable[[Exception], Problem | None]
"""Turns an expected error of a handler into its problem document; `None` for an unexpected one."""


def no_problem(error: Exception) -> None:
    """Expect no error: whatever a handler raises is an internal one."""


async def request(
    client: Client,
    subject: str,
    body: BaseModel,
    reply_type: type[R],
    *,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
) -> R:
    """Ask and wait. Raises `RequestRefused`, `RequestTimedOut`, `BusUnavailable` or `MalformedReply`."""
    payload = body.model_dump_json(exclude_none=True).encode()
    return await exchange(
        client,
        subject,
        payload,
        reply_type.model_validate_json,
        timeout_seconds=timeout_seconds,
        headers=headers,
    )


async def exchange(
    client: Client,
    subject: str,
    payload: bytes,
    read: Callable[[bytes], T],
    *,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
) -> T:
    """Ask with a body that is encoded already, and `read` the answer; raises as `request` does."""
    try:
        reply = await client.request(
            subject, payload, timeout=timeout_seconds, headers=dict(headers or {}) or None
        )
    except NoRespondersError:
        raise BusUnavailable(f"nobody serves {subject}") from None
    except NatsTimeout:
        raise RequestTimedOut(f"{subject} did not answer within {timeout_seconds:g} s") from None
    except Error as error:
        raise BusUnavailable(f"{subject}: {describe(error)}") from error
    try:
        if reply.headers and ERROR_CODE_HEADER in reply.headers:
            raise RequestRefused(Problem.model_validate_json(reply.data))
        return read(reply.data)
    except ValidationError as error:
        # Not the error's own text, nor the error as the cause: they repeat the reply, which may hold attempt tokens.
        found = field_errors(error)[:_FIELD_ERRORS_LIMIT]
        faults = "; ".join(f"{fault.field}: {fault.message}" for fault in found)
        raise MalformedReply(f"{subject} answered something unexpected: {faults}") from None


class Server:
    """Serves endpoints as one named service; any number of instances share the requests."""

    def __init__(self, client: ReconnectingClient, problem_of: ProblemOf) -> None:
        self._client = client
        self._problem_of = problem_of
        self._service: Service | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._replies = Replies(client)

    async def start(self, *, name: str, version: str, endpoints: Sequence[Endpoint]) -> None:
        """Announce the service and begin to answer."""
        if any(endpoint.undelivered for endpoint in endpoints):
            await self._replies.start()
        self._service = await nats.micro.add_service(self._client, name=name, version=version)
        for endpoint in endpoints:
            await self._service.add_endpoint(
                name=endpoint.name,
                subject=endpoint.subject,
                queue_group=name,
                handler=self._accepting(endpoint),
            )
        await settled(self._client, [endpoint.subject for endpoint in endpoints])

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Take no more requests, let those in flight end, then cancel what is left."""
        if self._service is not None and self._client.is_connected:
            await self._service.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepting(self, endpoint: Endpoint) -> Callable[[MicroRequest], Awaitable[None]]:
        async def accept(micro: MicroRequest) -> None:
            reply_to = micro._msg.reply  # noqa: SLF001
            # The server lets a service publish its own events, so a reply subject must not name one.
            if not reply_to.startswith(INBOXES):
                logger.warning("ignored a request on %s to be answered on %r", micro.subject, reply_to)
                return
            if len(self._tasks) >= IN_FLIGHT_LIMIT:
                await self._refuse(micro, _overloaded())
                return
            task = asyncio.create_task(self._answer(endpoint, micro), name=endpoint.subject)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return accept

    async def _answer(self, endpoint: Endpoint, micro: MicroRequest) -> None:
        request_headers.set(MappingProxyType(micro.headers or {}))
        try:
            body = endpoint.request.model_validate_json(micro.data)
        except ValidationError as error:
            await self._refuse(micro, problem_of_validation(error))
            return
        try:
            reply = await endpoint.handler(body)
            await self._respond(endpoint, micro, reply)
        except Exception as error:
            problem = self._problem_of(error)
            if problem is None:
                logger.exception("%s failed", endpoint.subject)
                problem = _internal_error()
            await self._refuse(micro, problem)

    async def _respond(self, endpoint: Endpoint, micro: MicroRequest, reply: BaseModel) -> None:
        payload = reply.model_dump_json(exclude_none=True).encode()
        if len(payload) + _HEADER_ALLOWANCE > self._client.max_payload:
            await self._refuse(micro, _reply_too_large(len(payload)))
        elif endpoint.undelivered is None:
            await micro.respond(payload)
        else:
            await self._replies.send(micro._msg.reply, payload, partial(endpoint.undelivered, reply))  # noqa: SLF001

    async def _refuse(self, micro: MicroRequest, problem: Problem) -> None:
        body = problem.model_dump_json(exclude_none=True).encode()
        if len(body) + _HEADER_ALLOWANCE > self._client.max_payload:
            short = problem.model_copy(
                update={"errors": (), "current": None, "detail": problem.detail[:1_000]}
            )
            body = short.model_dump_json(exclude_none=True).encode()
        try:
            await micro.respond_error(str(problem.status), problem.code, body)
        except (Error, ValueError) as error:
            logger.warning("an error reply could not be sent: %s", describe(error))


class Replies:
    """Sends replies and learns which of them reached nobody.

    A reply is sent as a request itself: the server answers one that has no receiver at once with status 503.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._count = 0
        self._unsettled: dict[str, Callable[[], Awaitable[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen for what did not arrive."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._on_status)

    async def send(self, subject: str, payload: bytes, undelivered: Callable[[], Awaitable[None]]) -> None:
        """Send a reply; `undelivered` is called, in a task of its own, when nobody was there."""
        self._count += 1
        token = str(self._count)
        self._unsettled[token] = undelivered
        asyncio.get_running_loop().call_later(UNDELIVERED_SECONDS, self._unsettled.pop, token, None)
        await self._client.publish(subject, payload, reply=f"{self._inbox}.{token}")

    async def _on_status(self, message: Msg) -> None:
        undelivered = self._unsettled.pop(message.subject.rpartition(".")[2], None)
        if undelivered is None or (message.headers or {}).get(STATUS_HEADER) != NO_RESPONDERS:
            return
        task = asyncio.create_task(self._tell(undelivered), name="undelivered")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, undelivered: Callable[[], Awaitable[None]]) -> None:
        try:
            await undelivered()
        except Exception:
            logger.exception("what an undelivered reply gave away could not be taken back")


def problem_of_validation(error: ValidationError, under: Location = (), *, tags: int = 0) -> Problem:
    """Describe what is wrong with a request, or with its part at `under`; `tags` as `field_errors` has it."""
    fields = field_errors(error, under, tags=tags)
    if any(field.code == "json_invalid" for field in fields):
        return _problem(400, "malformed_json", "The body is not valid JSON", fields[0].message)
    problem = _problem(422, "invalid_input", "The input is not valid", summary(fields))
    return problem.model_copy(update={"errors": fields[:_FIELD_ERRORS_LIMIT]})


def _overloaded() -> Problem:
    return _problem(503, "overloaded", "Overloaded", "Too many requests are in flight.")


def _internal_error() -> Problem:
    return _problem(500, "internal_error", "Internal error", "The service failed; its log says why.")


def _reply_too_large(size: int) -> Problem:
    detail = f"The reply has {size} bytes, more than a message may have; ask for less at once."
    return _problem(413, "reply_too_large", "Reply too large", detail)


def _problem(status: int, code: str, title: str, detail: str) -> Problem:
    return Problem(type=problem_type(code), title=title, status=status, code=code, detail=detail)
