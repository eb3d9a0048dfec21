"""Decisions as newline-delimited JSON: out of one system, into another."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import DecisionImported, DecisionLine, DecisionToImport, Verdict
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import new_id
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.routes.keys import EXPORT, IMPORT
from wayside_governance.routes.lines import Line, LineTooLong, answer_in_lines
from wayside_governance.routes.parameters import ScopeQuery, scope_of
from wayside_governance.service.exporting import DecisionFilters
from wayside_governance.service.importing import Import, too_long
from wayside_service.auth import Principal, Role
from wayside_service.errors import TooLarge, UnsupportedMediaType
from wayside_service.http import MediaType, RouteTable
from wayside_service.http.route import LINES

routes = RouteTable(tags=["decisions"])


class DecisionQuery(ScopeQuery):
    """Which decisions: made from `since` on, and before `before`; `verdict` may be given repeatedly."""

    format: Literal["ndjson"] = "ndjson"
    verdict: Annotated[tuple[Verdict, ...], Field(max_length=len(Verdict))] = ()
    reviewed_by: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    since: Timestamp | None = None
    before: Timestamp | None = None
    in_force: bool = False
    after: Annotated[str, Field(max_length=256)] | None = None


@routes.get(
    "/v1/decisions",
    summary="Export decisions, a line each",
    answers={200: MediaType(LINES, "A `DecisionLine` each, in the order they were recorded")},
    role=Role.VIEWER,
    errors=[InvalidPage],
)
async def export_decisions(
    request: web.Request, principal: Principal, query: DecisionQuery
) -> web.StreamResponse:
    """Written as it is read. To go on where an export broke off, give the `after` of its last line.

    `in_force` leaves out what was taken back or overtaken. What is recorded while an export reaches its end may be missing: let
    the next one begin a little earlier, for an import passes over what it has.
    """
    filters = DecisionFilters(
        scope_of(query, principal),
        query.verdict,
        query.reviewed_by,
        query.since,
        query.before,
        query.in_force,
    )
    steps = request.app[EXPORT].decisions(filters, query.after)
    first = await anext(steps)
    headers = {
        "Content-Type": LINES,
        "Content-Disposition": f'attachment; filename="{filters.scope}-decisions.ndjson"',
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await _write(response, first, steps)
    await response.write_eof()
    return response


async def _write(
    response: web.StreamResponse, first: Sequence[DecisionLine], rest: AsyncIterator[Sequence[DecisionLine]]
) -> None:
    if first:
        await response.write(_encoded(first))
    async for lines in rest:
        if lines:
            await response.write(_encoded(lines))


def _encoded(lines: Iterable[DecisionLine]) -> bytes:
    return b"".join(line.model_dump_json(exclude_none=True).encode() + b"\n" for line in lines)


@routes.post(
    "/v1/decisions/import",
    summary="Import decisions that were made elsewhere",
    answers={200: MediaType(LINES, "A `DecisionImported` for each line")},
    role=Role.ADMIN,
    errors=[TooLarge],
    takes={LINES: DecisionToImport},
)
async def import_decisions(
    request: web.Request, principal: Principal, query: ScopeQuery
) -> web.StreamResponse:
    """Takes the lines of an export, or lines of one's own: a claim, a verdict, by whom, when, and what sources stated.

    A claim that is not known becomes a suggestion with that evidence, and the decision counts in calibration as of its time,
    unless it was a policy's or made in bulk. The rules of the scope hold: proposers do not approve, reasons are known,
    approvals of rivals exclude each other. The same line again is `repeated`; a claim that was decided here is left alone.
    The answer has an outcome a line, and as the last line `{"problem": …}` should the service have to give up on the way.
    """
    if request.content_type != LINES:
        raise UnsupportedMediaType(f"The body must be {LINES}, not {request.content_type}.")
    scope = scope_of(query, principal, Role.ADMIN)
    principal.require(Role.ADMIN, scope, field="?scope")
    into = Import(new_id(), scope, principal.subject)

    async def take(lines: Sequence[Line]) -> Sequence[DecisionImported]:
        whole = [line for line in lines if isinstance(line, bytes)]
        taken = iter(await request.app[IMPORT].take(into, whole))
        return [too_long(line) if isinstance(line, LineTooLong) else next(taken) for line in lines]

    return await answer_in_lines(request, take)
