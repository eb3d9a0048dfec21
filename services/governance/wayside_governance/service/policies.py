"""Keeping of policies: each change is a version or a state, a line of the audit, and one transaction."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from wayside_events.contracts.governance import (
    Policy,
    PolicyDocument,
    PolicyExplanation,
    PolicyPage,
    PolicyState,
    PolicyVersion,
    PolicyVersionPage,
    PutPolicyRequest,
    SwitchPolicyRequest,
)
from wayside_events.contracts.problems import FieldError
from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_governance.domain.errors import InvalidPage, SuggestionNotFound, UnknownReason
from wayside_governance.domain.policies import Subject, contradictions, evaluate
from wayside_governance.domain.policy_errors import (
    InvalidPolicy,
    PolicyIsSuspended,
    PolicyNotFound,
    StaleVersion,
    TooManyPolicies,
)
from wayside_governance.domain.policy_states import PolicyStanding
from wayside_governance.service.measuring import measure
from wayside_governance.service.pages import Page
from wayside_governance.service.policy_audit import record
from wayside_governance.service.rules import RuleService
from wayside_governance.store import policies as stored
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection, Database
from wayside_service.idempotency import Answer, Caller, Once

POLICIES_LIMIT: Final = 100
"""How many policies a scope may have: each suggestion is evaluated by all that act."""

WALK_AGAIN_AFTER: Final = timedelta(minutes=1)
"""When proposals have surely been committed that were on their way as a policy was enabled; statements end before."""

_NEWEST: Final = 2**31 - 1
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")

Change = Callable[[PolicyStanding, datetime], PolicyStanding]


@dataclass(frozen=True, slots=True)
class PolicyService:
    """Keeps the policies of all scopes. `wake` says that there is something for the runner to do."""

    database: Database
    wake: Callable[[], None]
    once: Once
    rules: RuleService

    async def put(self, author: Principal, request: PutPolicyRequest) -> tuple[Policy, bool]:
        """Keep a new version; returns the policy, and whether the name is new or was deleted."""
        check_document(request.document)
        await self._check_reason(request)
        async with self.database.transaction() as connection:
            shown, is_new = await _put(connection, author.subject, request)
        self.wake()
        return shown, is_new

    async def enable(
        self, admin: Principal, policy_id: EntityId, request: SwitchPolicyRequest, *, key: str | None = None
    ) -> Answer:
        """Let a policy act, on what waits too; raises `PolicyIsSuspended` where that takes a reason."""
        switch = _Switch(
            "policy.enable", request, lambda policy, at: policy.enable(admin.subject, at, request.reason)
        )
        return await self._change(admin, policy_id, switch, key)

    async def disable(
        self, admin: Principal, policy_id: EntityId, request: SwitchPolicyRequest, *, key: str | None = None
    ) -> Answer:
        """Stop a policy; once this has returned, it decides nothing any more."""
        switch = _Switch("policy.disable", request, lambda policy, at: policy.disable(admin.subject, at))
        return await self._change(admin, policy_id, switch, key)

    async def delete(self, admin: Principal, policy_id: EntityId) -> None:
        """Take a policy out of the lists; its versions stay readable, and its name stays its own."""
        async with self.database.transaction() as connection:
            policy = await _locked(connection, admin, policy_id)
            after = policy.delete(admin.subject, datetime.now(UTC))
            await stored.write(connection, after)
            await record(connection, after, "policy.delete", {})

    async def policy(self, reader: Principal, policy_id: EntityId) -> Policy:
        """Return a policy."""
        async with self.database.acquire() as connection:
            found = await stored.policy(connection, policy_id)
        if found is None or not reader.may(Role.VIEWER, found.scope):
            raise _not_found(policy_id)
        return found

    async def policies(self, scope: ScopeName, page: Page) -> PolicyPage:
        """Return a page of the policies of a scope, by name."""
        if page.page is not None and not _NAME.fullmatch(page.page):
            raise InvalidPage("Not a next_page of this list.")
        async with self.database.acquire() as connection:
            found = await stored.policies(connection, scope, after=page.page or "", limit=page.limit + 1)
        shown = tuple(found[: page.limit])
        return PolicyPage(items=shown, next_page=shown[-1].name if len(found) > page.limit else None)

    async def versions(self, reader: Principal, policy_id: EntityId, page: Page) -> PolicyVersionPage:
        """Return a page of the versions of a policy, deleted or not, the newest first."""
        before = _version_of_page(page.page)
        async with self.database.acquire() as connection:
            await _check_sees(connection, reader, policy_id)
            found = await stored.versions(connection, policy_id, before=before, limit=page.limit + 1)
        shown = tuple(found[: page.limit])
        next_page = str(shown[-1].version) if len(found) > page.limit else None
        return PolicyVersionPage(items=shown, next_page=next_page)

    async def version(self, reader: Principal, policy_id: EntityId, number: int) -> PolicyVersion:
        """Return one version of a policy, deleted or not."""
        async with self.database.acquire() as connection:
            await _check_sees(connection, reader, policy_id)
            found = await stored.version(connection, policy_id, number)
        if found is None:
            raise PolicyNotFound(f"Policy {policy_id} has no version {number}.")
        return found

    async def explain(self, suggestion_id: EntityId) -> tuple[PolicyExplanation, ...]:
        """Say for each policy of a suggestion's scope why it acts on it or does not."""
        async with self.database.transaction(readonly=True) as connection:
            return await explain(connection, suggestion_id)

    async def _check_reason(self, request: PutPolicyRequest) -> None:
        given = request.document.reason_code
        known = [reason.code for reason in (await self.rules.settings(request.scope)).reason_codes]
        if given is not None and given not in known:
            message = f"One of: {', '.join(known)}"
            raise InvalidPolicy(
                [FieldError(field="/document/reason_code", code=UnknownReason.code, message=message)]
            )

    async def _change(
        self, admin: Principal, policy_id: EntityId, switch: "_Switch", key: str | None
    ) -> Answer:
        async def act(connection: Connection) -> Answer:
            shown = await _switched(connection, admin, policy_id, switch)
            return Answer(HTTPStatus.OK, shown.model_dump_json().encode())

        scope = (await self.policy(admin, policy_id)).scope
        caller = Caller(scope=scope, subject=admin.subject, key=key)
        answer = await self.once.run(caller.asks(switch.action, policy_id, switch.request), act)
        self.wake()
        return answer


@dataclass(frozen=True, slots=True)
class _Switch:
    """A change of a policy's state, and why it is asked for; an `Answer` is a `Policy` as JSON."""

    action: str
    request: SwitchPolicyRequest
    change: Change


async def _switched(connection: Connection, admin: Principal, policy_id: EntityId, switch: _Switch) -> Policy:
    before = await _locked(connection, admin, policy_id)
    try:
        after = switch.change(before, datetime.now(UTC))
    except PolicyIsSuspended as conflict:
        conflict.current = (await _shown(connection, policy_id)).model_dump(mode="json")
        raise
    if after is before:
        return await _shown(connection, policy_id)
    await _write(connection, after)
    shown = await _shown(connection, policy_id)
    await record(connection, after, switch.action, {"reason": switch.request.reason})
    return shown


async def explain(connection: Connection, suggestion_id: EntityId) -> tuple[PolicyExplanation, ...]:
    """Say for each policy of a suggestion's scope, acting or not, what it makes of it now."""
    found = await stored.candidate(connection, suggestion_id)
    if found is None:
        raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
    scope, candidate = found
    policies = await stored.policies(connection, scope, after="", limit=POLICIES_LIMIT)
    subjects = {policy.id: subject_of(policy) for policy in policies}
    measured = await measure(connection, scope, subjects.values(), [candidate])
    evaluated = {
        policy.id: evaluate(subjects[policy.id], candidate, measured[policy.id]) for policy in policies
    }
    return tuple(
        PolicyExplanation(
            policy_id=policy.id,
            name=policy.name,
            version=policy.version,
            state=policy.state,
            action=policy.document.action,
            outcome=evaluated[policy.id].outcome,
            reasons=evaluated[policy.id].reasons,
        )
        for policy in policies
    )


def check_document(document: PolicyDocument) -> None:
    """Raise `InvalidPolicy` for a document, in the body's field of that name, that contradicts itself."""
    if errors := contradictions(document):
        raise InvalidPolicy(
            [error.model_copy(update={"field": f"/document{error.field.rstrip('/')}"}) for error in errors]
        )


def subject_of(policy: Policy) -> Subject:
    """Return a policy as it acts."""
    return Subject(policy.id, policy.name, policy.version, policy.document)


async def _put(connection: Connection, author: str, request: PutPolicyRequest) -> tuple[Policy, bool]:
    at = datetime.now(UTC)
    before = await stored.lock_named(connection, request.scope, request.name)
    if before is None:
        after = await _insert(connection, author, request, at)
    else:
        before.expect(request.if_version)
        after = before.put(author, at)
        await _write(connection, after)
    version = PolicyVersion(
        policy_id=after.id,
        version=after.version,
        name=f"{after.name}:{after.version}",
        description=request.description,
        document=request.document,
        created_by=author,
        created_at=at,
    )
    await stored.append_version(connection, version)
    shown = await _shown(connection, after.id)
    document = request.document.model_dump(mode="json")
    await record(connection, after, "policy.put", {"document": document})
    return shown, before is None or before.deleted_at is not None


async def _insert(
    connection: Connection, author: str, request: PutPolicyRequest, at: datetime
) -> PolicyStanding:
    if request.if_version:
        raise StaleVersion(request.if_version, 0)
    if await stored.count(connection, request.scope) >= POLICIES_LIMIT:
        raise TooManyPolicies(f"Scope {request.scope} has {POLICIES_LIMIT} policies; delete one first.")
    policy = await stored.insert(connection, new_id(), request.scope, request.name, by=author, at=at)
    if policy is None:
        raise StaleVersion(0, 1)
    return policy


async def _write(connection: Connection, policy: PolicyStanding) -> None:
    await stored.write(connection, policy)
    if policy.state is PolicyState.ENABLED:
        await stored.begin_walk(connection, policy.id, again_at=policy.changed_at + WALK_AGAIN_AFTER)


async def _locked(connection: Connection, admin: Principal, policy_id: EntityId) -> PolicyStanding:
    policy = await stored.lock(connection, policy_id)
    if policy is None or not admin.may(Role.VIEWER, policy.scope):
        raise _not_found(policy_id)
    admin.require(Role.ADMIN, policy.scope)
    return policy


async def _shown(connection: Connection, policy_id: EntityId) -> Policy:
    shown = await stored.policy(connection, policy_id)
    assert shown is not None
    return shown


async def _check_sees(connection: Connection, reader: Principal, policy_id: EntityId) -> None:
    scope = await stored.scope_of(connection, policy_id)
    if scope is None or not reader.may(Role.VIEWER, scope):
        raise _not_found(policy_id)


def _not_found(policy_id: EntityId) -> PolicyNotFound:
    return PolicyNotFound(f"There is no policy {policy_id}.")


def _version_of_page(page: str | None) -> int:
    if page is None:
        return _NEWEST
    if not (page.isascii() and page.isdecimal() and len(page) < len(str(_NEWEST))):
        raise InvalidPage("Not a next_page of this list.")
    return int(page)
