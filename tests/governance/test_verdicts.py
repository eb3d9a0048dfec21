"""What is wanted of suggestions, and what becomes of it, without a database."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.governance.samples import CLAIM, START, evidence_of

from wayside_events.contracts.governance import Verdict
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_governance.domain.errors import (
    AlreadyEndorsed,
    ContentChanged,
    GovernanceError,
    IllegalTransition,
    OwnProposal,
    RivalExists,
    StaleRevision,
    SuggestionNotFound,
    TooManyRivals,
    UnknownReason,
)
from wayside_governance.domain.planning import RIVALS_LIMIT, Batch, Result, flat
from wayside_governance.domain.suggestion import REMEMBERED_LIMIT, Suggestion
from wayside_governance.domain.verdicts import Facts, Outcome, Shown, Undone, Wanted, plan

FACTS = Facts(START)
FUNCTIONAL = Facts(START, is_functional=True)
QUORUM = Facts(START, required_approvals=2)


def suggestion(to_node_id: str = "CWE-80") -> Suggestion:
    return Suggestion.propose(new_id(), CLAIM._replace(to_node_id=to_node_id), evidence_of())


def approval(of: Suggestion, reviewer: str = "rita", **fields: Any) -> Wanted:
    return Wanted(of.id, Verdict.APPROVE, reviewer, **fields)


def planned(facts: Mapping[EntityId, Facts], locked: list[Suggestion], *wanted: Wanted) -> list[Result]:
    return Batch({one.id: one for one in locked}, facts).plan(wanted)


def outcome_of(result: Result) -> Outcome:
    assert isinstance(result, Outcome), result
    return result


@pytest.mark.parametrize(
    ("wanted", "facts", "error"),
    [
        ({"revision": 7}, FACTS, StaleRevision),
        ({}, Facts(START, has_proposed=True), OwnProposal),
        ({}, Facts(START, rival_edge_id=new_id()), RivalExists),
        ({"shown": Shown(from_hash=b"other")}, FACTS, ContentChanged),
        ({"shown": Shown(to_hash=b"other")}, FACTS, ContentChanged),
        ({"verdict": Verdict.REJECT}, Facts(START, allowed_reasons=frozenset({"other"})), UnknownReason),
        ({"verdict": Verdict.UNDO}, FACTS, IllegalTransition),
    ],
)
def test_a_verdict_is_refused(wanted: dict[str, Any], facts: Facts, error: type[GovernanceError]) -> None:
    seen = suggestion()
    with pytest.raises(error):
        plan(seen, approval(seen)._replace(**wanted), facts)


def test_of_two_approvals_needed_the_first_endorses_and_the_second_approves() -> None:
    seen = suggestion()
    endorsed = plan(seen, approval(seen), QUORUM)
    assert (endorsed.decision.verdict, endorsed.edge) == (Verdict.ENDORSE, None)
    assert (endorsed.after.status, endorsed.after.revision) == (SuggestionStatus.PENDING, 2)
    approved = plan(endorsed.after, approval(seen, "rob"), QUORUM)
    assert approved.decision.verdict is Verdict.APPROVE
    assert approved.after.endorsed_by == ("rita",)


@pytest.mark.parametrize(("first", "second"), [("rita", "rita"), ("policy:sure", "policy:strong")])
def test_one_voice_is_not_two(first: str, second: str) -> None:
    seen = suggestion()
    endorsed = plan(seen, approval(seen, first), QUORUM).after
    with pytest.raises(AlreadyEndorsed):
        plan(endorsed, approval(seen, second), QUORUM)


def test_who_endorsed_and_then_proposed_is_none_of_the_two() -> None:
    seen = suggestion()
    endorsed = plan(seen, approval(seen), QUORUM).after
    again = plan(
        endorsed, approval(seen, "rob"), QUORUM._replace(endorsers_that_proposed=frozenset({"rita"}))
    )
    assert (again.decision.verdict, again.edge) == (Verdict.ENDORSE, None)
    assert again.after.endorsed_by == ("rita", "rob")


def test_an_endorsement_is_taken_back_by_an_undo() -> None:
    seen = suggestion()
    endorsed = plan(seen, approval(seen), QUORUM)
    facts = Facts(START, undone=Undone(endorsed.decision.id, Verdict.ENDORSE))
    undone = plan(endorsed.after, approval(seen)._replace(verdict=Verdict.UNDO), facts)
    assert (undone.after.endorsed_by, undone.after.revision) == ((), 3)
    assert undone.decision.undoes == endorsed.decision.id


def test_an_undo_of_another_decision_than_was_meant_is_stale() -> None:
    seen = suggestion()
    approved = plan(seen, approval(seen), FACTS)
    facts = Facts(START, undone=Undone(approved.decision.id, Verdict.APPROVE))
    with pytest.raises(StaleRevision):
        plan(approved.after, Wanted(seen.id, Verdict.UNDO, "rita", undoes=new_id()), facts)


@pytest.mark.parametrize("verdict", [Verdict.EXPIRE, Verdict.WITHDRAW])
def test_what_left_without_an_answer_waits_again_after_an_undo(verdict: Verdict) -> None:
    seen = suggestion()
    left = plan(seen, Wanted(seen.id, verdict, "sweeper"), FACTS)
    facts = Facts(START, undone=Undone(left.decision.id, verdict))
    waiting = plan(left.after, Wanted(seen.id, Verdict.UNDO, "rita"), facts).after
    assert (waiting.status, waiting.review) == (SuggestionStatus.PENDING, None)


def test_a_rejection_adds_no_more_to_memory_than_a_suggestion_remembers() -> None:
    seen = suggestion()
    prints = frozenset(number.to_bytes(32, "big") for number in range(REMEMBERED_LIMIT + 1))
    rejected = plan(
        seen, approval(seen)._replace(verdict=Verdict.REJECT), FACTS._replace(fingerprints=prints)
    )
    assert rejected.decision.fingerprints == rejected.after.remembered < prints
    assert len(rejected.after.remembered) == REMEMBERED_LIMIT


def test_an_item_that_fails_harms_no_other() -> None:
    one, two = suggestion("a"), suggestion("b")
    facts = {one.id: Facts(START, has_proposed=True), two.id: FACTS}
    refused, missing, approved = planned(
        facts, [one, two], approval(one), approval(suggestion("c")), approval(two)
    )
    assert isinstance(refused, OwnProposal)
    assert isinstance(missing, SuggestionNotFound)
    assert outcome_of(approved).after.status is SuggestionStatus.APPROVED


def test_a_suggestion_of_another_scope_is_not_found() -> None:
    seen = suggestion()
    [result] = planned({seen.id: FACTS}, [seen], approval(seen, scope=ScopeName("globex")))
    assert isinstance(result, SuggestionNotFound)


def test_facts_of_one_verdict_never_serve_another() -> None:
    seen = suggestion()
    facts = {seen.id: Facts(START, allowed_reasons=frozenset({"other"}))}
    first, second = planned(facts, [seen], approval(seen)._replace(verdict=Verdict.REJECT), approval(seen))
    assert isinstance(first, UnknownReason)
    assert isinstance(second, StaleRevision)


def test_of_two_rivals_in_one_batch_the_first_wins() -> None:
    one, two = suggestion("a"), suggestion("b")
    facts = {one.id: FUNCTIONAL, two.id: FUNCTIONAL}
    first, second = planned(facts, [one, two], approval(two), approval(one))
    assert outcome_of(first).after.id == two.id
    assert isinstance(second, RivalExists)


def test_an_approval_supersedes_its_rivals_and_nothing_else() -> None:
    winner, rival = suggestion("a"), suggestion("b")
    stranger = Suggestion.propose(new_id(), CLAIM._replace(relationship_type="other"), evidence_of())
    [result] = planned(
        {winner.id: FUNCTIONAL}, [winner, rival, stranger], approval(winner, supersedes_rivals=True)
    )
    [superseded] = outcome_of(result).linked
    assert (superseded.after.id, superseded.after.status) == (rival.id, SuggestionStatus.SUPERSEDED)
    assert superseded.decision.linked_to == outcome_of(result).decision.id


@pytest.mark.parametrize(("too_many", "linked"), [(0, RIVALS_LIMIT), (1, None)])
def test_more_rivals_than_a_transaction_bears_are_not_superseded(too_many: int, linked: int | None) -> None:
    winner, *rivals = [suggestion(f"n{number}") for number in range(1 + RIVALS_LIMIT + too_many)]
    [result] = planned({winner.id: FUNCTIONAL}, [winner, *rivals], approval(winner, supersedes_rivals=True))
    assert isinstance(result, TooManyRivals if linked is None else Outcome)
    assert linked is None or len(outcome_of(result).linked) == linked


def test_rivals_stay_where_nobody_asks_or_the_type_is_not_functional() -> None:
    winner, rival = suggestion("a"), suggestion("b")
    for facts, supersedes in ((FUNCTIONAL, False), (FACTS, True)):
        [result] = planned(
            {winner.id: facts}, [winner, rival], approval(winner, supersedes_rivals=supersedes)
        )
        assert outcome_of(result).linked == ()


def test_undoing_an_approval_brings_back_only_rivals_that_still_rest_on_it() -> None:
    winner, rival, moved = suggestion("a"), suggestion("b"), suggestion("c")
    [result] = planned(
        {winner.id: FUNCTIONAL}, [winner, rival, moved], approval(winner, supersedes_rivals=True)
    )
    approved = outcome_of(result)
    after = {one.after.id: one.after for one in flat([approved])}
    linked = {one.after.id: one.decision.id for one in approved.linked}
    undone = Undone(approved.decision.id, Verdict.APPROVE, approved.decision.edge_id, linked=linked)
    locked = [after[winner.id], after[rival.id], moved]
    [result] = planned(
        {winner.id: Facts(START, undone=undone)}, locked, Wanted(winner.id, Verdict.UNDO, "rob")
    )
    [back] = outcome_of(result).linked
    assert (back.after.id, back.after.status) == (rival.id, SuggestionStatus.PENDING)
    assert back.decision.undoes == linked[rival.id]


def test_an_undo_waits_for_another_look_when_linked_suggestions_were_not_locked() -> None:
    seen = suggestion()
    approved = plan(seen, approval(seen), FACTS)
    undone = Undone(approved.decision.id, Verdict.APPROVE, linked={new_id(): new_id()})
    [result] = planned(
        {seen.id: Facts(START, undone=undone)}, [approved.after], Wanted(seen.id, Verdict.UNDO, "rob")
    )
    assert isinstance(result, StaleRevision)
