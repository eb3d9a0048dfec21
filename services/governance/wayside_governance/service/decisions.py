"""Approving, rejecting and undoing one suggestion."""

from dataclasses import dataclass

from wayside_events.contracts.governance import (
    ApproveRequest,
    DecisionReply,
    DecisionRequest,
    JudgeRequest,
    LinkedDecision,
    RivalPage,
    Suggestion,
    Verdict,
)
from wayside_events.contracts.governance import Decision as ShownDecision
from wayside_events.identifiers import EntityId
from wayside_governance.domain.errors import DecisionConflict, GovernanceError, SuggestionNotFound
from wayside_governance.domain.suggestion import Decision
from wayside_governance.domain.verdicts import Outcome, Shown, Wanted
from wayside_governance.service.deciding import Decider
from wayside_governance.service.pages import Page
from wayside_governance.service.reviewing import with_time_taken
from wayside_governance.store import decisions as stored
from wayside_governance.store import reading
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Decides suggestions one at a time, for who may."""

    decider: Decider

    async def approve(
        self, reviewer: Principal, suggestion_id: EntityId, request: ApproveRequest
    ) -> DecisionReply:
        """Approve: the edge exists from now on, or once a second reviewer approves where the type needs two.

        Raises `OwnProposal` for who proposed any of the evidence, and `RivalExists` for a functional type.
        """
        wanted = _wanted(Verdict.APPROVE, reviewer, suggestion_id, request)
        wanted = wanted._replace(shown=_shown(request), supersedes_rivals=request.rivals == "supersede")
        return await self._decide(reviewer, wanted)

    async def reject(
        self, reviewer: Principal, suggestion_id: EntityId, request: JudgeRequest
    ) -> DecisionReply:
        """Reject, for a known reason, and remember on what. Who proposed may reject too: no edge comes of it."""
        wanted = _wanted(Verdict.REJECT, reviewer, suggestion_id, request)
        return await self._decide(reviewer, wanted._replace(shown=_shown(request)))

    async def undo(
        self, reviewer: Principal, suggestion_id: EntityId, request: DecisionRequest
    ) -> DecisionReply:
        """Take the latest decision back, by whomever it was; raises `EdgeChanged` when its edge is another now."""
        return await self._decide(reviewer, _wanted(Verdict.UNDO, reviewer, suggestion_id, request))

    async def rivals(self, reader: Principal, suggestion_id: EntityId, page: Page) -> RivalPage:
        """Return a page of the suggestions that exclude this one, by the node they lead to."""
        async with self.decider.database.transaction(readonly=True) as connection:
            scope = await reading.scope_of(connection, suggestion_id)
            if scope is None or not reader.may(Role.VIEWER, scope):
                raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
            is_functional = await stored.is_functional(connection, suggestion_id)
            found: list[Suggestion] = []
            if is_functional:
                found = await stored.rivals_of(
                    connection, suggestion_id, after=page.page or "", limit=page.limit + 1
                )
        shown_rivals = tuple(found[: page.limit])
        next_page = shown_rivals[-1].to_node_id if len(found) > page.limit else None
        return RivalPage(is_functional=is_functional, items=shown_rivals, next_page=next_page)

    async def _decide(self, reviewer: Principal, wanted: Wanted) -> DecisionReply:
        try:
            async with self.decider.database.transaction() as connection:
                await _check_rights(connection, reviewer, wanted.suggestion_id)
                outcome = await self._decided(connection, await with_time_taken(connection, wanted))
                suggestion = await reading.suggestion(connection, wanted.suggestion_id)
        except DecisionConflict as conflict:
            conflict.current = await self._current(wanted.suggestion_id)
            raise
        self.decider.committed([outcome])
        assert suggestion is not None
        return DecisionReply(decision=shown(outcome.decision), suggestion=suggestion, linked=_linked(outcome))

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


def _shown(request: JudgeRequest) -> Shown | None:
    if request.from_content_hash is None and request.to_content_hash is None:
        return None
    return Shown(*map(_bytes, (request.from_content_hash, request.to_content_hash)))


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _linked(outcome: Outcome) -> tuple[LinkedDecision, ...]:
    return tuple(
        LinkedDecision(
            suggestion_id=one.after.id,
            status=one.after.status,
            revision=one.after.revision,
            decision_id=one.decision.id,
        )
        for one in outcome.linked
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
