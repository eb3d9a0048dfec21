"""Taking back of proposals, by who made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

from wayside_events.contracts.governance import (
    WITHDRAW_LIMIT,
    Verdict,
    Withdrawal,
    WithdrawalOutcome,
    WithdrawManyReply,
    WithdrawManyRequest,
    WithdrawReply,
    WithdrawRequest,
)
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.errors import DecisionConflict, GovernanceError, SuggestionNotFound
from wayside_governance.domain.planning import Result
from wayside_governance.domain.verdicts import Wanted
from wayside_governance.domain.withdrawing import NotOwnProposal, ProposedByOthers
from wayside_governance.service.deciding import Decider
from wayside_governance.service.decisions import Asker
from wayside_governance.service.problems import item_problem
from wayside_governance.store import lifetimes as stored
from wayside_governance.store import reading
from wayside_service.auth import Role
from wayside_service.database import Connection
from wayside_service.idempotency import Answer, Caller, Once

_FIRST: Final = str(UUID(int=0))


@dataclass(frozen=True, slots=True)
class WithdrawalService:
    """Takes pending suggestions out of the queue for those who proposed all of their evidence."""

    decider: Decider
    once: Once

    async def withdraw(self, asker: Asker, suggestion_id: EntityId, request: WithdrawRequest) -> Answer:
        """Withdraw one; raises `NotOwnProposal`, and `ProposedByOthers` when others proposed it too."""
        principal = asker.principal
        async with self.decider.database.acquire() as connection:
            scope = await reading.scope_of(connection, suggestion_id)
        if scope is None or not principal.may(Role.VIEWER, scope):
            raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
        principal.require(Role.RUNNER, scope)
        wanted = Wanted(
            suggestion_id, Verdict.WITHDRAW, principal.subject, request.revision, scope, note=request.note
        )
        results: list[Result] = []

        async def act(connection: Connection) -> Answer:
            results[:] = await self._decide(connection, [wanted], run_id=None)
            if isinstance(results[0], GovernanceError):
                raise results[0]
            suggestion = await reading.suggestion(connection, suggestion_id)
            assert suggestion is not None
            return Answer(HTTPStatus.OK, WithdrawReply(suggestion=suggestion).model_dump_json().encode())

        caller = Caller(scope=scope, subject=principal.subject, key=asker.key)
        try:
            answer = await self.once.run(caller.asks("withdraw", suggestion_id, request), act)
        except DecisionConflict as conflict:
            conflict.current = await self._current(suggestion_id)
            raise
        self.decider.committed(results)
        return answer

    async def withdraw_many(self, who: str, request: WithdrawManyRequest, key: str | None = None) -> Answer:
        """Withdraw what `who` proposed, a page of it; answers a `WithdrawManyReply` as JSON."""
        results: list[Result] = []

        async def act(connection: Connection) -> Answer:
            ids, next_page = await _named(connection, request)
            wanted = [
                Wanted(one, Verdict.WITHDRAW, who, scope=request.scope, note=request.note) for one in ids
            ]
            results[:] = await self._decide(connection, wanted, run_id=request.analysis_run_id)
            outcomes = tuple(_outcome(one, result) for one, result in zip(ids, results, strict=True))
            reply = WithdrawManyReply(outcomes=outcomes, next_page=next_page)
            return Answer(HTTPStatus.OK, reply.model_dump_json(exclude_none=True).encode())

        use = Caller(scope=request.scope, subject=who, key=key).asks("withdraw_many", request)
        answer = await self.once.run(use, act)
        self.decider.committed(results)
        return answer

    async def _decide(
        self, connection: Connection, wanted: Sequence[Wanted], run_id: str | None
    ) -> list[Result]:
        """Decide those that are the asker's own, in the order given; the others are refused."""
        if not wanted:
            return []
        scope, who = wanted[0].scope, wanted[0].reviewed_by
        assert scope is not None
        shares = await _locked_shares(connection, scope, who, [one.suggestion_id for one in wanted], run_id)
        refused = {
            one.suggestion_id: error
            for one in wanted
            if (error := _refusal(who, shares.get(one.suggestion_id))) is not None
        }
        own = [one for one in wanted if one.suggestion_id not in refused]
        decided = iter(await self.decider.decide(connection, own) if own else [])
        return [
            refused[one.suggestion_id] if one.suggestion_id in refused else next(decided) for one in wanted
        ]

    async def _current(self, suggestion_id: EntityId) -> object:
        async with self.decider.database.acquire() as connection:
            suggestion = await reading.suggestion(connection, suggestion_id)
        return None if suggestion is None else suggestion.model_dump(mode="json", exclude_none=True)


async def _named(
    connection: Connection, request: WithdrawManyRequest
) -> tuple[Sequence[EntityId], EntityId | None]:
    if request.suggestion_ids is not None:
        return tuple(dict.fromkeys(request.suggestion_ids)), None
    assert request.analysis_run_id is not None
    return await stored.of_run(
        connection,
        request.scope,
        request.analysis_run_id,
        after=request.page or _FIRST,
        limit=WITHDRAW_LIMIT,
    )


async def _locked_shares(
    connection: Connection, scope: ScopeName, who: str, ids: Sequence[EntityId], run_id: str | None
) -> Mapping[EntityId, stored.Share]:
    """Return whose the evidence is, of suggestions that get no more of it until the commit."""
    locked = await stored.lock(connection, scope, ids)
    return await stored.shares(connection, locked, who, run_id)


def _refusal(who: str, share: stored.Share | None) -> GovernanceError | None:
    if share is None:
        return SuggestionNotFound("There is no such suggestion in this scope.")
    if not share.is_own:
        return NotOwnProposal(who)
    return ProposedByOthers() if share.has_others else None


def _outcome(suggestion_id: EntityId, result: Result) -> WithdrawalOutcome:
    if isinstance(result, GovernanceError):
        return WithdrawalOutcome(
            suggestion_id=suggestion_id, outcome=Withdrawal.REFUSED, problem=item_problem(result)
        )
    return WithdrawalOutcome(
        suggestion_id=suggestion_id, outcome=Withdrawal.WITHDRAWN, revision=result.after.revision
    )
