"""The one place where errors become answers."""

from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from wayside_service import errors
from wayside_service.errors import ErrorTable
from wayside_service.middleware.context import REQUEST_ID
from wayside_service.problems import (
    CONTENT_TYPE,
    encode_problem,
    internal_problem,
    problem_headers,
    problem_of,
)

log = structlog.get_logger("wayside_service.errors")

ERRORS: Final = web.AppKey("wayside_errors", ErrorTable)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error with a problem document; an unexpected one is logged with its traceback."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _answer(request, _routing_error(request, error), dict(_kept_headers(error)))
    except Exception as error:
        if request.writer.output_size > 0:
            raise
        return _answer(request, error, {})


def _answer(request: web.Request, error: Exception, headers: dict[str, str]) -> web.Response:
    instance = request.get(REQUEST_ID)
    problem = problem_of(error, request.app[ERRORS], instance)
    if problem is None:
        log.error("request_failed", exc_info=error)
        problem = internal_problem(instance)
    else:
        log.info("request_refused", code=problem.code, detail=problem.detail)
    return web.Response(
        status=problem.status,
        body=encode_problem(problem),
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store", **headers, **problem_headers(error)},
    )


def _routing_error(request: web.Request, error: web.HTTPException) -> Exception:
    match error:
        case web.HTTPNotFound():
            return errors.RouteNotFound(f"There is no {request.path}.")
        case web.HTTPMethodNotAllowed():
            return errors.MethodNotAllowed(f"{request.path} has no {request.method}.")
        case web.HTTPRequestEntityTooLarge():
            return errors.BodyTooLarge()
        case _:
            return errors.BadRequest(error.reason) if error.status < 500 else error


def _kept_headers(error: web.HTTPException) -> dict[str, str]:
    return {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
