"""What a policy makes of suggestions, what contradicts itself, and when a breaker trips."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside_events.contracts.governance import PolicyDocument, PolicyOutcome, SuspensionCause
from wayside_events.identifiers import EntityId, new_id
from wayside_governance.domain.calibration import Tally
from wayside_governance.domain.policies import (
    Candidate,
    Check,
    Evaluation,
    Measured,
    Subject,
    choose,
    contradictions,
    evaluate,
    is_held_out,
    patience,
    promised_agreement,
    tripped,
)

POLICY_ID = EntityId("01939e3a-0000-7000-8000-000000000001")


def document(**fields: Any) -> PolicyDocument:
    return PolicyDocument.model_validate(
        {"action": "approve", "min_confidence": 0.8, "hold_out": 0, **fields}
    )


def policy(version: int = 1, **fields: Any) -> Subject:
    return Subject(POLICY_ID, "sure", version, document(**fields))


def candidate(**fields: Any) -> Candidate:
    given = Candidate(new_id(), "relates_to", 0.9, None, "tfidf", {"tfidf": 0.9})
    return given._replace(**fields)


def outcome(evaluation: Evaluation) -> tuple[str, list[str]]:
    return evaluation.outcome, list(evaluation.reasons)


def judged(checks: str) -> list[Check]:
    """`+` agreed and `-` disagreed, of the hold-out; `u` is an undone decision. The latest is first."""
    return [Check(mark in "+-", mark == "+") for mark in checks]


def test_it_says_in_numbers_why_it_did_not_fire() -> None:
    assert evaluate(policy(), candidate(confidence=0.71), {}) == (
        PolicyOutcome.NOT_FIRED,
        ("confidence 0.71 < 0.80",),
    )


def test_numbers_that_differ_look_different() -> None:
    assert evaluate(policy(), candidate(confidence=0.79996), {}).reasons == ("confidence 0.79996 < 0.80000",)


def test_it_names_every_condition_that_does_not_hold() -> None:
    strict = policy(relationship_types=["causes"], min_strength=0.5, min_sources=2)
    assert outcome(evaluate(strict, candidate(confidence=0.5, strength=0.25), {})) == (
        "not_fired",
        [
            "relationship type relates_to is not among the policy's",
            "confidence 0.50 < 0.80",
            "strength 0.25 < 0.50",
            "independent sources 1 < 2",
        ],
    )


def test_it_says_what_held_when_it_fires() -> None:
    two = candidate(confidence=0.98, maxima={"a": 0.8, "b": 0.9})
    assert outcome(evaluate(policy(min_sources=2), two, {})) == (
        "fired",
        ["confidence 0.98 ≥ 0.80", "independent sources 2 ≥ 2"],
    )


def test_sources_that_are_not_named_neither_help_nor_harm() -> None:
    two = candidate(confidence=0.97, maxima={"a": 0.7, "b": 0.9}, strength=0.9, strongest_source="b")
    assert evaluate(policy(source_models=["b"]), two, {}).outcome == "fired"
    assert evaluate(policy(source_models=["a"]), two, {}).reasons == ("confidence 0.70 < 0.80",)
    assert evaluate(policy(source_models=["c"]), two, {}).reasons == (
        "source models a, b are not among the policy's",
    )
    assert evaluate(policy(source_models=["a"], min_confidence=0.5, min_strength=0.1), two, {}).reasons == (
        "strength is stated by b, which does not count",
    )


def test_it_never_decides_what_a_person_has_judged() -> None:
    assert evaluate(policy(), candidate(was_judged=True), {}).reasons == (
        "a person has decided on it before",
    )


MEASURED: dict[str, Any] = {"measured": {"min_precision": 0.9, "min_decisions": 30}, "hold_out": 0.2}


@pytest.mark.parametrize(
    ("tally", "reason"),
    [
        (Tally(0, 0), "tfidf on relates_to: measured on 0 < 30 decisions"),
        (Tally(29, 29), "tfidf on relates_to: measured on 29 < 30 decisions"),
        (
            Tally(30, 30),
            "tfidf on relates_to: lower bound of the measured precision 0.89 < 0.90 (30 of 30)",
        ),
        (
            Tally(94, 100),
            "tfidf on relates_to: lower bound of the measured precision 0.88 < 0.90 (94 of 100)",
        ),
    ],
)
def test_it_acts_only_as_far_as_it_was_measured_to_be_right(tally: Tally, reason: str) -> None:
    measured: Measured = {("relates_to", "tfidf"): tally, ("causes", "tfidf"): Tally(500, 500)}
    assert evaluate(policy(**MEASURED), candidate(), measured).reasons == (reason,)


def test_one_source_that_was_right_often_enough_is_enough() -> None:
    two = candidate(confidence=0.99, maxima={"bad": 0.95, "good": 0.9})
    measured = {("relates_to", "bad"): Tally(10, 100), ("relates_to", "good"): Tally(100, 100)}
    assert evaluate(policy(**MEASURED), two, measured).outcome != "not_fired"
    unsure = two._replace(maxima={"bad": 0.95, "good": 0.5})
    assert evaluate(policy(**MEASURED), unsure, measured).outcome == "not_fired"


@given(st.floats(0, 1), st.integers(1, 9), st.uuids())
def test_whether_a_suggestion_is_held_out_never_changes(share: float, version: int, suggestion: Any) -> None:
    one = policy(version, hold_out=share)
    assert is_held_out(str(suggestion), one) == is_held_out(str(suggestion), one)
    assert not is_held_out(str(suggestion), policy(version, hold_out=0))
    assert is_held_out(str(suggestion), policy(version, hold_out=1))


@given(st.uuids(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_hold_out_holds_out_all_that_a_smaller_one_does(
    suggestion: Any, one: float, two: float
) -> None:
    small, large = sorted((one, two))
    assert is_held_out(str(suggestion), policy(hold_out=small)) <= is_held_out(
        str(suggestion), policy(hold_out=large)
    )


def test_the_share_held_out_is_what_the_policy_says_and_another_with_each_version() -> None:
    ids = [new_id() for _ in range(4_000)]
    first, second = (
        {one for one in ids if is_held_out(one, policy(version, hold_out=0.1))} for version in (1, 2)
    )
    # Five standard deviations of 4,000 draws of a tenth are 95.
    assert abs(len(first) - 400) < 95
    assert abs(len(second) - 400) < 95
    assert len(first & second) < 100


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"min_confidence": 0.9, "max_confidence": 0.8}, "/min_confidence"),
        ({"source_models": ["a", "a"], "min_sources": 2}, "/min_sources"),
        ({"action": "reject"}, "/reason_code"),
        ({"reason_code": "indirect"}, "/reason_code"),
        ({"measured": {"min_precision": 1}, "hold_out": 0.1}, "/measured/min_precision"),
        ({"measured": {"min_precision": 0.9}}, "/hold_out"),
        ({"breaker": {"min_agreement": 0.9}}, "/breaker/min_agreement"),
        ({"min_confidence": 0}, "/"),
    ],
)
def test_a_document_that_contradicts_itself_is_told_in_which_field(
    fields: dict[str, Any], field: str
) -> None:
    assert [(error.field, error.code) for error in contradictions(document(**fields))] == [
        (field, "contradiction")
    ]


def test_every_contradiction_is_told() -> None:
    wrong = document(
        action="reject", min_confidence=0.5, max_confidence=0.2, source_models=["a"], min_sources=3
    )
    fields = [error.field for error in contradictions(wrong)]
    assert fields == ["/min_confidence", "/min_sources", "/reason_code"]


documents = st.builds(
    PolicyDocument,
    relationship_types=st.sampled_from([(), ("r",), ("r", "s")]),
    source_models=st.sampled_from([(), ("a",), ("a", "b")]),
    min_confidence=st.floats(0, 1),
    max_confidence=st.floats(0, 1),
    min_strength=st.none() | st.floats(0, 1),
    min_sources=st.integers(1, 3),
    action=st.just("approve"),
    hold_out=st.floats(0, 1),
)
candidates = st.builds(
    Candidate,
    id=st.uuids().map(str),
    relationship_type=st.sampled_from("rst"),
    confidence=st.floats(0, 1),
    strength=st.none() | st.floats(0, 1),
    strongest_source=st.sampled_from("abc"),
    maxima=st.dictionaries(st.sampled_from("abc"), st.floats(0, 1), min_size=1),
)


@given(documents, candidates)
def test_it_acts_exactly_when_no_condition_fails_and_always_gives_reasons(
    drawn: PolicyDocument, one: Candidate
) -> None:
    evaluation = evaluate(Subject(POLICY_ID, "p", 1, drawn), one, {})
    assert evaluation.reasons
    is_strict = {"min_confidence": 1.0, "max_confidence": 0.0}
    stricter = Subject(POLICY_ID, "p", 1, drawn.model_copy(update=is_strict))
    assert evaluate(stricter, one, {}).outcome == "not_fired"
    if evaluation.outcome != "not_fired" and not drawn.source_models:
        assert drawn.min_confidence <= one.confidence <= drawn.max_confidence


@given(documents, candidates, st.floats(0, 1))
def test_a_lower_threshold_never_stops_a_policy(drawn: PolicyDocument, one: Candidate, lower: float) -> None:
    strict = Subject(POLICY_ID, "p", 1, drawn)
    loose = Subject(
        POLICY_ID, "p", 1, drawn.model_copy(update={"min_confidence": min(drawn.min_confidence, lower)})
    )
    if evaluate(strict, one, {}).outcome != "not_fired":
        assert evaluate(loose, one, {}).outcome != "not_fired"


@pytest.mark.parametrize(
    ("checks", "cause"),
    [
        ("-----++++++++", SuspensionCause.DISAGREEMENTS_IN_A_ROW),
        ("uu-u-" + "+" * 50, SuspensionCause.DISAGREEMENTS_IN_A_ROW),
        ("----", None),
        ("----+-----", None),
        ("+-" * 9, None),
        ("+-" * 10, SuspensionCause.LOW_AGREEMENT),
        ("+" * 18 + "--", None),
        ("+" * 100, None),
        ("", None),
    ],
)
def test_the_breaker_trips_when_people_disagree(checks: str, cause: SuspensionCause | None) -> None:
    trip = tripped(document(), judged(checks))
    assert (trip.cause if trip else None) == cause


def test_a_trip_says_what_was_promised_and_what_came() -> None:
    trip = tripped(document(**MEASURED), judged("+-" * 10))
    assert trip is not None
    assert trip.detail == ("People agreed with 10 of 20 held out: at most 0.70 is likely, 0.90 was promised.")
    assert (trip.held_out, trip.promised) == (Tally(10, 20), 0.9)


def test_a_policy_promises_what_it_says_or_was_measured_to_do() -> None:
    assert promised_agreement(document()) == 0.9
    assert promised_agreement(document(**MEASURED | {"measured": {"min_precision": 0.97}})) == 0.97
    assert promised_agreement(document(breaker={"min_agreement": 0.6})) == 0.6


@pytest.mark.parametrize(
    ("promised", "times"), [(1, 2), (0.99, 3), (0.9, 5), (0.75, 9), (0.5, 17), (0.05, 100)]
)
def test_the_less_a_policy_promises_the_more_disagreements_in_a_row_it_may_have(
    promised: float, times: int
) -> None:
    assert patience(document(breaker={"min_agreement": promised})) == times
    assert patience(document(breaker={"disagreements_in_a_row": 7})) == 7


@given(st.lists(st.booleans(), min_size=20, max_size=40))
def test_what_people_agree_with_never_trips_the_breaker(agreed: Sequence[bool]) -> None:
    checks = [Check(True, one) for one in agreed]
    if tripped(document(), checks) is None:
        assert tripped(document(), [Check(True, True), *checks]) is None


def evaluated(*said: tuple[str, str]) -> list[tuple[Subject, Evaluation]]:
    """Policies by their actions, with what they make of a suggestion; named a, b, c."""
    return [
        (
            Subject(POLICY_ID, "abc"[number], 1, document(action=action)),
            Evaluation(PolicyOutcome(outcome), ()),
        )
        for number, (action, outcome) in enumerate(said)
    ]


@pytest.mark.parametrize(
    ("said", "name", "is_held_out", "is_contested"),
    [
        ([], None, False, False),
        ([("approve", "not_fired")], None, False, False),
        ([("reject", "not_fired"), ("approve", "fired"), ("approve", "fired")], "b", False, False),
        ([("approve", "fired"), ("approve", "held_out")], "b", True, False),
        ([("approve", "fired"), ("reject", "fired")], None, False, True),
        ([("approve", "held_out"), ("reject", "fired")], None, False, True),
    ],
)
def test_the_policies_of_a_scope_act_as_one(
    said: list[tuple[str, str]], name: str | None, is_held_out: bool, is_contested: bool
) -> None:
    choice = choose(evaluated(*said))
    assert (choice.policy.name if choice.policy else None) == name
    assert (choice.is_held_out, choice.is_contested) == (is_held_out, is_contested)
