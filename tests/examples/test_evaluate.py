import pytest

from cwe_links.evaluate import Band, Verdict, acceptance, acceptance_by_rank, decide, recall_at
from cwe_links.gold import Gold, Relation

GOLD = Gold.of(
    [
        Relation("B", "ChildOf", "A"),
        Relation("C", "ChildOf", "A"),
        Relation("C", "CanPrecede", "D"),
    ]
)


def test_recall_averages_over_weaknesses_the_share_of_partners_found() -> None:
    # A has B and C, B has A, C has A and D, D has C.
    ranked = {"A": ["B", "D"], "B": ["C", "A"], "C": ["B", "A"], "D": ["A", "B", "C"]}
    assert recall_at(ranked, GOLD, 2) == pytest.approx((1 / 2 + 1 + 1 / 2 + 0) / 4)


def test_recall_counts_a_weakness_that_is_not_ranked_as_nothing_found() -> None:
    assert recall_at({"B": ["A"]}, GOLD, 10) == pytest.approx(1 / 4)


def test_the_expert_approves_a_related_pair_whatever_the_type_or_direction() -> None:
    decision = decide("A", "B", GOLD)
    assert decision.verdict is Verdict.APPROVE
    assert decision.note == "The catalogue states B ChildOf A."


@pytest.mark.parametrize("pair, reason", [(("B", "C"), "indirect"), (("B", "D"), "not_related")])
def test_the_expert_rejects_an_unrelated_pair_with_a_reason(pair: tuple[str, str], reason: str) -> None:
    decision = decide(*pair, GOLD)
    assert (decision.verdict, decision.reason_code) == (Verdict.REJECT, reason)


def test_acceptance_per_band_puts_an_edge_in_the_band_above_it() -> None:
    decided = [(0.5, True), (0.6, False), (0.75, True), (1.0, True), (0.4, True)]
    assert acceptance(decided, [0.5, 0.75, 1.0]) == [Band(0.5, 0.75, 2, 1), Band(0.75, 1.0, 2, 2)]


def test_a_band_without_decisions_has_no_acceptance() -> None:
    assert Band(0, 1, 0, 0).acceptance is None
    assert Band(0, 1, 4, 1).acceptance == 0.25


def test_acceptance_by_rank_cuts_into_equal_groups_and_names_their_bounds() -> None:
    decided = [(0.5, False), (0.9, True), (0.7, True), (0.8, False), (0.6, False)]
    assert acceptance_by_rank(decided, 2) == [Band(0.8, 0.9, 2, 1), Band(0.5, 0.7, 3, 1)]


def test_acceptance_by_rank_of_fewer_decisions_than_groups_has_no_empty_group() -> None:
    assert acceptance_by_rank([(0.5, True)], 4) == [Band(0.5, 0.5, 1, 1)]
