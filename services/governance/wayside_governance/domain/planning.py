"""A batch of verdicts: each planned against suggestions that are locked, none harming another; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from wayside_events.contracts.governance import Verdict
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId
from wayside_governance.domain.errors import (
    DecidedElsewhere,
    GovernanceError,
    RivalExists,
    SuggestionNotFound,
    TooManyRivals,
)
from wayside_governance.domain.suggestion import Suggestion
from wayside_governance.domain.verdicts import Facts, Outcome, Undone, Wanted, plan

Result = Outcome | GovernanceError
"""What became of one verdict that was wanted."""

RIVALS_LIMIT: Final = 1_000
"""How many rivals one approval may supersede, and its undo bring back: all in one transaction."""

Group = tuple[str, str, str]
"""Rivals: of one scope, from one node, by one functional type."""


class Batch:
    """Plans verdicts on locked suggestions. `facts` are of the first verdict on each, so another one is stale."""

    def __init__(self, locked: Mapping[EntityId, Suggestion], facts: Mapping[EntityId, Facts]) -> None:
        self._locked = locked
        self._facts = facts
        self._named: set[EntityId] = set()
        self._decided: dict[EntityId, Suggestion] = {}
        self._approved: set[Group] = set()
        self._rivals: dict[Group, list[Suggestion]] | None = None

    def plan(self, wanted: Iterable[Wanted]) -> list[Result]:
        """Return what becomes of each, in order."""
        return [self._try(one) for one in wanted]

    def _try(self, wanted: Wanted) -> Result:
        try:
            outcome = self._plan(wanted)
        except GovernanceError as error:
            return error
        self._decided[outcome.after.id] = outcome.after
        linked = tuple(self._linked(wanted, outcome))
        return outcome._replace(linked=linked) if linked else outcome

    def _plan(self, wanted: Wanted) -> Outcome:
        seen = self._locked.get(wanted.suggestion_id)
        if seen is None or wanted.scope not in (None, seen.claim.scope):
            raise SuggestionNotFound(f"There is no suggestion {wanted.suggestion_id}.")
        if seen.id in self._named or seen.id in self._decided:
            raise DecidedElsewhere("The same request decides this suggestion in another place.")
        self._named.add(seen.id)
        facts = self._facts[seen.id]
        self._check_linked(facts.undone)
        outcome = plan(seen, wanted, facts)
        if facts.is_functional and outcome.edge is not None:
            if wanted.supersedes_rivals and len(self._rivals_of(seen)) > RIVALS_LIMIT + 1:
                raise TooManyRivals(RIVALS_LIMIT)
            self._take(group_of(seen))
        return outcome

    def _check_linked(self, undone: Undone | None) -> None:
        """Refuse to undo what was decided between the look for linked suggestions and the lock."""
        if undone is not None and not undone.linked.keys() <= self._locked.keys():
            raise DecidedElsewhere("The suggestion was decided at this moment; look again.")

    def _take(self, group: Group) -> None:
        if group in self._approved:
            raise RivalExists(None)
        self._approved.add(group)

    def _linked(self, wanted: Wanted, outcome: Outcome) -> Iterator[Outcome]:
        for rival, follows in self._following(wanted, outcome):
            linked = plan(rival, follows, self._facts_of_linked(wanted, outcome, rival))
            self._decided[rival.id] = linked.after
            yield linked

    def _following(self, wanted: Wanted, outcome: Outcome) -> Iterator[tuple[Suggestion, Wanted]]:
        template = wanted._replace(
            revision=None, undoes=None, reason_code=None, time_taken_seconds=None, shown=None
        )
        linked_to = outcome.decision.id
        if wanted.supersedes_rivals and outcome.edge is not None and outcome.edge.is_functional:
            for rival in self._rivals_of(outcome.seen):
                yield (
                    rival,
                    template._replace(suggestion_id=rival.id, verdict=Verdict.SUPERSEDE, linked_to=linked_to),
                )
        undone = self._facts[outcome.seen.id].undone
        for rival_id, decision_id in (undone.linked if undone else {}).items():
            rival = self._locked[rival_id]
            if self._rests_on(rival, decision_id):
                yield rival, template._replace(suggestion_id=rival_id, linked_to=linked_to)

    def _facts_of_linked(self, wanted: Wanted, outcome: Outcome, rival: Suggestion) -> Facts:
        facts = self._facts[wanted.suggestion_id]
        undone = None
        if outcome.decision.verdict is Verdict.UNDO and rival.review is not None:
            undone = Undone(rival.review.decision_id, Verdict.SUPERSEDE)
        return Facts(facts.at, expires_at=facts.expires_at, undone=undone)

    def _rests_on(self, rival: Suggestion, decision_id: EntityId) -> bool:
        return (
            rival.id not in self._decided
            and rival.review is not None
            and rival.review.decision_id == decision_id
        )

    def _rivals_of(self, winner: Suggestion) -> Sequence[Suggestion]:
        if self._rivals is None:
            self._rivals = {}
            for one in self._locked.values():
                if one.status is SuggestionStatus.PENDING:
                    self._rivals.setdefault(group_of(one), []).append(one)
        return [one for one in self._rivals.get(group_of(winner), ()) if one.id not in self._decided]


def group_of(suggestion: Suggestion) -> Group:
    """Return the group of suggestions that exclude each other, if their type is functional."""
    claim = suggestion.claim
    return claim.scope, claim.from_node_id, claim.relationship_type


def flat(results: Iterable[Result]) -> Iterator[Outcome]:
    """Yield every outcome, those that follow from one right after it."""
    for result in results:
        if isinstance(result, Outcome):
            yield result
            yield from result.linked
