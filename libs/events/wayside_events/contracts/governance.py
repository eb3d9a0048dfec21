"""Shapes of the governance service: proposals, suggestions, decisions and edges (`wayside.governance.v1.*`)."""

from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue, TypeAdapter

from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.edges import Confidence, NodeId, RelationshipType, SuggestionStatus
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope

SUBJECT_PREFIX = "wayside.governance.v1."
PROPOSE_SUBJECT = SUBJECT_PREFIX + "propose"
WAKE_SUBJECT = "wayside.governance.wake"

EVIDENCE_LIMIT_BYTES = 256 * 1024
"""The largest `evidence`, as encoded JSON."""

ALL_EVIDENCE_LIMIT = 100
"""How many pieces of evidence are shown with a suggestion."""


class NodeContent(Request):
    """What is known of a node: shown to reviewers, and hashed into the fingerprint of claims about it."""

    label: str | None = Field(default=None, max_length=500)
    kind: str | None = Field(default=None, max_length=100)
    content: str | None = Field(default=None, max_length=65_536)


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
    """A batch of proposals. Each is validated alone (`PROPOSAL`): invalid ones never block the rest."""

    scope: Scope
    proposed_by: str = Field(min_length=1, max_length=200)
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


class Evidence(Reply):
    """One machine's proposal of a claim, as it was made."""

    id: Id
    source_model: str
    analysis_run_id: str | None = None
    confidence: float
    strength: float | None = None
    reasoning: str | None = None
    evidence: dict[str, JsonValue] | None = None
    proposed_by: str
    proposed_at: Timestamp


class Verdict(StrEnum):
    """What a reviewer or policy decided."""

    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"


class Decision(Reply):
    """One appended verdict, with confidence and evidence as they were shown."""

    id: Id
    verdict: Verdict
    reviewed_by: str
    reviewed_at: Timestamp
    reason_code: str | None = None
    note: str | None = None
    confidence_shown: float
    evidence_shown: int
    policy_version: str | None = None
    time_taken_seconds: float | None = None


class Suggestion(Reply):
    """A claim that waits for a decision, or had one. `reasoning` and `source_model` are of the strongest proposal.

    `suppressed_count` is how often it was proposed again on what it was rejected on; it grows without a new revision.
    """

    id: Id
    scope: Scope
    from_node_id: str
    to_node_id: str
    relationship_type: str
    status: SuggestionStatus
    revision: int
    confidence: float
    strength: float | None = None
    reasoning: str | None = None
    evidence_count: int
    suppressed_count: int = 0
    source_model: str
    analysis_run_id: str | None = None
    proposed_by: str
    reviewed_by: str | None = None
    reviewed_at: Timestamp | None = None
    reason_code: str | None = None
    edge_id: Id | None = None
    created_at: Timestamp
    updated_at: Timestamp


class SuggestionPage(Reply):
    """Part of a list of suggestions; `next_page` is None on the last one."""

    items: tuple[Suggestion, ...]
    next_page: str | None = None


class SuggestionDetails(Suggestion):
    """A suggestion with its evidence and decisions, oldest first.

    `evidence` is of the strongest proposal; `all_evidence` are the latest pieces, at most 100, and `evidence_count`
    says how many there are.
    """

    evidence: dict[str, JsonValue] | None = None
    all_evidence: tuple[Evidence, ...]
    decisions: tuple[Decision, ...]


class DecisionRequest(Request):
    """A verdict on the suggestion as it was at `revision`; another revision meanwhile is a conflict (409)."""

    revision: int = Field(ge=1)
    reason_code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")
    note: str | None = Field(default=None, max_length=4_000)
    time_taken_seconds: float | None = Field(default=None, ge=0, le=86_400)


class DecisionReply(Reply):
    """The decision that was recorded, and the suggestion as it now is."""

    decision: Decision
    suggestion: Suggestion


class Edge(Reply):
    """An edge of the graph. `status` is `suggested` for a ghost edge, which only appears when asked for."""

    id: Id
    scope: Scope
    from_node_id: str
    to_node_id: str
    relationship_type: str
    status: Literal["approved", "suggested"] = "approved"
    confidence: float
    strength: float | None = None
    suggestion_id: Id | None = None
    decision_id: Id | None = None
    created_by: str
    created_at: Timestamp


class EdgePage(Reply):
    """Part of a list of edges; `next_page` is None on the last one."""

    items: tuple[Edge, ...]
    next_page: str | None = None


class Node(Reply):
    """A node as far as it is known."""

    id: str
    label: str | None = None
    kind: str | None = None


class NodeDetails(Node):
    """All that is known of a node."""

    scope: Scope
    content: str | None = None
    updated_at: Timestamp


class NodeInput(NodeContent):
    """A node and all that is to be known of it: what is left out is forgotten."""

    id: NodeId


class PutNodesRequest(Request):
    """Nodes to replace or add."""

    scope: Scope
    nodes: tuple[NodeInput, ...] = Field(min_length=1, max_length=1_000)


class PutNodesReply(Reply):
    """How many nodes changed, new ones included, and how many were as given already."""

    changed: int
    unchanged: int


class Neighborhood(Reply):
    """What lies within `depth` steps of `center`, and whether a limit cut it."""

    center: str
    depth: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool = False
