"""Approving, rejecting and undoing: decision, edge, status and events are one transaction."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wayside_events.contracts.governance import Decision as ShownDecision
from wayside_events.contracts.governance import DecisionReply, DecisionRequest, Verdict
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, new_id
from wayside_governance.domain.errors import (
    DecisionConflict,
    EdgeChanged,
    EdgeExists,
    IllegalTransition,
    OwnProposal,
    SuggestionNotFound,
    UnknownReason,
)
from wayside_governance.domain.evidence import NO_CONTENT, fingerprint
from wayside_governance.domain.states import Verb
from wayside_governance.domain.suggestion import Decision, Edge, Review, Standing, Suggestion
from wayside_governance.metrics import GovernanceMetrics
from wayside_governance.service import announcements
from wayside_governance.store import decisions as stored
from wayside_governance.store import intake as nodes
from wayside_governance.store import reading
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection, Database
from wayside_service.outbox import add_events

NEW_EDGE_REVISION = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A verdict as somebody asks for it; `id` becomes the decision's."""

    id: EntityId
    verdict: Verdict
    reviewed_by: str
    at: datetime
    request: DecisionRequest

    def decision(
        self,
        seen: Suggestion,
        *,
        edge_id: EntityId | None = None,
        undoes: EntityId | None = None,
        fingerprints: frozenset[bytes] = frozenset(),
    ) -> Decision:
        """Return the decision on a suggestion as it was seen."""
        return Decision(
            id=self.id,
            suggestion_id=seen.id,
            scope=seen.claim.scope,
            revision=seen.revision + 1,
            verdict=self.verdict,
            reviewed_by=self.reviewed_by,
            reviewed_at=self.at,
            reason_code=self.request.reason_code,
            note=self.request.note,
            confidence_shown=seen.standing.confidence,
            evidence_shown=seen.standing.evidence_count,
            time_taken_seconds=self.request.time_taken_seconds,
            edge_id=edge_id,
            undoes=undoes,
            fingerprints=fingerprints,
        )

    def review(self, edge_id: EntityId | None = None) -> Review:
        """Return what the suggestion says of the decision."""
        return Review(self.id, self.reviewed_by, self.at, self.request.reason_code, edge_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verdict made of a suggestion, to be written."""

    after: Suggestion
    decision: Decision
    events: Sequence[announcements.AnyEdgesEvent]


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Decides suggestions one at a time. `wake` says that events were committed."""

    database: Database
    wake: Callable[[], None]
    reason_codes: Collection[str]
    metrics: GovernanceMetrics = field(default_factory=GovernanceMetrics)

    async def approve(
        self, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
    ) -> DecisionReply:
        """Approve: the edge exists from now on. Raises `OwnProposal` for who proposed any of the evidence."""
        return await self._decide(
            reviewer, suggestion_id, _asked(Verdict.APPROVE, reviewer, request), _approve
        )

    async def reject(
        self, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
    ) -> DecisionReply:
        """Reject, for a known reason, and remember on what. Who proposed may reject too: no edge comes of it."""
        if request.reason_code not in self.reason_codes:
            raise UnknownReason(request.reason_code, self.reason_codes)
        return await self._decide(reviewer, suggestion_id, _asked(Verdict.REJECT, reviewer, request), _reject)

    async def undo(
        self, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
    ) -> DecisionReply:
        """Take the latest decision back, by whomever it was; raises `EdgeChanged` when its edge is another now."""
        return await self._decide(reviewer, suggestion_id, _asked(Verdict.UNDO, reviewer, request), _undo)

    async def _decide(
        self,
        reviewer: Principal,
        suggestion_id: EntityId,
        asked: Asked,
        verb: Callable[[Connection, Suggestion, Asked], Awaitable[Outcome]],
    ) -> DecisionReply:
        try:
            async with self.database.transaction() as connection:
                seen = await _load(connection, reviewer, suggestion_id)
                seen.expect(asked.request.revision)
                outcome = await verb(connection, seen, asked)
                await stored.write_decided(connection, outcome.after, seen=seen.revision)
                await stored.append_decision(connection, outcome.decision)
                await add_events(connection, outcome.events)
                suggestion = await reading.suggestion(connection, suggestion_id)
        except DecisionConflict as conflict:
            conflict.current = await self._current(suggestion_id)
            raise
        self.wake()
        self.metrics.count_decision(asked.verdict)
        assert suggestion is not None
        return DecisionReply(decision=_shown(outcome.decision), suggestion=suggestion)

    async def _current(self, suggestion_id: EntityId) -> object:
        async with self.database.acquire() as connection:
            suggestion = await reading.suggestion(connection, suggestion_id)
        return None if suggestion is None else suggestion.model_dump(mode="json", exclude_none=True)


def _asked(verdict: Verdict, reviewer: Principal, request: DecisionRequest) -> Asked:
    return Asked(new_id(), verdict, reviewer.subject, datetime.now(UTC), request)


async def _load(connection: Connection, reviewer: Principal, suggestion_id: EntityId) -> Suggestion:
    suggestion = await stored.lock_suggestion(connection, suggestion_id)
    if suggestion is None or not reviewer.may(Role.VIEWER, suggestion.claim.scope):
        raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
    reviewer.require(Role.REVIEWER, suggestion.claim.scope)
    return suggestion


async def _approve(connection: Connection, seen: Suggestion, asked: Asked) -> Outcome:
    edge_id = new_id()
    after = seen.approve(asked.review(edge_id))
    if await stored.has_proposed(connection, seen.id, asked.reviewed_by):
        raise OwnProposal(f"{asked.reviewed_by} proposed this claim; somebody else has to approve it.")
    edge = Edge(
        id=edge_id,
        claim=seen.claim,
        revision=NEW_EDGE_REVISION,
        confidence=seen.standing.confidence,
        strength=seen.standing.strength,
        suggestion_id=seen.id,
        decision_id=asked.id,
        created_by=asked.reviewed_by,
        created_at=asked.at,
    )
    if not await stored.insert_edge(connection, edge):
        raise EdgeExists("The graph has this edge already, by another way than this suggestion.")
    decision = asked.decision(seen, edge_id=edge_id)
    return Outcome(after, decision, announcements.approved(after, decision, edge))


async def _reject(connection: Connection, seen: Suggestion, asked: Asked) -> Outcome:
    new = await _fingerprints(connection, seen) - seen.remembered
    after = seen.reject(asked.review(), new)
    decision = asked.decision(seen, fingerprints=new)
    return Outcome(after, decision, announcements.rejected(after, decision))


async def _undo(connection: Connection, seen: Suggestion, asked: Asked) -> Outcome:
    undone = await stored.decision_at(connection, seen.id, seen.revision)
    if undone is None or seen.status not in (SuggestionStatus.APPROVED, SuggestionStatus.REJECTED):
        raise IllegalTransition(seen.status, Verb.UNDO)
    standing = Standing.of_all(await stored.statements_for(connection, seen.id))
    after = seen.undo(asked.at, standing=standing, forget=undone.fingerprints)
    retracted: Edge | None = None
    if undone.edge_id is not None:
        retracted = await stored.delete_edge(connection, undone.edge_id, revision=NEW_EDGE_REVISION)
        if retracted is None:
            raise EdgeChanged("The edge was changed or removed since; undoing would destroy that.")
    decision = asked.decision(seen, undoes=undone.id)
    return Outcome(after, decision, announcements.undone(after, decision, retracted))


async def _fingerprints(connection: Connection, seen: Suggestion) -> frozenset[bytes]:
    """Return what the suggestion rests on: each of its payloads, with its nodes as they are now."""
    claim = seen.claim
    hashes = await nodes.content_hashes(connection, claim.scope, (claim.from_node_id, claim.to_node_id))
    from_hash = hashes.get(claim.from_node_id, NO_CONTENT)
    to_hash = hashes.get(claim.to_node_id, NO_CONTENT)
    payloads = await stored.payload_hashes(connection, seen.id)
    return frozenset(fingerprint(from_hash, to_hash, payload_hash) for payload_hash in payloads)


def _shown(decision: Decision) -> ShownDecision:
    return ShownDecision(
        id=decision.id,
        verdict=decision.verdict,
        reviewed_by=decision.reviewed_by,
        reviewed_at=decision.reviewed_at,
        reason_code=decision.reason_code,
        note=decision.note,
        confidence_shown=decision.confidence_shown,
        evidence_shown=decision.evidence_shown,
        time_taken_seconds=decision.time_taken_seconds,
    )
