"""The identities of claims and evidence."""

from hypothesis import given
from hypothesis import strategies as st
from tests.governance.samples import evidence_of

from wayside_governance.domain.evidence import NO_CONTENT, canonical, digest_of, fingerprint, hash_payload

json_objects = st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5), max_size=5)


@given(json_objects)
def test_the_order_of_keys_does_not_change_canonical_json(payload: dict[str, object]) -> None:
    assert canonical(dict(reversed(payload.items()))) == canonical(payload)


def test_no_evidence_is_not_the_same_as_empty_evidence() -> None:
    assert hash_payload(canonical(None)) != hash_payload(canonical({}))


def test_the_same_statement_of_the_same_run_has_the_same_digest() -> None:
    assert evidence_of(run="r1", payload={"a": 1}).digest == evidence_of(run="r1", payload={"a": 1}).digest


def test_another_run_makes_another_piece_of_evidence() -> None:
    assert evidence_of(run="r1").digest != evidence_of(run="r2").digest


def test_the_same_statement_by_another_proposer_is_another_piece_of_evidence() -> None:
    payload_hash = hash_payload(None)
    by_worker, by_rita = (digest_of((who, "llm", "r1", 0.5, None, None), payload_hash) for who in ("w", "r"))
    assert by_worker != by_rita


def test_a_fingerprint_does_not_know_the_run() -> None:
    one, other = evidence_of(run="r1", payload={"a": 1}), evidence_of("llm", 0.9, run="r2", payload={"a": 1})
    assert fingerprint(NO_CONTENT, NO_CONTENT, one.payload_hash) == fingerprint(
        NO_CONTENT, NO_CONTENT, other.payload_hash
    )


def test_a_fingerprint_knows_which_end_has_which_content() -> None:
    content, payload_hash = hash_payload(b"content"), evidence_of().payload_hash
    assert fingerprint(content, NO_CONTENT, payload_hash) != fingerprint(NO_CONTENT, content, payload_hash)
