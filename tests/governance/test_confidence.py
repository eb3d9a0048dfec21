"""How several pieces of evidence combine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.governance.samples import evidence_of, pending

from wayside_governance.domain.confidence import combine
from wayside_governance.domain.suggestion import Standing

confidences = st.floats(0, 1)
models = st.sampled_from(["tfidf", "llm", "rules"])
pieces = st.lists(st.tuples(models, confidences), min_size=1, max_size=12)


def standing_of(stated: list[tuple[str, float]]) -> Standing:
    return Standing.of_all([evidence_of(model, confidence) for model, confidence in stated])


def test_two_independent_models_are_surer_than_either() -> None:
    assert combine({"tfidf": 0.5, "llm": 0.6}) == pytest.approx(0.8)


@given(confidences)
def test_one_model_alone_counts_as_it_says(confidence: float) -> None:
    assert combine({"tfidf": confidence}) == confidence


@given(st.dictionaries(st.text(), confidences, min_size=1))
def test_the_combination_lies_between_the_surest_model_and_certainty(maxima: dict[str, float]) -> None:
    assert max(maxima.values()) <= combine(maxima) <= 1


@given(st.dictionaries(st.text(), confidences, min_size=1), confidences)
def test_another_model_never_lowers_it(maxima: dict[str, float], confidence: float) -> None:
    assert combine({**maxima, "one more than any of these": confidence}) >= combine(maxima) - 1e-12


@given(pieces, st.integers(1, 5))
def test_a_model_that_repeats_itself_changes_nothing(stated: list[tuple[str, float]], times: int) -> None:
    assert standing_of(stated + stated[:1] * times).confidence == standing_of(stated).confidence


@given(pieces)
def test_only_the_maximum_of_a_model_counts(stated: list[tuple[str, float]]) -> None:
    highest: dict[str, float] = {}
    for model, confidence in stated:
        highest[model] = max(confidence, highest.get(model, 0))
    assert standing_of(stated).confidence == combine(highest)


@given(pieces, st.randoms(use_true_random=False))
def test_order_does_not_matter(stated: list[tuple[str, float]], random: st.DataObject) -> None:
    shuffled = sorted(stated, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert standing_of(shuffled).confidence == standing_of(stated).confidence


@given(pieces)
def test_the_strongest_is_the_first_with_the_highest_confidence(stated: list[tuple[str, float]]) -> None:
    model, _ = max(stated, key=lambda piece: piece[1])
    standing = standing_of(stated)
    assert standing.source_model == model
    assert standing.evidence_count == len(stated)


def test_a_weaker_piece_leaves_the_strongest_in_place() -> None:
    strong = evidence_of("llm", 0.9)
    suggestion = pending(strong, evidence_of("tfidf", 0.6))
    assert suggestion.standing.strongest == strong.digest
