"""Decisions on many suggestions over HTTP."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import (
    DecisionBulk,
    DecisionBulkBody,
    DecisionBulkItemPage,
    DecisionBulkPage,
    UndoBulkRequest,
)
from wayside_events.identifiers import Id
from wayside_governance.domain import bulk as errors
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.routes.keys import BULK
from wayside_governance.routes.parameters import ListQuery, scope_of
from wayside_governance.service.decisions import Asker
from wayside_governance.service.pages import Page
from wayside_service.auth import Principal, Role
from wayside_service.http import ClosedModel, Reply, RouteTable
from wayside_service.idempotency import IdempotencyConflict, IdempotencyHeaders, reply_of

routes = RouteTable(tags=["suggestions"])

_ANSWERS: Final = {200: DecisionBulk, 202: DecisionBulk}


class FailureQuery(ClosedModel):
    """Names a part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    page: Annotated[str, Field(max_length=20)] | None = None


@routes.post(
    "/v1/suggestions/bulk",
    summary="Approve or reject many suggestions",
    answers=_ANSWERS,
    role=Role.REVIEWER,
    errors=[errors.InvalidBulk, errors.StaleSnapshot, IdempotencyConflict],
)
async def decide_many(
    request: web.Request, principal: Principal, body: DecisionBulkBody, headers: IdempotencyHeaders
) -> Reply:
    """With a filter, do a dry run first: it answers how many there are, some of them, and a `snapshot`, good for an hour.

    Your latest ten are kept. Applied, it decides what was counted: what has changed since is left alone and said so. Up to 500 are decided at
    once (200, `items` has the outcome of each); more by a job (202, `job_id`): follow it, cancel it. A failure of one
    stops no other. `undo` takes all of it back.
    """
    return reply_of(await request.app[BULK].order(Asker(principal, headers.idempotency_key), body))


@routes.get(
    "/v1/suggestions/bulk",
    summary="List decisions on many suggestions",
    answers={200: DecisionBulkPage},
    role=Role.VIEWER,
    errors=[InvalidPage],
)
async def list_bulks(request: web.Request, principal: Principal, query: ListQuery) -> DecisionBulkPage:
    """The latest first."""
    return await request.app[BULK].bulks(scope_of(query, principal), query.wanted_page)


@routes.get(
    "/v1/suggestions/bulk/{bulk_id}",
    summary="Read how far a decision on many suggestions is",
    answers={200: DecisionBulk},
    role=Role.VIEWER,
    errors=[errors.BulkNotFound],
)
async def get_bulk(request: web.Request, principal: Principal, bulk_id: Id) -> DecisionBulk:
    """Counts of what has been worked on; `failures` lists what was not decided."""
    return await request.app[BULK].bulk(principal, bulk_id)


@routes.get(
    "/v1/suggestions/bulk/{bulk_id}/failures",
    summary="List what a decision on many suggestions did not decide",
    answers={200: DecisionBulkItemPage},
    role=Role.VIEWER,
    errors=[errors.BulkNotFound, InvalidPage],
)
async def list_bulk_failures(
    request: web.Request, principal: Principal, bulk_id: Id, query: FailureQuery
) -> DecisionBulkItemPage:
    """Those that had changed, were refused, or are not there, each with its problem."""
    return await request.app[BULK].failures(principal, bulk_id, Page(query.limit, query.page))


@routes.post(
    "/v1/suggestions/bulk/{bulk_id}/undo",
    summary="Take back a decision on many suggestions",
    answers=_ANSWERS,
    role=Role.REVIEWER,
    errors=[errors.BulkNotFound, errors.BulkNotOver, IdempotencyConflict],
)
async def undo_bulk(
    request: web.Request,
    principal: Principal,
    bulk_id: Id,
    body: UndoBulkRequest,
    headers: IdempotencyHeaders,
) -> Reply:
    """As one decision each, where the bulk's is still the latest; the others are left alone and said so."""
    asker = Asker(principal, headers.idempotency_key)
    return reply_of(await request.app[BULK].undo(asker, bulk_id, body))
