"""The verbs of a suggestion, and what proposals do to it."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.governance.samples import START, evidence_of, pending, review

from wayside_events.contracts.governance import Intake, Verdict
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, new_id
from wayside_governance.domain.errors import IllegalTransition, StaleRevision
from wayside_governance.domain.intake import receive
from wayside_governance.domain.suggestion import Standing, Suggestion

PRINT = b"fingerprint"
OTHER_PRINT = b"another"


def rejected() -> Suggestion:
    return pending().reject(review(), frozenset({PRINT}))


def approved() -> Suggestion:
    return pending().approve(review(new_id()))


def in_status(status: SuggestionStatus) -> Suggestion:
    return pending()._replace(status=status)


def test_every_verb_raises_the_revision_by_one() -> None:
    suggestion = pending()
    assert suggestion.revision == 1
    assert suggestion.add_evidence(evidence_of(run="r2")).revision == 2
    assert suggestion.approve(review(new_id())).revision == 2


def test_a_decision_on_another_revision_is_stale() -> None:
    with pytest.raises(StaleRevision, match="about revision 7; the suggestion is at revision 1"):
        pending().expect(7)


def test_an_approved_suggestion_cannot_be_rejected() -> None:
    with pytest.raises(IllegalTransition):
        approved().reject(review(), frozenset())


def test_undoing_a_rejection_forgets_what_it_remembered_and_no_more() -> None:
    again = rejected().reopen(pending().standing, START).reject(review(), frozenset({OTHER_PRINT}))
    undone = again.undo(START, standing=again.standing, forget=frozenset({OTHER_PRINT}))
    assert undone.remembered == {PRINT}
    assert undone.review is None


def test_new_evidence_for_a_pending_claim_is_added() -> None:
    step = receive(pending(), evidence_of("llm"), known=set(), fingerprint=PRINT)
    assert step.outcome is Intake.EVIDENCE_ADDED
    assert step.after.standing.evidence_count == 2


def test_what_a_source_states_below_its_maximum_is_counted_and_nothing_computed_anew() -> None:
    standing = Standing.of(evidence_of())
    again = standing.with_(evidence_of(run="r2"))
    assert (again.evidence_count, again.confidence) == (2, standing.confidence)
    assert again.maxima is standing.maxima


def test_known_evidence_for_a_pending_claim_changes_nothing() -> None:
    suggestion, repeat = pending(), evidence_of()
    step = receive(suggestion, repeat, known={repeat.digest}, fingerprint=PRINT)
    assert step.outcome is Intake.REPEATED
    assert step.after is suggestion
    assert not step.keeps_evidence


def test_a_rejected_claim_is_suppressed_and_counted() -> None:
    step = receive(rejected(), evidence_of(run="r2"), known=set(), fingerprint=PRINT)
    assert step.outcome is Intake.SUPPRESSED
    assert step.after.suppressed_count == 1
    assert step.after.revision == rejected().revision


def test_a_rejected_claim_reopens_on_something_new() -> None:
    step = receive(rejected(), evidence_of(run="r2"), known=set(), fingerprint=OTHER_PRINT)
    assert step.outcome is Intake.REOPENED
    assert step.after.status is SuggestionStatus.PENDING
    assert step.after.remembered == {PRINT}


def test_an_approved_claim_keeps_the_evidence_without_counting_it() -> None:
    suggestion = approved()
    step = receive(suggestion, evidence_of("llm"), known=set(), fingerprint=PRINT)
    assert step.outcome is Intake.DECIDED
    assert step.after is suggestion
    assert step.keeps_evidence


@pytest.mark.parametrize("status", [SuggestionStatus.EXPIRED, SuggestionStatus.WITHDRAWN])
def test_a_claim_that_left_without_a_verdict_waits_again(status: SuggestionStatus) -> None:
    step = receive(in_status(status), evidence_of("llm"), known=set(), fingerprint=PRINT)
    assert step.outcome is Intake.REOPENED


def test_a_claim_whose_rival_was_approved_stays_away() -> None:
    step = receive(in_status(SuggestionStatus.SUPERSEDED), evidence_of("llm"), known=set(), fingerprint=PRINT)
    assert step.outcome is Intake.SUPPRESSED


class Life(RuleBasedStateMachine):
    """One claim under any order of proposals and decisions."""

    def __init__(self) -> None:
        super().__init__()
        self.suggestion = pending()
        self.known = {evidence_of().digest}
        self.edge_id: EntityId | None = None
        self.decisions: list[Verdict] = []
        self.visible_changes = 1

    def attempt(self, change: Callable[[], Suggestion]) -> bool:
        try:
            self.suggestion = change()
        except IllegalTransition:
            return False
        self.visible_changes += 1
        return True

    @rule(run=st.integers(1, 3), fingerprint=st.sampled_from([PRINT, OTHER_PRINT]))
    def propose(self, run: int, fingerprint: bytes) -> None:
        evidence = evidence_of(run=f"r{run}")
        step = receive(self.suggestion, evidence, known=self.known, fingerprint=fingerprint)
        if step.keeps_evidence:
            self.known.add(evidence.digest)
        if step.outcome is Intake.REOPENED:
            self.decisions.append(Verdict.UNDO)
        self.visible_changes += step.after.revision - self.suggestion.revision
        self.suggestion = step.after

    @rule()
    def approve(self) -> None:
        edge_id = new_id()
        if self.attempt(lambda: self.suggestion.approve(review(edge_id))):
            self.edge_id = edge_id
            self.decisions.append(Verdict.APPROVE)

    @rule(fingerprint=st.sampled_from([PRINT, OTHER_PRINT]))
    def reject(self, fingerprint: bytes) -> None:
        if self.attempt(lambda: self.suggestion.reject(review(), frozenset({fingerprint}))):
            self.decisions.append(Verdict.REJECT)

    @precondition(lambda self: self.decisions)
    @rule()
    def undo(self) -> None:
        standing = self.suggestion.standing
        if self.attempt(lambda: self.suggestion.undo(START, standing=standing, forget=frozenset())):
            self.edge_id = None
            self.decisions.append(Verdict.UNDO)

    @invariant()
    def an_edge_exists_exactly_when_the_latest_decision_approves(self) -> None:
        latest = self.decisions[-1] if self.decisions else None
        assert (self.edge_id is not None) == (latest is Verdict.APPROVE)
        assert (self.suggestion.status is SuggestionStatus.APPROVED) == (latest is Verdict.APPROVE)

    @invariant()
    def the_revision_counts_visible_changes(self) -> None:
        assert self.suggestion.revision == self.visible_changes

    @invariant()
    def a_review_is_shown_exactly_while_there_is_a_verdict(self) -> None:
        decided = self.suggestion.status in (SuggestionStatus.APPROVED, SuggestionStatus.REJECTED)
        assert (self.suggestion.review is not None) == decided


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
