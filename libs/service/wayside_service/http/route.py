"""What a route declares, and the table a service collects its routes in."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict, TypeVar, Unpack

from pydantic import BaseModel, ConfigDict

from wayside_service.auth.principal import Role

DEFAULT_BODY_LIMIT_BYTES = 1024 * 1024
LINES = "application/x-ndjson"

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)


class ClosedModel(BaseModel):
    """Base of what callers send: unknown fields are refused. Bodies and queries must be closed throughout."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class MediaType:
    """An answer that is not JSON, for example `MediaType("text/event-stream", "Events as they happen")`."""

    name: str
    description: str = ""


Answer = Any
"""The type of a JSON answer, a `MediaType`, or `None` for an empty one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status or headers of its own. A `value` of `bytes` is JSON already."""

    value: object = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One operation. `answers` maps each status of success to its type; the first is the usual one.

    `role` is needed in the scope the request names (see `binding`), or in any when it names none; `None` lets
    everyone in. `errors` are the error classes that the handler raises, for the document. With `reads_lines` a
    body of newline-delimited JSON is read as the array of its lines. `takes` is for the document too: what a handler
    that reads the body itself takes, by content type; for `LINES` it is the type of a line.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, Answer]
    role: Role | None
    errors: Sequence[type[Exception]] = ()
    body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES
    reads_lines: bool = False
    takes: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()

    @property
    def usual_status(self) -> int:
        """The status of an answer that names none."""
        return next(iter(self.answers))


class RouteOptions(TypedDict):
    """What a declaration says beside method and path; see `Route`."""

    summary: str
    answers: Mapping[int, Answer]
    role: Role | None
    errors: NotRequired[Sequence[type[Exception]]]
    body_limit_bytes: NotRequired[int]
    reads_lines: NotRequired[bool]
    takes: NotRequired[Mapping[str, Any]]


class RouteTable:
    """Routes in the order they are declared.

    A handler asks for what it needs by parameter name: `request`, `principal`, `body`, `query`, `headers`, and
    each path parameter; their annotations are the models. It returns the answer's value, a `Reply`, or, to
    stream, a prepared `web.StreamResponse`.
    """

    def __init__(self, *, tags: Sequence[str] = ()) -> None:
        self._routes: list[Route] = []
        self._tags = tuple(tags)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare the decorated coroutine function as the handler of `GET`, and so of `HEAD`."""
        return self._declare("GET", path, options)

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare the handler of `POST`."""
        return self._declare("POST", path, options)

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare the handler of `PUT`."""
        return self._declare("PUT", path, options)

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare the handler of `DELETE`."""
        return self._declare("DELETE", path, options)

    def _declare(self, method: str, path: str, options: RouteOptions) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            self._routes.append(Route(method, path, handler, tags=self._tags, **options))
            return handler

        return declare
