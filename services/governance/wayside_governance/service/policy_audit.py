"""The one place where changes of policies are written into the audit chain."""

from collections.abc import Mapping
from typing import Any

from wayside_governance.domain.audit import Entry
from wayside_governance.domain.policy_states import PolicyStanding
from wayside_governance.store import audit
from wayside_service.database import Connection


async def record(
    connection: Connection, policy: PolicyStanding, action: str, details: Mapping[str, Any]
) -> None:
    """Append to the chain of the policy's scope what was done to it; in the end of a transaction, before its events."""
    said = {"name": policy.name, "version": policy.version, "revision": policy.revision, **details}
    at, actor = policy.changed_at, policy.changed_by
    await audit.append(connection, [Entry(policy.scope, at, actor, action, policy.id, said)])
