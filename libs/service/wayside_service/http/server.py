"""The server around an application: what it cannot read as a request is refused with a problem document, too."""

from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong
from aiohttp.web_request import BaseRequest

from wayside_events.contracts.problems import Problem
from wayside_service.errors import (
    ErrorTable,
    MalformedRequest,
    RequestHeadTooLarge,
    ServiceError,
    UnsupportedMediaType,
)
from wayside_service.problems import CONTENT_TYPE, encode_problem, internal_problem, problem_of

log = structlog.get_logger(__name__)

_STATUSES: Final[ErrorTable] = {
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    RequestHeadTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}


class ProblemRunner(web.AppRunner):
    """Runs an application behind a `ProblemServer`."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return ProblemServer(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            **server._kwargs,  # noqa: SLF001 - aiohttp has no other way to choose the protocol
        )


class ProblemServer(web.Server):
    """Makes a `ProblemProtocol` for each connection."""

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return ProblemProtocol(self, loop=self._loop, **self._kwargs)


class ProblemProtocol(web.RequestHandler):
    """Says what is wrong with a request that reaches no middleware; aiohttp would do so in plain text."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with a problem document and end the connection."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or request.writer.output_size > 0:
            response = super().handle_error(request, status, exc, message)
            return _refusal(internal_problem(), response.status)
        error = _error_of(exc)
        problem = problem_of(error, _STATUSES)
        assert problem is not None
        log.info("request_unreadable", code=problem.code, reason=type(exc).__name__, remote=request.remote)
        return _refusal(problem, problem.status)


def _error_of(exc: BaseException | None) -> ServiceError:
    match exc:
        case LineTooLong():
            return RequestHeadTooLarge("A line of the request's head is too long.")
        case ContentEncodingError():
            return UnsupportedMediaType("The content coding is not supported.")
        case _:
            return MalformedRequest("This is not a valid HTTP request.")


def _refusal(problem: Problem, status: int) -> web.Response:
    response = web.Response(
        status=status,
        body=encode_problem(problem),
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
    response.force_close()
    return response
