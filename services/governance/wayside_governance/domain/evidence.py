"""Claims and the evidence for them: their identities and fingerprints."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import orjson

from wayside_events.identifiers import EntityId, ScopeName

NO_CONTENT = bytes(32)
"""The content hash of a node nothing is known of."""


class Claim(NamedTuple):
    """That one node relates to another; there is at most one suggestion of it. Claims sort in the order of locking."""

    scope: ScopeName
    from_node_id: str
    to_node_id: str
    relationship_type: str


class Evidence(NamedTuple):
    """One machine's proposal of a claim.

    `payload` is canonical JSON. `digest` is what makes two pieces identical: the same statement of the same model in the
    same run, by the same proposer. `payload_hash` is its share of a fingerprint. `on_behalf_of` is for whom the proposer
    runs: they proposed too.
    """

    id: EntityId
    digest: bytes
    payload_hash: bytes
    source_model: str
    analysis_run_id: str | None
    confidence: float
    strength: float | None
    reasoning: str | None
    payload: bytes | None
    proposed_by: str
    proposed_at: datetime
    on_behalf_of: str | None = None


def canonical(payload: Mapping[str, object] | None) -> bytes | None:
    """Encode evidence so that equal values are equal bytes."""
    return None if payload is None else orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)


def hash_payload(payload: bytes | None) -> bytes:
    """Return the SHA-256 of canonical evidence; none hashes like nothing."""
    return hashlib.sha256(payload or b"").digest()


def digest_of(
    statement: tuple[str, str, str | None, float, float | None, str | None], payload_hash: bytes
) -> bytes:
    """Identify a piece of evidence in 16 bytes: proposer, model, run, confidence, strength and reasoning, with its payload.

    Who repeats another's statement has proposed it too, and must be found among those who may not approve.
    """
    return hashlib.blake2b(orjson.dumps(statement) + payload_hash, digest_size=16).digest()


def fingerprint(from_hash: bytes, to_hash: bytes, payload_hash: bytes) -> bytes:
    """Return what a proposal rests on: the content of both nodes, and its evidence.

    Confidence, reasoning, model and run are left out: they differ from run to run while nothing new is known.
    """
    return hashlib.sha256(from_hash + to_hash + payload_hash).digest()
