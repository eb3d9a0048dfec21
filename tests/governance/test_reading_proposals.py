"""What a proposal must be, one by one."""

from typing import Any

import pytest
from tests.governance.api import SCOPE, proposal
from tests.governance.samples import START

from wayside_events.contracts.governance import EVIDENCE_LIMIT_BYTES, NodeContent
from wayside_governance.domain.errors import InvalidProposal
from wayside_governance.service.proposals import Received, Sender, merge_contents, read_proposal

SENDER = Sender(SCOPE, "worker", START)


def read(value: Any) -> Received:
    return read_proposal(value, 0, SENDER)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


BAD: list[tuple[str, Any, str, str]] = [
    ("no object", 5, "/", "model_type"),
    ("nothing", None, "/", "model_type"),
    ("a field is missing", {"from_node_id": "a"}, "/to_node_id", "missing"),
    ("an unknown field", proposal(colour="red"), "/colour", "extra_forbidden"),
    ("a confidence over one", proposal(confidence=1.01), "/confidence", "less_than_equal"),
    ("a negative confidence", proposal(confidence=-0.1), "/confidence", "greater_than_equal"),
    ("a confidence that is no number", proposal(confidence=float("nan")), "/confidence", "less_than_equal"),
    ("a confidence in quotes", proposal(confidence="0.5"), "/confidence", "float_type"),
    ("a confidence of true", proposal(confidence=True), "/confidence", "float_type"),
    ("a strength over one", proposal(strength=2), "/strength", "less_than_equal"),
    ("an empty node id", proposal(from_node_id=""), "/from_node_id", "string_too_short"),
    ("a node id too long", proposal(to_node_id="x" * 257), "/to_node_id", "string_too_long"),
    ("a number as a node id", proposal(to_node_id=7), "/to_node_id", "string_type"),
    ("a type too long", proposal(relationship_type="x" * 101), "/relationship_type", "string_too_long"),
    ("evidence too deep to be read again", proposal(evidence=nested(101)), "/evidence", "too_deep"),
    ("evidence too deep for its batch", proposal(evidence=nested(254)), "/evidence", "too_deep"),
    ("a claim about itself", proposal(to_node_id="CWE-79"), "/to_node_id", "self_loop"),
    ("NUL in a node id", proposal(from_node_id="a\0b"), "/from_node_id", "null_character"),
    ("NUL in the reasoning", proposal(reasoning="a\0b"), "/reasoning", "null_character"),
    ("NUL in the model", proposal(source_model="\0"), "/source_model", "null_character"),
    ("NUL in the run", proposal(analysis_run_id="\0"), "/analysis_run_id", "null_character"),
    ("NUL in a label", proposal(to_node={"label": "\0"}), "/to_node/label", "null_character"),
    ("NUL in content", proposal(from_node={"content": "\0"}), "/from_node/content", "null_character"),
    ("NUL deep in the evidence", proposal(evidence={"a": [{"b": "\0"}]}), "/evidence", "null_character"),
    ("NUL in a key", proposal(evidence={"\0": 1}), "/evidence", "null_character"),
    ("evidence that is infinite", proposal(evidence={"a": [float("inf")]}), "/evidence", "finite_number"),
    ("evidence with a huge integer", proposal(evidence={"a": 2**64}), "/evidence", "not_json"),
    ("evidence that is a list", proposal(evidence=[1]), "/evidence", "dict_type"),
    ("evidence too large", proposal(evidence={"a": "x" * EVIDENCE_LIMIT_BYTES}), "/evidence", "too_large"),
    ("a node with an unknown field", proposal(to_node={"id": "x"}), "/to_node/id", "extra_forbidden"),
]


@pytest.mark.parametrize(
    ("value", "field", "code"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_a_bad_proposal_names_the_field_at_fault(value: Any, field: str, code: str) -> None:
    with pytest.raises(InvalidProposal) as refused:
        read(value)
    assert (refused.value.errors[0].field, refused.value.errors[0].code) == (field, code)


@pytest.mark.parametrize(
    "fields",
    [
        {"confidence": 0},
        {"confidence": 1},
        {"evidence": None},
        {"evidence": {"a": None}},
        {"evidence": {"text": "a backslash and u0000: \\u0000"}},
        {"evidence": {"a": "x" * (EVIDENCE_LIMIT_BYTES - 10)}},
        {"from_node_id": "https://example.org/a b?c=d#e", "to_node_id": "ns:x/y:z"},
        {"relationship_type": "is child of – auch mit Umlaut ä"},
    ],
)
def test_what_is_unusual_but_valid_is_taken(fields: dict[str, Any]) -> None:
    assert read(proposal(**fields)).evidence.source_model == "tfidf"


def test_what_several_proposals_say_of_a_node_is_merged() -> None:
    said = [
        read(proposal(1, from_node={"label": "old", "kind": "weakness"})),
        read(proposal(2, from_node={"label": "new"}, to_node={})),
    ]
    assert merge_contents(said) == {"CWE-79": NodeContent(label="new", kind="weakness")}
