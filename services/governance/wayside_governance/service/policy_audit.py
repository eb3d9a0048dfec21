"""The one place where changes of policies are written into the audit chain."""

from collections.abc import Mapping

from pydantic import JsonValue

from wayside_governance.domain.audit import Entry
from wayside_governance.domain.policy_states import PolicyStanding
from wayside_governance.store import audit
from wayside_service.database import Connection


async def record(
    connection: Connection, policy: PolicyStanding, action: str, details: Mapping[str, JsonValue]
) -> None:
    """Append to the chain of the policy's scope what was done to it; among the last statements of a transaction."""
    entry = Entry(policy.scope, policy.changed_at, policy.changed_by, action, policy.id, details)
    await audit.append(connection, [entry])
