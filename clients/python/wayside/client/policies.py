"""Policies over HTTP."""

from collections.abc import AsyncGenerator

from wayside.client.pages import Listing, Page, once, parsed
from wayside.client.transport import Call, Transport, path_of, reading
from wayside.errors import WaysideError
from wayside_events.contracts.governance import (
    Policy,
    PolicyDocument,
    PolicyVersion,
    PutPolicyRequest,
    SimulateDraftRequest,
    SimulateRequest,
    Simulation,
    SwitchPolicyRequest,
)
from wayside_events.identifiers import parse_scope

_PATH = "/v1/policies"
_SIMULATED = 5_000


class Policies:
    """What is decided without a person; `Client.policies`. Changing them is for admins."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, _PATH, Policy)

    async def get(self, policy_id: str) -> Policy:
        """Read a policy with its present version; raises `NotFound`."""
        return parsed(await self._transport.send(reading(path_of("policies", policy_id))), Policy)

    async def named(self, name: str, *, scope: str | None = None) -> Policy:
        """Find a policy by its name; raises `WaysideError`."""
        async for policy in self.list(scope=scope, limit=200):
            if policy.name == name:
                return policy
        msg = f"there is no policy {name}"
        raise WaysideError(msg)

    def list(self, *, scope: str | None = None, limit: int | None = None) -> AsyncGenerator[Policy, None]:
        """Yield policies by name, reading page after page of `limit`."""
        return self._listing.items({"scope": scope, "limit": limit})

    async def page(
        self, *, page: str | None = None, scope: str | None = None, limit: int | None = None
    ) -> Page[Policy]:
        """Read one page of policies."""
        return await self._listing.page({"page": page, "scope": scope, "limit": limit})

    async def put(
        self,
        name: str,
        document: PolicyDocument,
        *,
        scope: str,
        description: str | None = None,
        if_version: int | None = None,
    ) -> Policy:
        """Keep a new version of a policy, or a new policy, which is disabled at first.

        With `if_version`, the version you saw, 0 for none, it may be sent again, and overwrites nothing unseen: `Conflict`.
        """
        body = PutPolicyRequest(
            scope=parse_scope(scope),
            name=name,
            document=document,
            description=description,
            if_version=if_version,
        )
        call = Call("PUT", _PATH, body=body, may_be_repeated=if_version is not None)
        return parsed(await self._transport.send(call), Policy)

    async def delete(self, policy_id: str) -> None:
        """Delete a policy: what it decided stays decided."""
        await self._transport.send(Call("DELETE", path_of("policies", policy_id)))

    def versions(self, policy_id: str, *, limit: int | None = None) -> AsyncGenerator[PolicyVersion, None]:
        """Yield all versions of a policy, the newest first, reading page after page of `limit`."""
        path = path_of("policies", policy_id, "versions")
        return Listing(self._transport, path, PolicyVersion).items({"limit": limit})

    async def version(self, policy_id: str, version: int) -> PolicyVersion:
        """Read one version of a policy."""
        call = reading(path_of("policies", policy_id, "versions", str(version)))
        return parsed(await self._transport.send(call), PolicyVersion)

    async def enable(
        self, policy_id: str, *, reason: str | None = None, idempotency_key: str | None = None
    ) -> Policy:
        """Let a policy decide; one that its breaker suspended takes a reason."""
        return await self._switch(policy_id, "enable", reason, idempotency_key)

    async def disable(
        self, policy_id: str, *, reason: str | None = None, idempotency_key: str | None = None
    ) -> Policy:
        """Stop a policy: after the answer it decides nothing any more."""
        return await self._switch(policy_id, "disable", reason, idempotency_key)

    async def simulate(
        self, policy_id: str, *, document: PolicyDocument | None = None, limit: int = _SIMULATED
    ) -> Simulation:
        """Try a policy as it is, or with another document, on the latest `limit` judgements of people."""
        body = SimulateRequest(document=document, limit=limit)
        call = Call("POST", path_of("policies", policy_id, "simulate"), body=body, may_be_repeated=True)
        return parsed(await self._transport.send(call), Simulation)

    async def simulate_draft(
        self, document: PolicyDocument, *, scope: str, limit: int = _SIMULATED
    ) -> Simulation:
        """Try a document that no policy has yet."""
        body = SimulateDraftRequest(scope=parse_scope(scope), document=document, limit=limit)
        call = Call("POST", f"{_PATH}/simulate", body=body, may_be_repeated=True)
        return parsed(await self._transport.send(call), Simulation)

    async def _switch(self, policy_id: str, verb: str, reason: str | None, key: str | None) -> Policy:
        body = SwitchPolicyRequest(reason=reason)
        return await once(self._transport, path_of("policies", policy_id, verb), Policy, body=body, key=key)
