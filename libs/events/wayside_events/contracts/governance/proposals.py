"""Proposals: what machines claim, a batch at a time."""

from enum import StrEnum

from pydantic import Field, JsonValue, TypeAdapter

from wayside_events.contracts.governance.nodes import NodeContent
from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.edges import Confidence, NodeId, RelationshipType
from wayside_events.identifiers import Id, Scope

EVIDENCE_LIMIT_BYTES = 64 * 1024
"""The largest `evidence`, as encoded JSON."""


class Proposal(Request):
    """One machine's evidence for one claim: `from_node_id` relates to `to_node_id` by `relationship_type`.

    `confidence` is 0 to 1. `source_model` names the machine, `analysis_run_id` its run (usually a job's id).
    """

    from_node_id: NodeId
    to_node_id: NodeId
    relationship_type: RelationshipType
    confidence: Confidence
    strength: float | None = Field(default=None, ge=0, le=1)
    reasoning: str | None = Field(default=None, max_length=10_000)
    evidence: dict[str, JsonValue] | None = None
    source_model: str = Field(min_length=1, max_length=200)
    analysis_run_id: str | None = Field(default=None, max_length=200)
    from_node: NodeContent | None = None
    to_node: NodeContent | None = None


PROPOSAL: TypeAdapter[Proposal] = TypeAdapter(Proposal)


class ProposeRequest(Request):
    """A batch of proposals. Each is validated alone (`PROPOSAL`): invalid ones never block the rest.

    `on_behalf_of` is for whom the proposer runs, such as who created its job. Neither of them may approve.
    """

    scope: Scope
    proposed_by: str = Field(min_length=1, max_length=200)
    on_behalf_of: str | None = Field(default=None, min_length=1, max_length=200)
    proposals: tuple[JsonValue, ...] = Field(min_length=1, max_length=1_000)
    traceparent: str | None = Field(default=None, max_length=100)


class Intake(StrEnum):
    """What became of one proposal."""

    CREATED = "created"  # a new suggestion
    EVIDENCE_ADDED = "evidence_added"  # the claim was pending already
    REPEATED = "repeated"  # the same evidence from the same run was known: nothing changed
    SUPPRESSED = "suppressed"  # rejected before on the same evidence
    DECIDED = "decided"  # approved before: the edge exists; the evidence was kept
    REOPENED = "reopened"  # rejected before, but content or evidence changed
    INVALID = "invalid"  # see `problem`


class ProposalOutcome(Reply):
    """The answer to one proposal, in the order of the request."""

    outcome: Intake
    suggestion_id: Id | None = None
    revision: int | None = None
    problem: Problem | None = None


class ProposeReply(Reply):
    """One outcome per proposal."""

    outcomes: tuple[ProposalOutcome, ...]
