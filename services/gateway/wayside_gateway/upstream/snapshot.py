"""A job as the jobs service shows it to a caller, for the beginning of that job's stream."""

from dataclasses import dataclass

import aiohttp
import orjson
from aiohttp import web

from wayside_events.catalogue import TERMINAL_TYPES
from wayside_events.cursor import Cursor, InvalidCursor
from wayside_events.identifiers import ScopeName, parse_scope
from wayside_gateway.errors import UpstreamUnavailable
from wayside_gateway.upstream.caller import answer_of
from wayside_gateway.upstream.headers import context_headers, end_to_end
from wayside_gateway.upstream.instances import Instances

_TERMINAL = frozenset(name.rpartition(".")[2] for name in TERMINAL_TYPES)


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """One job: its JSON as answered, and what the gateway has to know of it.

    `position` is where the event stream was before the job was read; `None` when the service could not say.
    """

    body: bytes
    scope: ScopeName
    status: str
    revision: int
    position: Cursor | None

    @property
    def is_terminal(self) -> bool:
        """Whether the job is over."""
        return self.status in _TERMINAL


class JobReader:
    """Reads jobs with the rights of the caller."""

    def __init__(self, session: aiohttp.ClientSession, instances: Instances) -> None:
        self._session = session
        self._instances = instances

    async def read(self, request: web.Request, job_id: str) -> JobSnapshot | web.Response:
        """Return the job, or the service's refusal as it is; raises `UpstreamUnavailable`."""
        headers = {
            "Authorization": request.headers.get("Authorization", ""),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **context_headers(request),
        }
        path = f"/v1/jobs/{job_id}"
        async with answer_of(self._session, self._instances, "GET", path, headers=headers) as answer:
            try:
                body = await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise UpstreamUnavailable("The jobs service broke off its answer.") from error
            if answer.status >= 500:
                raise UpstreamUnavailable(f"The jobs service answered {answer.status}.")
            if answer.status != 200:
                return web.Response(status=answer.status, body=body, headers=end_to_end(answer.headers))
            return _snapshot(body, answer.headers.get("Wayside-Cursor"))


def _snapshot(body: bytes, cursor: str | None) -> JobSnapshot:
    job = orjson.loads(body)
    try:
        position = Cursor.parse(cursor) if cursor else None
    except InvalidCursor:
        position = None
    return JobSnapshot(body, parse_scope(job["scope"]), job["status"], job["revision"], position)
