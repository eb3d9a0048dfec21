"""Approving, rejecting and undoing one suggestion."""

from dataclasses import dataclass

from wayside_events.contracts.governance import Decision as ShownDecision
from wayside_events.contracts.governance import DecisionReply, DecisionRequest, Verdict
from wayside_events.identifiers import EntityId
from wayside_governance.domain.errors import DecisionConflict, GovernanceError, SuggestionNotFound
from wayside_governance.domain.suggestion import Decision
from wayside_governance.domain.verdicts import Outcome, Wanted
from wayside_governance.service.deciding import Decider
from wayside_governance.store import reading
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Decides suggestions one at a time, for who may."""

    decider: Decider

    async def approve(
        self, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
    ) -> DecisionReply:
        """Approve: the edge exists from now on. Raises `OwnProposal` for who proposed any of the evidence."""
        return await self._decide(reviewer, _wanted(Verdict.APPROVE, reviewer, suggestion_id, request))

    async def reject(
        self, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
    ) -> DecisionReply:
        """Reject, for a known reason, and remember on what. Who proposed may reject too: no edge comes of it."""
        return await self._decide(reviewer, _wanted(Verdict.REJECT, reviewer, suggestion_id, request))

    async def undo(
        self, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
    ) -> DecisionReply:
        """Take the latest decision back, by whomever it was; raises `EdgeChanged` when its edge is another now."""
        return await self._decide(reviewer, _wanted(Verdict.UNDO, reviewer, suggestion_id, request))

    async def _decide(self, reviewer: Principal, wanted: Wanted) -> DecisionReply:
        try:
            async with self.decider.database.transaction() as connection:
                await _check_rights(connection, reviewer, wanted.suggestion_id)
                outcome = await self._decided(connection, wanted)
                suggestion = await reading.suggestion(connection, wanted.suggestion_id)
        except DecisionConflict as conflict:
            conflict.current = await self._current(wanted.suggestion_id)
            raise
        self.decider.committed([outcome])
        assert suggestion is not None
        return DecisionReply(decision=shown(outcome.decision), suggestion=suggestion)

    async def _decided(self, connection: Connection, wanted: Wanted) -> Outcome:
        [result] = await self.decider.decide(connection, [wanted])
        if isinstance(result, GovernanceError):
            raise result
        return result

    async def _current(self, suggestion_id: EntityId) -> object:
        async with self.decider.database.acquire() as connection:
            suggestion = await reading.suggestion(connection, suggestion_id)
        return None if suggestion is None else suggestion.model_dump(mode="json", exclude_none=True)


def _wanted(
    verdict: Verdict, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
) -> Wanted:
    return Wanted(
        suggestion_id=suggestion_id,
        verdict=verdict,
        reviewed_by=reviewer.subject,
        revision=request.revision,
        reason_code=request.reason_code,
        note=request.note,
        time_taken_seconds=request.time_taken_seconds,
    )


async def _check_rights(connection: Connection, reviewer: Principal, suggestion_id: EntityId) -> None:
    scope = await reading.scope_of(connection, suggestion_id)
    if scope is None or not reviewer.may(Role.VIEWER, scope):
        raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
    reviewer.require(Role.REVIEWER, scope)


def shown(decision: Decision) -> ShownDecision:
    """Return a decision as it is shown."""
    return ShownDecision(
        id=decision.id,
        verdict=decision.verdict,
        reviewed_by=decision.reviewed_by,
        reviewed_at=decision.reviewed_at,
        reason_code=decision.reason_code,
        note=decision.note,
        confidence_shown=decision.confidence_shown,
        evidence_shown=decision.evidence_shown,
        policy_version=decision.policy_version,
        bulk_id=decision.bulk_id,
        linked_to=decision.linked_to,
        undoes=decision.undoes,
        time_taken_seconds=decision.time_taken_seconds,
    )
