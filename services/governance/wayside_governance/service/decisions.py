"""Approving, rejecting and undoing one suggestion."""

from dataclasses import dataclass
from http import HTTPStatus

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
from wayside_events.identifiers import EntityId, ScopeName
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
from wayside_service.idempotency import Answer, Caller, Once


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and with which idempotency key, if any."""

    principal: Principal
    key: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Decides suggestions one at a time, for who may. Answers are `DecisionReply` as JSON."""

    decider: Decider
    once: Once

    async def approve(self, asker: Asker, suggestion_id: EntityId, request: ApproveRequest) -> Answer:
        """Approve: the edge exists from now on, or once a second reviewer approves where the type needs two.

        Raises `OwnProposal` for who proposed any of the evidence, and `RivalExists` for a functional type.
        """
        wanted = _wanted(Verdict.APPROVE, asker, suggestion_id, request)
        wanted = wanted._replace(shown=_shown(request), supersedes_rivals=request.rivals == "supersede")
        return await self._decide(asker, wanted, request)

    async def reject(self, asker: Asker, suggestion_id: EntityId, request: JudgeRequest) -> Answer:
        """Reject, for a known reason, and remember on what. Who proposed may reject too: no edge comes of it."""
        wanted = _wanted(Verdict.REJECT, asker, suggestion_id, request)
        return await self._decide(asker, wanted._replace(shown=_shown(request)), request)

    async def undo(self, asker: Asker, suggestion_id: EntityId, request: DecisionRequest) -> Answer:
        """Take the latest decision back, by whomever it was; raises `EdgeChanged` when its edge is another now."""
        return await self._decide(asker, _wanted(Verdict.UNDO, asker, suggestion_id, request), request)

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

    async def _decide(self, asker: Asker, wanted: Wanted, request: DecisionRequest) -> Answer:
        scope = await self._scope_of(asker.principal, wanted.suggestion_id)
        caller = Caller(scope=scope, subject=asker.principal.subject, key=asker.key)
        outcomes: list[Outcome] = []

        async def act(connection: Connection) -> Answer:
            outcome = await self._decided(connection, await with_time_taken(connection, wanted))
            outcomes.append(outcome)
            suggestion = await reading.suggestion(connection, wanted.suggestion_id)
            assert suggestion is not None
            reply = DecisionReply(
                decision=shown(outcome.decision), suggestion=suggestion, linked=_linked(outcome)
            )
            return Answer(HTTPStatus.OK, reply.model_dump_json().encode())

        try:
            answer = await self.once.run(caller.asks(wanted.verdict, wanted.suggestion_id, request), act)
        except DecisionConflict as conflict:
            conflict.current = await self._current(wanted.suggestion_id)
            raise
        self.decider.committed(outcomes)
        return answer

    async def _scope_of(self, reviewer: Principal, suggestion_id: EntityId) -> ScopeName:
        async with self.decider.database.acquire() as connection:
            scope = await reading.scope_of(connection, suggestion_id)
        if scope is None or not reviewer.may(Role.VIEWER, scope):
            raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
        reviewer.require(Role.REVIEWER, scope)
        return scope

    async def _decided(self, connection: Connection, wanted: Wanted) -> Outcome:
        [result] = await self.decider.decide(connection, [wanted])
        if isinstance(result, GovernanceError):
            raise result
        return result

    async def _current(self, suggestion_id: EntityId) -> object:
        async with self.decider.database.acquire() as connection:
            suggestion = await reading.suggestion(connection, suggestion_id)
        return None if suggestion is None else suggestion.model_dump(mode="json", exclude_none=True)


def _wanted(verdict: Verdict, asker: Asker, suggestion_id: EntityId, request: DecisionRequest) -> Wanted:
    return Wanted(
        suggestion_id=suggestion_id,
        verdict=verdict,
        reviewed_by=asker.principal.subject,
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
