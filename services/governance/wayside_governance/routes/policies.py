"""Policies over HTTP."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import (
    Policy,
    PolicyPage,
    PolicyVersion,
    PolicyVersionPage,
    PutPolicyRequest,
    SimulateDraftRequest,
    SimulateRequest,
    Simulation,
    SwitchPolicyRequest,
)
from wayside_events.identifiers import Id, new_id
from wayside_governance.domain import policy_errors as errors
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.domain.policies import Subject
from wayside_governance.routes.keys import POLICIES, SIMULATOR
from wayside_governance.routes.parameters import ListQuery, scope_of
from wayside_governance.service.pages import Page
from wayside_governance.service.policies import subject_of
from wayside_service.auth import Principal, Role
from wayside_service.http import ClosedModel, Reply, RouteTable
from wayside_service.idempotency import IdempotencyConflict, IdempotencyHeaders, reply_of

routes = RouteTable(tags=["policies"])

VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]


class VersionQuery(ClosedModel):
    """Names a part of a list of versions."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    page: str | None = None


@routes.put(
    "/v1/policies",
    summary="Keep a new version of a policy, or a new policy",
    answers={200: Policy, 201: Policy},
    role=Role.ADMIN,
    errors=[errors.InvalidPolicy, errors.StaleVersion, errors.TooManyPolicies],
)
async def put_policy(request: web.Request, principal: Principal, body: PutPolicyRequest) -> Reply:
    """A new policy is disabled: simulate it, then enable it. A policy that acts goes on with the new version at once.

    Each call is a version, which stays readable for ever. With `if_version` nothing is overwritten that was not seen.
    """
    policy, is_new = await request.app[POLICIES].put(principal, body)
    return Reply(policy, status=201 if is_new else 200)


@routes.get(
    "/v1/policies", summary="List policies", answers={200: PolicyPage}, role=Role.VIEWER, errors=[InvalidPage]
)
async def list_policies(request: web.Request, principal: Principal, query: ListQuery) -> PolicyPage:
    """By name."""
    return await request.app[POLICIES].policies(scope_of(query, principal), query.wanted_page)


@routes.get(
    "/v1/policies/{policy_id}",
    summary="Read a policy",
    answers={200: Policy},
    role=Role.VIEWER,
    errors=[errors.PolicyNotFound],
)
async def get_policy(request: web.Request, principal: Principal, policy_id: Id) -> Policy:
    """With its present version, and why it is suspended, if it is."""
    return await request.app[POLICIES].policy(principal, policy_id)


@routes.delete(
    "/v1/policies/{policy_id}",
    summary="Delete a policy",
    answers={204: None},
    role=Role.ADMIN,
    errors=[errors.PolicyNotFound],
)
async def delete_policy(request: web.Request, principal: Principal, policy_id: Id) -> Reply:
    """What it decided stays decided, its versions stay readable, and its name goes to no other policy."""
    await request.app[POLICIES].delete(principal, policy_id)
    return Reply(status=204)


@routes.get(
    "/v1/policies/{policy_id}/versions",
    summary="List the versions of a policy",
    answers={200: PolicyVersionPage},
    role=Role.VIEWER,
    errors=[errors.PolicyNotFound, InvalidPage],
)
async def list_policy_versions(
    request: web.Request, principal: Principal, policy_id: Id, query: VersionQuery
) -> PolicyVersionPage:
    """The newest first; also of a policy that was deleted."""
    return await request.app[POLICIES].versions(principal, policy_id, Page(query.limit, query.page))


@routes.get(
    "/v1/policies/{policy_id}/versions/{version}",
    summary="Read a version of a policy",
    answers={200: PolicyVersion},
    role=Role.VIEWER,
    errors=[errors.PolicyNotFound],
)
async def get_policy_version(
    request: web.Request, principal: Principal, policy_id: Id, version: VersionNumber
) -> PolicyVersion:
    """As it was put; versions never change."""
    return await request.app[POLICIES].version(principal, policy_id, version)


@routes.post(
    "/v1/policies/{policy_id}/enable",
    summary="Let a policy decide",
    answers={200: Policy},
    role=Role.ADMIN,
    errors=[errors.PolicyNotFound, errors.PolicyIsSuspended, IdempotencyConflict],
)
async def enable_policy(
    request: web.Request,
    principal: Principal,
    policy_id: Id,
    body: SwitchPolicyRequest | None,
    headers: IdempotencyHeaders,
) -> Reply:
    """It decides what waits already, too. One that its breaker suspended takes a reason, or a new version first."""
    wanted, key = body or SwitchPolicyRequest(), headers.idempotency_key
    return reply_of(await request.app[POLICIES].enable(principal, policy_id, wanted, key=key))


@routes.post(
    "/v1/policies/{policy_id}/disable",
    summary="Stop a policy",
    answers={200: Policy},
    role=Role.ADMIN,
    errors=[errors.PolicyNotFound, IdempotencyConflict],
)
async def disable_policy(
    request: web.Request,
    principal: Principal,
    policy_id: Id,
    body: SwitchPolicyRequest | None,
    headers: IdempotencyHeaders,
) -> Reply:
    """After the answer it decides nothing any more, on no instance."""
    wanted, key = body or SwitchPolicyRequest(), headers.idempotency_key
    return reply_of(await request.app[POLICIES].disable(principal, policy_id, wanted, key=key))


@routes.post(
    "/v1/policies/{policy_id}/simulate",
    summary="Try a policy, or another document for it",
    answers={200: Simulation},
    role=Role.REVIEWER,
    errors=[errors.PolicyNotFound, errors.InvalidPolicy],
)
async def simulate_policy(
    request: web.Request, principal: Principal, policy_id: Id, body: SimulateRequest | None
) -> Simulation:
    """What it would have done against what people decided, and what it would do now; nothing is changed."""
    wanted = body or SimulateRequest()
    policy = await request.app[POLICIES].policy(principal, policy_id)
    principal.require(Role.REVIEWER, policy.scope)
    subject = subject_of(policy)
    if wanted.document is not None:
        subject = subject._replace(version=policy.version + 1, document=wanted.document)
    return await request.app[SIMULATOR].run(policy.scope, subject, wanted.limit)


@routes.post(
    "/v1/policies/simulate",
    summary="Try a document that no policy has yet",
    answers={200: Simulation},
    role=Role.REVIEWER,
    errors=[errors.InvalidPolicy],
)
async def simulate_draft(request: web.Request, body: SimulateDraftRequest) -> Simulation:
    """As for a policy; which suggestions would be held out depends on the policy it becomes."""
    subject = Subject(new_id(), "draft", 1, body.document)
    return await request.app[SIMULATOR].run(body.scope, subject, body.limit)
