"""Intervals, calibration errors, boundaries and agreement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside_events.contracts.governance import Verdict
from wayside_governance.domain.calibration import (
    Bin,
    Opinion,
    Tally,
    agreement,
    boundary,
    expected_calibration_error,
    wilson,
)

tallies = st.integers(1, 5_000).flatmap(
    lambda total: st.builds(Tally, hits=st.integers(0, total), total=st.just(total))
)
bins = st.lists(st.tuples(st.floats(0, 1), tallies), max_size=5).map(
    lambda drawn: [Bin(tally, confidence) for confidence, tally in sorted(drawn)]
)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        # Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_the_literature(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(Tally(hits, total)) == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_anything_is_likely() -> None:
    assert wilson(Tally()) == (0.0, 1.0)
    assert Tally().share == 0.0


@given(tallies)
def test_the_interval_holds_the_share_and_stays_within_0_and_1(tally: Tally) -> None:
    low, high = wilson(tally)
    assert 0 <= low <= tally.share <= high <= 1
    assert low < high


@given(tallies)
def test_one_more_that_agrees_raises_both_bounds_and_one_more_that_does_not_lowers_them(tally: Tally) -> None:
    before, more, less = wilson(tally), wilson(tally.plus(True)), wilson(tally.plus(False))
    assert less.low <= before.low <= more.low
    assert less.high <= before.high <= more.high


@given(tallies, st.integers(2, 20))
def test_the_same_share_of_more_is_known_better(tally: Tally, times: int) -> None:
    once, more = wilson(tally), wilson(Tally(tally.hits * times, tally.total * times))
    assert once.low <= more.low
    assert more.high <= once.high


@given(tallies)
def test_the_interval_of_the_rest_is_its_mirror(tally: Tally) -> None:
    low, high = wilson(tally)
    assert wilson(tally.rest) == pytest.approx((1 - high, 1 - low))


def test_the_calibration_error_is_the_mean_distance_weighted_by_size() -> None:
    assert expected_calibration_error([]) == 0
    assert expected_calibration_error([Bin(Tally(9, 10), 0.9), Bin(Tally(2, 10), 0.2)]) == pytest.approx(0)
    sure_and_wrong = [Bin(Tally(0, 30), 0.9), Bin(Tally(5, 10), 0.5)]
    assert expected_calibration_error(sure_and_wrong) == pytest.approx(0.9 * 30 / 40)


@given(bins)
def test_the_calibration_error_is_from_0_to_1(drawn: list[Bin]) -> None:
    assert 0 <= expected_calibration_error(drawn) <= 1


def test_the_boundary_lies_between_the_bins_where_acceptance_crosses_a_half() -> None:
    drawn = [Bin(Tally(1, 10), 0.1), Bin(Tally(3, 10), 0.5), Bin(Tally(8, 10), 0.8)]
    assert boundary(drawn) == pytest.approx(0.5 + 0.3 * (0.2 / 0.5))


def test_a_boundary_is_found_where_acceptance_falls_and_rises() -> None:
    falls = [Bin(Tally(5, 10), 0.3), Bin(Tally(1, 10), 0.5), Bin(Tally(9, 10), 0.8)]
    assert 0.5 < boundary(falls) < 0.8


@given(bins)
def test_a_boundary_is_a_confidence_and_lower_when_less_is_wanted(drawn: list[Bin]) -> None:
    assert 0 <= boundary(drawn, 0.3) <= boundary(drawn, 0.5) <= boundary(drawn, 0.7) <= 1


def test_the_boundary_is_an_end_where_people_always_say_the_same() -> None:
    assert boundary([Bin(Tally(9, 10), 0.2), Bin(Tally(10, 10), 0.9)]) == 0
    assert boundary([Bin(Tally(1, 10), 0.2), Bin(Tally(2, 10), 0.9)]) == 1


def said(*verdicts: tuple[int, str, Verdict], suggestion_id: str = "s") -> list[Opinion]:
    return [Opinion(suggestion_id, revision, who, verdict) for revision, who, verdict in verdicts]


def test_who_undoes_a_verdict_of_another_disagrees_with_it() -> None:
    opinions = said((2, "rita", Verdict.APPROVE), (3, "sam", Verdict.UNDO))
    assert agreement(opinions) == {"rita": Tally(0, 1), "sam": Tally(0, 1)}


def test_who_undoes_an_own_verdict_says_nothing() -> None:
    opinions = said((2, "rita", Verdict.APPROVE), (3, "rita", Verdict.UNDO), (4, "sam", Verdict.REJECT))
    assert agreement(opinions) == {}


def test_who_judges_again_agrees_or_not_by_the_last_word() -> None:
    opinions = said(
        (2, "rita", Verdict.REJECT),
        (3, "rita", Verdict.UNDO),
        (4, "sam", Verdict.APPROVE),
        (5, "sam", Verdict.UNDO),
        (6, "rita", Verdict.APPROVE),
        (7, "kim", Verdict.UNDO),
        (8, "kim", Verdict.REJECT),
    )
    assert agreement(opinions) == {"rita": Tally(0, 1), "kim": Tally(0, 1)}


def test_verdicts_on_other_evidence_are_not_compared() -> None:
    opinions = said((2, "rita", Verdict.REJECT), (4, "sam", Verdict.APPROVE))
    assert agreement(opinions) == {}
    others = said((2, "rita", Verdict.REJECT)) + said((3, "sam", Verdict.REJECT), suggestion_id="t")
    assert agreement(others) == {}
