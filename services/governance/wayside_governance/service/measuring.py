"""What is measured for policies: how often people agreed with what they do, and what they said of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from wayside_events.contracts.governance import PolicyAction
from wayside_events.identifiers import EntityId
from wayside_governance.domain.calibration import Tally
from wayside_governance.domain.policies import Candidate, Check, Measured, Subject, counted_maxima
from wayside_governance.store import policies as stored
from wayside_service.database import Connection

MEASURED_DECISIONS: Final = 2_000
"""Of how many decisions, the latest, a source's precision is measured."""

CHECKS: Final = 1_000
"""How much of what people said of a policy, the latest, its breaker looks at."""


async def measure(
    connection: Connection, scope: str, policies: Iterable[Subject], candidates: Sequence[Candidate]
) -> dict[EntityId, Measured]:
    """Return for each policy what has to be known to evaluate it on some candidates."""
    found: dict[EntityId, Measured] = {}
    for policy in policies:
        pairs = _pairs(policy, candidates) if policy.document.measured is not None else ()
        found[policy.id] = await measure_pairs(connection, scope, policy, pairs)
    return found


async def measure_pairs(
    connection: Connection, scope: str, policy: Subject, pairs: Collection[tuple[str, str]]
) -> Measured:
    """Return by type and source how often people agreed with a policy's action, on what it would act on."""
    accepted = await stored.measured(connection, scope, pairs, policy.document, MEASURED_DECISIONS)
    return {pair: agreed(policy, tally) for pair, tally in accepted.items()}


def agreed(policy: Subject, accepted: Tally) -> Tally:
    """Return with how many people agreed, of whom so many accepted."""
    return accepted if policy.document.action is PolicyAction.APPROVE else accepted.rest


async def checks_of(connection: Connection, policy: Subject, since: datetime) -> list[Check]:
    """Return what people said of a policy since it was enabled, the latest first."""
    is_approval = policy.document.action is PolicyAction.APPROVE
    found = await stored.checks(connection, policy, since, CHECKS)
    return [Check(is_held_out, is_accepted is is_approval) for is_held_out, is_accepted in found]


def _pairs(policy: Subject, candidates: Sequence[Candidate]) -> set[tuple[str, str]]:
    types = policy.document.relationship_types
    return {
        (candidate.relationship_type, source)
        for candidate in candidates
        if not types or candidate.relationship_type in types
        for source in counted_maxima(policy.document, candidate)
    }
