"""The logs of jobs over HTTP."""

import re
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.jobs import JobLogPage
from wayside_events.identifiers import Id
from wayside_events.jobs import LogLevel
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, sees
from wayside_service.auth import Principal, Role
from wayside_service.http import ClosedModel, Reply, RouteTable

_ENTRY_NUMBER: Final = re.compile(r"[0-9]{1,18}")

routes = RouteTable(tags=["jobs"])


class LogQuery(ClosedModel):
    """Names a part of a log; `level` leaves out what is less severe."""

    limit: Annotated[int, Field(ge=1, le=1_000)] = 200
    page: str | None = None
    level: LogLevel = LogLevel.DEBUG


@routes.get(
    "/v1/jobs/{job_id}/logs",
    summary="Read the log of a job",
    answers={200: JobLogPage},
    role=Role.VIEWER,
    errors=[errors.JobNotFound, errors.InvalidPage],
)
async def get_job_logs(request: web.Request, principal: Principal, job_id: Id, query: LogQuery) -> Reply:
    """Oldest first; `page` is the number of the last entry that is known."""
    after = _last_known(query.page)
    page = request.app[JOBS].logs.page(
        job_id, sees(principal), least=query.level, after=after, limit=query.limit
    )
    return Reply(await page)


def _last_known(page: str | None) -> int:
    if page is not None and _ENTRY_NUMBER.fullmatch(page) is None:
        raise errors.InvalidPage
    return int(page or 0)
