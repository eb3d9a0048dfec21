"""Reading of proposals: each alone, so that an invalid one blocks no other."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from pydantic import JsonValue, ValidationError

from wayside_events.contracts.depth import DEPTH_LIMIT, is_too_deep
from wayside_events.contracts.governance import EVIDENCE_LIMIT_BYTES, NodeContent, Proposal
from wayside_events.contracts.problems import FieldError, field_errors
from wayside_events.identifiers import ScopeName, new_id
from wayside_governance.domain.errors import InvalidProposal
from wayside_governance.domain.evidence import Claim, Evidence, canonical, digest_of, hash_payload

MAX_FIELD_ERRORS = 20

_ESCAPED_NUL: Final = b"\\u0000"


class ParsedProposal(Proposal):
    """A proposal out of parsed JSON, whose evidence is not looked through a second time."""

    evidence: dict[str, Any] | None = None


_PARSED: Final = ParsedProposal.__pydantic_validator__


class Received(NamedTuple):
    """A valid proposal. `position` is its place in the request; `nodes` is what it says of its ends."""

    position: int
    claim: Claim
    evidence: Evidence
    nodes: tuple[tuple[str, NodeContent], ...]


@dataclass(frozen=True, slots=True)
class Sender:
    """In which scope, by whom, on whose behalf and when something is proposed."""

    scope: ScopeName
    proposed_by: str
    at: datetime
    on_behalf_of: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Everybody who proposes by it, and therefore may not approve."""
        return frozenset(name for name in (self.proposed_by, self.on_behalf_of) if name is not None)

    @property
    def identity(self) -> str:
        """What tells this proposer from others: the same said on another's behalf is another piece of evidence."""
        return self.proposed_by if self.on_behalf_of is None else f"{self.proposed_by}\n{self.on_behalf_of}"


def read_proposal(value: JsonValue, position: int, sender: Sender) -> Received:
    """Validate one proposal, types exactly; raises `InvalidProposal`."""
    try:
        proposal = _PARSED.validate_python(value, strict=True)
    except ValidationError as error:
        raise InvalidProposal(field_errors(error)[:MAX_FIELD_ERRORS]) from None
    payload = _payload(proposal)
    if _is_doubtful(proposal, payload) and (errors := tuple(_offences(proposal, payload))):
        raise InvalidProposal(errors[:MAX_FIELD_ERRORS])
    return Received(
        position,
        Claim(sender.scope, proposal.from_node_id, proposal.to_node_id, proposal.relationship_type),
        _evidence(proposal, payload, sender),
        tuple(_nodes(proposal)),
    )


def _is_doubtful(proposal: Proposal, payload: bytes | None) -> bool:
    """Whether a proposal may have an offence: cheaper than to look for them, and all but all have none."""
    texts = (
        f"{proposal.from_node_id}{proposal.to_node_id}{proposal.relationship_type}{proposal.reasoning}"
        f"{proposal.source_model}{proposal.analysis_run_id}"
    )
    return (
        proposal.from_node_id == proposal.to_node_id
        or "\0" in texts
        or proposal.from_node is not None
        or proposal.to_node is not None
        or (payload is not None and (_ESCAPED_NUL in payload or b"null" in payload))
    )


def _evidence(proposal: Proposal, payload: bytes | None, sender: Sender) -> Evidence:
    payload_hash = hash_payload(payload)
    statement = (
        sender.identity,
        proposal.source_model,
        proposal.analysis_run_id,
        proposal.confidence,
        proposal.strength,
        proposal.reasoning,
    )
    return Evidence(
        id=new_id(),
        digest=digest_of(statement, payload_hash),
        payload_hash=payload_hash,
        source_model=proposal.source_model,
        analysis_run_id=proposal.analysis_run_id,
        confidence=proposal.confidence,
        strength=proposal.strength,
        reasoning=proposal.reasoning,
        payload=payload,
        proposed_by=sender.proposed_by,
        proposed_at=sender.at,
        on_behalf_of=sender.on_behalf_of,
    )


def _payload(proposal: Proposal) -> bytes | None:
    try:
        payload = canonical(proposal.evidence)
    except orjson.JSONEncodeError as error:
        raise InvalidProposal((FieldError(field="/evidence", code="not_json", message=str(error)),)) from None
    if payload is not None and len(payload) > EVIDENCE_LIMIT_BYTES:
        message = f"{len(payload)} bytes as JSON; at most {EVIDENCE_LIMIT_BYTES} are taken"
        raise InvalidProposal((FieldError(field="/evidence", code="too_large", message=message),))
    if payload is not None and is_too_deep(proposal.evidence, payload):
        message = f"At most {DEPTH_LIMIT} levels of arrays and objects are taken"
        raise InvalidProposal((FieldError(field="/evidence", code="too_deep", message=message),))
    return payload


def _offences(proposal: Proposal, payload: bytes | None) -> Iterator[FieldError]:
    """Yield what the types allow and PostgreSQL, JSON or the graph do not."""
    if proposal.from_node_id == proposal.to_node_id:
        yield FieldError(field="/to_node_id", code="self_loop", message="A node cannot relate to itself")
    yield from (_null_character(field) for field, text in _texts(proposal) if "\0" in (text or ""))
    if payload is None:
        return
    if _ESCAPED_NUL in payload and any(map(_has_nul, _scalars(proposal.evidence))):
        yield _null_character("/evidence")
    # What is not finite was encoded as null.
    if b"null" in payload and any(map(_is_not_finite, _scalars(proposal.evidence))):
        yield FieldError(field="/evidence", code="finite_number", message="A number is not finite")


def _texts(proposal: Proposal) -> Iterator[tuple[str, str | None]]:
    yield "/from_node_id", proposal.from_node_id
    yield "/to_node_id", proposal.to_node_id
    yield "/relationship_type", proposal.relationship_type
    yield "/reasoning", proposal.reasoning
    yield "/source_model", proposal.source_model
    yield "/analysis_run_id", proposal.analysis_run_id
    for end, content in (("/from_node", proposal.from_node), ("/to_node", proposal.to_node)):
        if content is not None:
            yield f"{end}/label", content.label
            yield f"{end}/kind", content.kind
            yield f"{end}/content", content.content


def _nodes(proposal: Proposal) -> Iterator[tuple[str, NodeContent]]:
    if proposal.from_node is not None:
        yield proposal.from_node_id, proposal.from_node
    if proposal.to_node is not None:
        yield proposal.to_node_id, proposal.to_node


def merge_contents(received: Iterable[Received]) -> dict[str, NodeContent]:
    """Return what all proposals together say of each node: the later one wins, field by field."""
    merged: dict[str, NodeContent] = {}
    for proposal in received:
        for node_id, said in proposal.nodes:
            before = merged.get(node_id)
            merged[node_id] = said if before is None or before == said else _merge(before, said)
    return {node_id: content for node_id, content in merged.items() if content != NodeContent()}


def ends_of(received: Iterable[Received]) -> set[str]:
    """Return the nodes that proposals name."""
    return {node_id for one in received for node_id in (one.claim.from_node_id, one.claim.to_node_id)}


def refuse_unknown(
    received: Iterable[Received], known: Iterable[str]
) -> tuple[list[Received], dict[int, InvalidProposal]]:
    """Divide proposals into those of known nodes, and errors by position.

    A proposal that says what a node is makes it known, from there on.
    """
    known = set(known)
    taken: list[Received] = []
    refused: dict[int, InvalidProposal] = {}
    for one in received:
        said = {node_id for node_id, content in one.nodes if content != NodeContent()}
        ends = (("/from_node_id", one.claim.from_node_id), ("/to_node_id", one.claim.to_node_id))
        if errors := tuple(_unknown(field, end) for field, end in ends if end not in known | said):
            refused[one.position] = InvalidProposal(errors)
        else:
            known |= said
            taken.append(one)
    return taken, refused


def _unknown(field: str, node_id: str) -> FieldError:
    message = f"Nothing is known of the node {node_id}, and the scope refuses such nodes"
    return FieldError(field=field, code="unknown_node", message=message)


def _merge(before: NodeContent, said: NodeContent) -> NodeContent:
    return before.model_copy(update=said.model_dump(exclude_none=True))


def _null_character(field: str) -> FieldError:
    return FieldError(field=field, code="null_character", message="A NUL character is not allowed")


def _scalars(value: object) -> Iterator[object]:
    """Yield every key and every leaf of a JSON value."""
    match value:
        case dict():
            for key, item in value.items():
                yield key
                yield from _scalars(item)
        case list():
            for item in value:
                yield from _scalars(item)
        case _:
            yield value


def _has_nul(value: object) -> bool:
    return isinstance(value, str) and "\0" in value


def _is_not_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
