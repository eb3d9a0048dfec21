"""Proposing over HTTP: one, many, or a stream of lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from pydantic import Field, JsonValue

from wayside_events.contracts.governance import Intake, Proposal, ProposalOutcome, ProposeReply
from wayside_events.contracts.problems import FieldError, Problem, pointer
from wayside_events.identifiers import Scope, ScopeName, UnsafeToken, parse_scope
from wayside_governance.routes.keys import INTAKE
from wayside_governance.routes.lines import BATCH_LIMIT, Line, LineTooLong, answer_in_lines
from wayside_governance.routes.parameters import ScopeQuery, scope_of
from wayside_governance.service.intake import IntakeService
from wayside_service.auth import Principal, Role
from wayside_service.errors import (
    ERROR_STATUSES,
    InvalidInput,
    MalformedJson,
    TooLarge,
    UnsupportedMediaType,
)
from wayside_service.http import ClosedModel, RouteTable
from wayside_service.http.binding import read_limited
from wayside_service.http.route import LINES
from wayside_service.problems import problem_of

routes = RouteTable(tags=["suggestions"])

BODY_LIMIT_BYTES = 16 * 1024 * 1024

JSON: Final = "application/json"


class OneProposal(Proposal):
    """One proposal, and the scope it is for, which may be left out by who has just one."""

    scope: Scope | None = None


class ManyProposals(ClosedModel):
    """Proposals, each validated alone, and the scope they are for, which may be left out by who has just one."""

    scope: Scope | None = None
    proposals: Annotated[tuple[Proposal, ...], Field(min_length=1, max_length=BATCH_LIMIT)]


@dataclass(frozen=True, slots=True)
class Body:
    """What a JSON body asks for; `is_one` when it is a single proposal and not a list."""

    scope: ScopeName
    scope_field: str
    proposals: Sequence[JsonValue]
    is_one: bool


@routes.post(
    "/v1/suggestions",
    summary="Propose one claim, many, or a stream of them",
    answers={200: ProposeReply},
    role=Role.RUNNER,
    errors=[TooLarge],
    body_limit_bytes=BODY_LIMIT_BYTES,
    takes={JSON: ManyProposals | OneProposal, LINES: Proposal},
)
async def propose(
    request: web.Request, principal: Principal, query: ScopeQuery
) -> ProposeReply | web.StreamResponse:
    """Answer one outcome per proposal, in order; an invalid one blocks no other.

    `application/json`: `{"scope": …, "proposals": [at most 1,000]}`, or one proposal with its scope; when that one is not
    valid, the answer is a 422, or a 413 for evidence over its limit. `application/x-ndjson`, with `?scope=`: a proposal
    a line, about two million at most; the answer has an outcome a line, and as the last line `{"problem": …}` should
    the service have to give up on the way: lines without an outcome were not taken.
    """
    match request.content_type:
        case "application/json":
            return await _propose_json(request, principal, query)
        case "application/x-ndjson":
            return await _propose_lines(request, principal, query)
        case other:
            raise UnsupportedMediaType(f"The body must be {JSON} or {LINES}, not {other}.")


async def _propose_json(request: web.Request, principal: Principal, query: ScopeQuery) -> ProposeReply:
    body = _read_body(await read_limited(request, BODY_LIMIT_BYTES), principal, query)
    principal.require(Role.RUNNER, body.scope, field=body.scope_field)
    outcomes = await request.app[INTAKE].propose(body.scope, principal.subject, body.proposals)
    if body.is_one and (problem := outcomes[0].problem) is not None:
        raise _refusal(problem)
    return ProposeReply(outcomes=outcomes)


def _refusal(problem: Problem) -> InvalidInput | TooLarge:
    is_too_large = {error.code for error in problem.errors} == {TooLarge.code}
    kind = TooLarge if is_too_large else InvalidInput
    return kind(problem.detail, errors=problem.errors)


def _read_body(raw: bytes, principal: Principal, query: ScopeQuery) -> Body:
    value = _parse(raw)
    if not isinstance(value, dict):
        raise _invalid("/", "dict_type", "The body is a proposal or {scope, proposals}")
    given = value.pop("scope", None)
    scope = scope_of(query, principal, Role.RUNNER) if given is None else _read_scope(given)
    if query.scope not in (None, scope):
        raise _invalid("/scope", "ambiguous", "The body names another scope than the query")
    scope_field = "?scope" if given is None else "/scope"
    if "proposals" not in value:
        return Body(scope, scope_field, [value], is_one=True)
    proposals = value.pop("proposals")
    if value:
        raise _invalid(pointer([next(iter(value))]), "extra_forbidden", "Extra inputs are not permitted")
    if not isinstance(proposals, list) or not 1 <= len(proposals) <= BATCH_LIMIT:
        raise _invalid("/proposals", "list_length", f"A list of 1 to {BATCH_LIMIT} proposals")
    return Body(scope, scope_field, proposals, is_one=False)


def _parse(raw: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(f"Line {error.lineno}, column {error.colno}: {error.msg}") from None


def _read_scope(given: object) -> ScopeName:
    try:
        return parse_scope(given) if isinstance(given, str) else parse_scope("")
    except UnsafeToken as error:
        raise _invalid("/scope", "value_error", str(error)) from None


def _invalid(field: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}.", errors=[FieldError(field=field, code=code, message=message)])


async def _propose_lines(request: web.Request, principal: Principal, query: ScopeQuery) -> web.StreamResponse:
    scope = scope_of(query, principal, Role.RUNNER)
    principal.require(Role.RUNNER, scope, field="?scope")

    async def take(lines: Sequence[Line]) -> Sequence[ProposalOutcome]:
        return await _take_lines(request.app[INTAKE], scope, principal.subject, lines)

    return await answer_in_lines(request, take)


async def _take_lines(
    intake: IntakeService, scope: ScopeName, proposed_by: str, lines: Sequence[Line]
) -> Sequence[ProposalOutcome]:
    values: list[JsonValue] = []
    refused: dict[int, ProposalOutcome] = {}
    for index, line in enumerate(lines):
        try:
            values.append(_parse_line(line))
        except (MalformedJson, TooLarge) as error:
            problem = problem_of(error, ERROR_STATUSES)
            refused[index] = ProposalOutcome(outcome=Intake.INVALID, problem=problem)
    taken = iter(await intake.propose(scope, proposed_by, values))
    return [refused[index] if index in refused else next(taken) for index in range(len(lines))]


def _parse_line(line: Line) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(line, LineTooLong):
        raise TooLarge(str(line))
    return _parse(line)
