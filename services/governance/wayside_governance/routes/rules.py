"""What a scope lays down, over HTTP."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import (
    PutSettingsRequest,
    PutTypeRequest,
    RelationshipTypePage,
    RelationshipTypeRules,
    ScopeSettings,
)
from wayside_events.edges import RelationshipType
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.rules import StaleSettings, TypeNotFound
from wayside_governance.routes.keys import RULES
from wayside_governance.routes.parameters import ListQuery, ScopeQuery, scope_of
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable

routes = RouteTable(tags=["rules"])


class TypeQuery(ListQuery):
    """Names a part of the list of declared types."""

    page: Annotated[str, Field(max_length=100)] | None = None


@routes.get(
    "/v1/governance/settings",
    summary="Read the settings of a scope",
    answers={200: ScopeSettings},
    role=Role.VIEWER,
)
async def get_settings(request: web.Request, principal: Principal, query: ScopeQuery) -> ScopeSettings:
    """Settings that nobody has put yet are those of the service, at revision 0."""
    return await request.app[RULES].settings(scope_of(query, principal))


@routes.put(
    "/v1/governance/settings",
    summary="Replace the settings of a scope",
    answers={200: ScopeSettings},
    role=Role.ADMIN,
    errors=[StaleSettings],
)
async def put_settings(
    request: web.Request, principal: Principal, query: ScopeQuery, body: PutSettingsRequest
) -> ScopeSettings:
    """Decisions heed them at once, proposals at every instance within a second."""
    return await request.app[RULES].put_settings(principal, _admin_of(query, principal), body)


@routes.get(
    "/v1/relationship-types",
    summary="List the declared types of relationships",
    answers={200: RelationshipTypePage},
    role=Role.VIEWER,
)
async def list_types(request: web.Request, principal: Principal, query: TypeQuery) -> RelationshipTypePage:
    """By name. A type that is used without being declared is not listed."""
    return await request.app[RULES].types(scope_of(query, principal), query.wanted_page)


@routes.get(
    "/v1/relationship-types/{name}",
    summary="Read a declared type of relationship",
    answers={200: RelationshipTypeRules},
    role=Role.VIEWER,
    errors=[TypeNotFound],
)
async def get_type(
    request: web.Request, principal: Principal, name: RelationshipType, query: ScopeQuery
) -> RelationshipTypeRules:
    """One that is not declared is not functional and needs one approval."""
    return await request.app[RULES].type(scope_of(query, principal), name)


@routes.put(
    "/v1/relationship-types/{name}",
    summary="Declare a type of relationship",
    answers={200: RelationshipTypeRules},
    role=Role.ADMIN,
)
async def put_type(
    request: web.Request,
    principal: Principal,
    name: RelationshipType,
    query: ScopeQuery,
    body: PutTypeRequest,
) -> RelationshipTypeRules:
    """Holds for decisions from now on. Edges stay, also where a node has two of a type that is functional now."""
    return await request.app[RULES].put_type(principal, _admin_of(query, principal), name, body)


@routes.delete(
    "/v1/relationship-types/{name}",
    summary="Forget a declared type of relationship",
    answers={204: None},
    role=Role.ADMIN,
    errors=[TypeNotFound],
)
async def delete_type(
    request: web.Request, principal: Principal, name: RelationshipType, query: ScopeQuery
) -> Reply:
    """From now on the type is not functional and needs one approval; its suggestions and edges stay."""
    await request.app[RULES].delete_type(principal, _admin_of(query, principal), name)
    return Reply(status=204)


def _admin_of(query: ScopeQuery, principal: Principal) -> ScopeName:
    scope = scope_of(query, principal, Role.ADMIN)
    principal.require(Role.ADMIN, scope, field="?scope")
    return scope
