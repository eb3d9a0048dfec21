"""Verdicts: what is wanted of one suggestion, and what that makes of it; pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, assert_never

from wayside_events.contracts.governance import Verdict
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_governance.domain.errors import (
    AlreadyEndorsed,
    ContentChanged,
    DecidedElsewhere,
    IllegalTransition,
    OwnProposal,
    RivalExists,
    UnknownReason,
)
from wayside_governance.domain.evidence import NO_CONTENT, Evidence
from wayside_governance.domain.states import Verb, next_status
from wayside_governance.domain.suggestion import (
    REMEMBERED_LIMIT,
    Decision,
    Edge,
    Review,
    Standing,
    Suggestion,
)

POLICY_PREFIX = "policy:"
"""What the name of a reviewer begins with that is a policy."""

NEW_EDGE_REVISION = 1

Leaving = Callable[[Suggestion, Review], Suggestion]
"""A verb by which a suggestion leaves the queue without an answer of its own."""


class PolicyVersion(NamedTuple):
    """Which policy decides; `version` is "<name>:<version>"."""

    id: EntityId
    version: str


class Shown(NamedTuple):
    """The content hashes of both nodes as the reviewer saw them; None where that was not said."""

    from_hash: bytes | None = None
    to_hash: bytes | None = None


class Wanted(NamedTuple):
    """A verdict that somebody wants on one suggestion.

    `scope`: a suggestion of another scope is not found. `revision`: another one is stale; None takes it as it is.
    `undoes`: an undo of anything but this decision is stale. `supersedes_rivals`: an approval of a functional type
    takes the pending rivals out of the queue. An approval becomes an endorsement where the type needs two and this is
    the first. `reviewed_at` is given for what was decided elsewhere, and imported.
    """

    suggestion_id: EntityId
    verdict: Verdict
    reviewed_by: str
    revision: int | None = None
    scope: ScopeName | None = None
    reason_code: str | None = None
    note: str | None = None
    time_taken_seconds: float | None = None
    policy: PolicyVersion | None = None
    bulk_id: EntityId | None = None
    linked_to: EntityId | None = None
    undoes: EntityId | None = None
    supersedes_rivals: bool = False
    shown: Shown | None = None
    reviewed_at: datetime | None = None


class Undone(NamedTuple):
    """The latest decision on a suggestion. `linked`: what it superseded, as suggestion → decision."""

    id: EntityId
    verdict: Verdict
    edge_id: EntityId | None = None
    fingerprints: frozenset[bytes] = frozenset()
    linked: Mapping[EntityId, EntityId] = MappingProxyType({})


class Facts(NamedTuple):
    """What a verdict depends on beside the suggestion, read after it was locked.

    `fingerprints` are those of the latest evidence with the nodes as they are. `endorsers_that_proposed` are given where
    more than one approval is needed: who endorsed and then proposed evidence is none of those that approve. `allowed_reasons` are given when the reason is
    none of them. An undo needs `undone`, and of an approval all `evidence`, oldest first; `expires_at` is for what waits again.
    """

    at: datetime
    has_proposed: bool = False
    endorsers_that_proposed: frozenset[str] = frozenset()
    fingerprints: frozenset[bytes] = frozenset()
    from_hash: bytes = NO_CONTENT
    to_hash: bytes = NO_CONTENT
    is_functional: bool = False
    required_approvals: int = 1
    rival_edge_id: EntityId | None = None
    allowed_reasons: frozenset[str] | None = None
    expires_at: datetime | None = None
    undone: Undone | None = None
    evidence: tuple[Evidence, ...] = ()


class Outcome(NamedTuple):
    """What a verdict made of a suggestion: the decision appended, and the edge that came into being.

    `retracts` is the edge that has to go, `retracted` that edge once it is gone. `linked` are the outcomes that follow
    from it: rivals that are superseded, or wait again.
    """

    seen: Suggestion
    after: Suggestion
    decision: Decision
    edge: Edge | None = None
    retracts: EntityId | None = None
    retracted: Edge | None = None
    expires_at: datetime | None = None
    linked: tuple["Outcome", ...] = ()


def plan(seen: Suggestion, wanted: Wanted, facts: Facts) -> Outcome:
    """Return what a verdict makes of a suggestion; raises the `GovernanceError` that refuses it."""
    if wanted.revision is not None:
        seen.expect(wanted.revision)
    match wanted.verdict:
        case Verdict.APPROVE | Verdict.ENDORSE:
            return _approve(seen, wanted, facts)
        case Verdict.REJECT:
            return _reject(seen, wanted, facts)
        case Verdict.SUPERSEDE:
            return _leave(seen, wanted, facts, Suggestion.supersede)
        case Verdict.EXPIRE:
            return _leave(seen, wanted, facts, Suggestion.expire)
        case Verdict.WITHDRAW:
            return _leave(seen, wanted, facts, Suggestion.withdraw)
        case Verdict.UNDO:
            return _undo(seen, wanted, facts)
        case never:
            assert_never(never)


def _approve(seen: Suggestion, wanted: Wanted, facts: Facts) -> Outcome:
    next_status(seen.status, Verb.APPROVE)
    if facts.has_proposed:
        raise OwnProposal(f"{wanted.reviewed_by} proposed this claim; somebody else has to approve it.")
    _check_content(seen, wanted.shown, facts)
    if facts.rival_edge_id is not None:
        raise RivalExists(facts.rival_edge_id)
    if _lacks_approvals(seen, wanted.reviewed_by, facts):
        decision = _decision(seen, wanted._replace(verdict=Verdict.ENDORSE), facts.at)
        return Outcome(seen, seen.endorse(wanted.reviewed_by, facts.at), decision)
    edge_id = new_id()
    decision = _decision(seen, wanted, facts.at, edge_id=edge_id)
    edge = Edge(
        id=edge_id,
        claim=seen.claim,
        revision=NEW_EDGE_REVISION,
        confidence=seen.standing.confidence,
        strength=seen.standing.strength,
        suggestion_id=seen.id,
        decision_id=decision.id,
        created_by=wanted.reviewed_by,
        created_at=facts.at,
        is_functional=facts.is_functional,
    )
    return Outcome(seen, seen.approve(_review(decision)), decision, edge)


def _check_content(seen: Suggestion, shown: Shown | None, facts: Facts) -> None:
    if shown is None:
        return
    if shown.from_hash not in (None, facts.from_hash):
        raise ContentChanged(seen.claim.from_node_id)
    if shown.to_hash not in (None, facts.to_hash):
        raise ContentChanged(seen.claim.to_node_id)


def _lacks_approvals(seen: Suggestion, reviewer: str, facts: Facts) -> bool:
    """Whether this approval is not the last one needed; raises `AlreadyEndorsed` when it adds nothing."""
    if facts.required_approvals == 1:
        return False
    others = {_voice(name) for name in seen.endorsed_by if name not in facts.endorsers_that_proposed}
    if _voice(reviewer) in others:
        raise AlreadyEndorsed(reviewer)
    return len(others) + 1 < facts.required_approvals


def _voice(reviewer: str) -> str:
    """Return who speaks: all policies together have one voice, so that none of two approvals need be a person's."""
    return POLICY_PREFIX if reviewer.startswith(POLICY_PREFIX) else reviewer


def _reject(seen: Suggestion, wanted: Wanted, facts: Facts) -> Outcome:
    if facts.allowed_reasons is not None:
        raise UnknownReason(wanted.reason_code, facts.allowed_reasons)
    _check_content(seen, wanted.shown, facts)
    new = facts.fingerprints - seen.remembered
    if len(new) > REMEMBERED_LIMIT:
        new = frozenset(sorted(new)[:REMEMBERED_LIMIT])
    decision = _decision(seen, wanted, facts.at, fingerprints=new)
    return Outcome(seen, seen.reject(_review(decision), new), decision)


def _leave(seen: Suggestion, wanted: Wanted, facts: Facts, verb: Leaving) -> Outcome:
    decision = _decision(seen, wanted, facts.at)
    return Outcome(seen, verb(seen, _review(decision)), decision)


def _undo(seen: Suggestion, wanted: Wanted, facts: Facts) -> Outcome:
    undone = facts.undone
    if undone is None or not _can_be_undone(seen, undone):
        raise IllegalTransition(seen.status, Verb.UNDO)
    if wanted.undoes not in (None, undone.id):
        raise DecidedElsewhere("The latest decision is another one than was to be undone.")
    decision = _decision(seen, wanted, facts.at, undoes=undone.id)
    if undone.verdict is Verdict.ENDORSE:
        return Outcome(seen, seen.retract(facts.at), decision, expires_at=facts.expires_at)
    standing = Standing.of_all(facts.evidence) if facts.evidence else seen.standing
    after = seen.undo(facts.at, standing=standing, forget=undone.fingerprints)
    return Outcome(seen, after, decision, retracts=undone.edge_id, expires_at=facts.expires_at)


def _can_be_undone(seen: Suggestion, undone: Undone) -> bool:
    if seen.status is SuggestionStatus.PENDING:
        return undone.verdict is Verdict.ENDORSE and bool(seen.endorsed_by)
    return seen.review is not None and seen.review.decision_id == undone.id


def _decision(
    seen: Suggestion,
    wanted: Wanted,
    at: datetime,
    *,
    edge_id: EntityId | None = None,
    undoes: EntityId | None = None,
    fingerprints: frozenset[bytes] = frozenset(),
) -> Decision:
    policy = wanted.policy
    return Decision(
        id=new_id(),
        suggestion_id=seen.id,
        scope=seen.claim.scope,
        revision=seen.revision + 1,
        verdict=wanted.verdict,
        reviewed_by=wanted.reviewed_by,
        reviewed_at=wanted.reviewed_at or at,
        reason_code=wanted.reason_code,
        note=wanted.note,
        confidence_shown=seen.standing.confidence,
        evidence_shown=seen.standing.evidence_count,
        time_taken_seconds=wanted.time_taken_seconds,
        edge_id=edge_id,
        undoes=undoes,
        fingerprints=fingerprints,
        policy_id=policy.id if policy else None,
        policy_version=policy.version if policy else None,
        bulk_id=wanted.bulk_id,
        linked_to=wanted.linked_to,
        imported_at=at if wanted.reviewed_at else None,
    )


def _review(decision: Decision) -> Review:
    return Review(
        decision.id, decision.reviewed_by, decision.reviewed_at, decision.reason_code, decision.edge_id
    )
