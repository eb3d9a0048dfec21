from collections import Counter

from cwe_links.gold import Gold, Relation
from cwe_links.prose import Section, Weakness, without_identifiers


def test_the_catalogue_has_938_live_weaknesses_with_a_name_and_a_description(
    weaknesses: tuple[Weakness, ...],
) -> None:
    assert len({weakness.id for weakness in weaknesses}) == 938
    assert all(weakness.name and weakness.text(Section.DESCRIPTION) for weakness in weaknesses)


def test_the_gold_has_1420_relations_of_six_types(gold: Gold) -> None:
    assert len(gold.relations) == 1420
    assert Counter(relation.type for relation in gold.relations) == {
        "ChildOf": 1148,
        "CanPrecede": 137,
        "PeerOf": 92,
        "CanAlsoBe": 27,
        "Requires": 13,
        "StartsWith": 3,
    }


def test_the_gold_connects_1407_pairs_and_every_weakness_is_in_one(
    weaknesses: tuple[Weakness, ...], gold: Gold
) -> None:
    assert len(gold.pairs) == 1407
    assert set(gold.partners) == {weakness.id for weakness in weaknesses}


def test_gold_finds_a_relation_from_either_end() -> None:
    relation = Relation("CWE-79", "ChildOf", "CWE-74")
    gold = Gold.of([relation])
    assert gold.between("CWE-74", "CWE-79") == gold.between("CWE-79", "CWE-74") == (relation,)
    assert gold.between("CWE-79", "CWE-89") == ()


def test_no_prose_names_another_weakness_by_its_identifier(weaknesses: tuple[Weakness, ...]) -> None:
    texts = (text for weakness in weaknesses for text in weakness.sections.values())
    assert not [text for text in texts if "CWE-" in text]


def test_cutting_identifiers_leaves_the_words_around_them() -> None:
    assert without_identifiers("leads to CSRF (CWE-352), as exploited") == "leads to CSRF , as exploited"
    assert without_identifiers("authorization (CWE-862, CWE-863)") == "authorization"
    assert without_identifiers("goto (CWE-705) -> CWE-561 (Dead Code)") == "goto ->"
