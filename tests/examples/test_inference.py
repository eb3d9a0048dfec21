import pytest

from cwe_links.evaluate import recall_at
from cwe_links.gold import Gold
from cwe_links.inference import Inferred, infer
from cwe_links.links import LinkOptions
from cwe_links.nearness import compare
from cwe_links.prose import Section, Weakness
from cwe_links.relationship import Relationship
from cwe_links.terms import stems
from cwe_links.vectors import vectorise


def weakness(node: str, name: str, description: str) -> Weakness:
    return Weakness(node, {Section.NAME: name, Section.DESCRIPTION: description})


TINY = (
    weakness("A", "SQL Injection", "Untrusted input changes the meaning of an SQL statement."),
    weakness(
        "B", "Blind SQL Injection", "Untrusted input changes an SQL statement and timing tells the result."
    ),
    weakness("C", "Weak Password Hash", "A password is stored with a hash that is quick to compute."),
    weakness("D", "Password Hash Without Salt", "A password is stored with a hash but without a salt."),
)


def test_every_pair_is_proposed_at_most_once_and_never_a_weakness_with_itself(inferred: Inferred) -> None:
    pairs = [frozenset((link.source, link.target)) for link in inferred.links]
    assert len(pairs) == len(set(pairs))
    assert all(len(pair) == 2 for pair in pairs)


def test_the_queue_is_worth_a_review(inferred: Inferred) -> None:
    assert 1_000 <= len(inferred.links) <= 3_000


def test_confidence_and_strength_stay_in_bounds(inferred: Inferred) -> None:
    assert all(0.1 <= link.confidence < 1 and 0 < link.strength <= 1 for link in inferred.links)


def test_confidence_falls_from_the_first_proposal_to_the_last_as_the_score_does(inferred: Inferred) -> None:
    confidences = [link.confidence for link in inferred.links]
    scores = [link.evidence.score for link in inferred.links]
    assert confidences == sorted(confidences, reverse=True)
    assert scores == sorted(scores, reverse=True)


def test_the_same_weaknesses_give_the_same_proposals(weaknesses: tuple[Weakness, ...]) -> None:
    some = weaknesses[:120]
    assert infer(some) == infer(some)


def test_the_terms_of_the_reasoning_are_in_both_texts(
    weaknesses: tuple[Weakness, ...], inferred: Inferred
) -> None:
    in_text = {
        weakness.id: {stem for text in weakness.sections.values() for stem in stems(text)}
        for weakness in weaknesses
    }
    for link in inferred.links:
        assert {term.stem for term in link.evidence.terms} <= in_text[link.source] & in_text[link.target]


def test_the_reasoning_names_its_terms_as_the_source_writes_them(
    weaknesses: tuple[Weakness, ...], inferred: Inferred
) -> None:
    written = {weakness.id: "\n".join(weakness.sections.values()).lower() for weakness in weaknesses}
    for link in inferred.links:
        assert link.evidence.terms
        assert all(
            term.term in written[link.source] and term.term in link.reasoning for term in link.evidence.terms
        )


def test_the_shares_of_the_sections_add_up_to_the_whole_cosine(inferred: Inferred) -> None:
    for link in inferred.links:
        assert sum(link.evidence.sections.values()) == pytest.approx(1, abs=0.01)


def test_the_ten_nearest_hold_over_half_of_the_catalogues_own_partners(
    inferred: Inferred, gold: Gold
) -> None:
    assert recall_at(inferred.nearest, gold, 10) > 0.55


def test_what_is_confident_is_more_often_right(inferred: Inferred, gold: Gold) -> None:
    right = [bool(gold.between(link.source, link.target)) for link in inferred.links]
    quarter = len(right) // 4
    shares = [sum(right[start : start + quarter]) / quarter for start in range(0, 4 * quarter, quarter)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 2 * shares[-1]


def test_a_tiny_catalogue_links_what_belongs_together() -> None:
    links = infer(TINY, LinkOptions(links_per_weakness=1)).links
    assert {frozenset((link.source, link.target)) for link in links} == {frozenset("AB"), frozenset("CD")}


def test_a_weakness_with_nothing_in_common_is_not_linked() -> None:
    stranger = weakness("E", "Missing Watchdog", "Firmware hangs for ever.")
    links = infer((*TINY, stranger)).links
    assert not [link for link in links if "E" in (link.source, link.target)]


def test_fewer_links_per_weakness_and_a_higher_floor_propose_a_subset(
    weaknesses: tuple[Weakness, ...], inferred: Inferred
) -> None:
    fewer = infer(weaknesses, LinkOptions(links_per_weakness=2, min_confidence=0.5)).links
    assert 0 < len(fewer) < len(inferred.links)
    assert set(map(str, fewer)) <= set(map(str, inferred.links))


def test_a_sentence_that_leads_from_one_to_the_other_reads_as_can_precede() -> None:
    cause = weakness(
        "A", "Integer Overflow", "An integer overflow leads to a heap buffer of the wrong size, an overrun."
    )
    effect = weakness(
        "B", "Heap Buffer Overrun", "Memory behind a heap buffer is written; an integer may be at fault."
    )
    (link,) = (found for found in infer((effect, cause, *TINY[2:])).links if found.source == "A")
    assert (link.relationship, link.target) == (Relationship.CAN_PRECEDE, "B")


def test_comparing_in_chunks_covers_every_row_once_and_stops_when_nobody_asks() -> None:
    chunks = compare(vectorise(TINY), chunk_size=3)
    assert [(rows.start, rows.stop) for rows in chunks] == [(0, 3), (3, 4)]
