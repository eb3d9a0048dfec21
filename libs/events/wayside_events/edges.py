"""Events of suggested and approved graph edges: `edges.suggestion.*` and `edges.edge.*`."""

from enum import StrEnum
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import Field, JsonValue

from wayside_events.envelope import Data, Event, Timestamp
from wayside_events.identifiers import EntityId, Id

NodeId = Annotated[str, Field(min_length=1, max_length=256)]
"""The user's own name for a node of the graph."""

RelationshipType = Annotated[str, Field(min_length=1, max_length=100)]
Confidence = Annotated[float, Field(ge=0, le=1)]


class SuggestionStatus(StrEnum):
    """Where a suggestion is; derived from the decisions on it."""

    PENDING = "pending"  # waits for a person or a policy
    APPROVED = "approved"  # its edge exists
    REJECTED = "rejected"  # remembered, so that it is not asked again
    SUPERSEDED = "superseded"  # a rival was approved instead
    EXPIRED = "expired"  # nobody decided in time
    WITHDRAWN = "withdrawn"  # its proposer took it back


class ClaimData(Data):
    """A claim: from, to and type of a relationship, and how sure its evidence makes it."""

    from_node_id: NodeId
    to_node_id: NodeId
    relationship_type: RelationshipType
    confidence: Confidence
    strength: float | None = None


class SuggestionData(ClaimData):
    """What every event of a suggestion says."""

    suggestion_id: Id
    evidence_count: int = Field(ge=0)

    @property
    def entity_id(self) -> EntityId:
        """The suggestion."""
        return self.suggestion_id


class SuggestionProposedData(SuggestionData):
    """The claim as its newest evidence proposes it."""

    status: Literal[SuggestionStatus.PENDING] = SuggestionStatus.PENDING
    reasoning: str | None = None
    source_model: str
    analysis_run_id: str | None = None
    proposed_by: str


class SuggestionDecidedData(SuggestionData):
    """A verdict: by whom, when, and why."""

    decision_id: Id
    reviewed_by: str
    reviewed_at: Timestamp
    reason_code: str | None = None
    note: str | None = None
    policy_version: str | None = None


class SuggestionApprovedData(SuggestionDecidedData):
    """The edge `edge_id` exists since the same transaction."""

    status: Literal[SuggestionStatus.APPROVED] = SuggestionStatus.APPROVED
    edge_id: Id


class SuggestionRejectedData(SuggestionDecidedData):
    """The claim does not hold."""

    status: Literal[SuggestionStatus.REJECTED] = SuggestionStatus.REJECTED


class SuggestionEndorsedData(SuggestionDecidedData):
    """One of the two approvals that the type needs; `endorsed_by` are all who gave one."""

    status: Literal[SuggestionStatus.PENDING] = SuggestionStatus.PENDING
    endorsed_by: tuple[str, ...]


class ReopenCause(StrEnum):
    """Why a decided suggestion waits again."""

    UNDO = "undo"  # a reviewer took the decision back
    NEW_EVIDENCE = "new_evidence"  # proposed again with other content or evidence than was rejected


class SuggestionReopenedData(SuggestionData):
    """The suggestion waits for a decision again; `decision_id` is the undo, where it was one."""

    status: Literal[SuggestionStatus.PENDING] = SuggestionStatus.PENDING
    cause: ReopenCause
    decision_id: Id | None = None
    reopened_by: str


class SuggestionExpiredData(SuggestionData):
    """The suggestion left the queue without an answer of its own; by what decision, and whose."""

    status: Literal[SuggestionStatus.EXPIRED, SuggestionStatus.SUPERSEDED, SuggestionStatus.WITHDRAWN]
    decision_id: Id | None = None
    reviewed_by: str | None = None
    reviewed_at: Timestamp | None = None
    reason_code: str | None = None
    note: str | None = None
    policy_version: str | None = None


class EdgeData(ClaimData):
    """An edge of the graph and where it came from."""

    edge_id: Id
    suggestion_id: Id | None = None
    decision_id: Id | None = None

    @property
    def entity_id(self) -> EntityId:
        """The edge."""
        return self.edge_id


class EdgeCreatedData(EdgeData):
    """The edge can be queried from now on."""

    created_by: str
    properties: dict[str, JsonValue] | None = None


class EdgeRemovedData(EdgeData):
    """The edge is gone; `decision_id` is the undo that retracted it, where it was one."""

    removed_by: str
    reason: str | None = None


class PolicySuspendedData(Data):
    """A policy that its breaker stopped: people agreed with `agreed` of `checked` held out; `promised` was the share."""

    policy_id: Id
    name: str
    version: int = Field(ge=1)
    cause: Literal["low_agreement", "disagreements_in_a_row"]
    detail: str
    checked: int = Field(ge=0)
    agreed: int = Field(ge=0)
    promised: float

    @property
    def entity_id(self) -> EntityId:
        """The policy."""
        return self.policy_id


class AuditSealedData(Data):
    """The end of a scope's audit chain: `position` counts its entries, `hash` covers them all (hexadecimal SHA-256).

    Whoever keeps this can tell a chain that was cut or rewritten.
    """

    chain_id: Id
    position: int = Field(ge=1)
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def entity_id(self) -> EntityId:
        """The chain."""
        return self.chain_id


D = TypeVar("D", bound=Data)


class EdgesEvent(Event[D], Generic[D]):
    """Any event of a suggestion or an edge."""

    SOURCE: ClassVar[str] = "/wayside/governance"


class SuggestionCreated(EdgesEvent[SuggestionProposedData]):
    """A claim was proposed for the first time."""

    type: Literal["edges.suggestion.created"] = "edges.suggestion.created"


class SuggestionUpdated(EdgesEvent[SuggestionProposedData]):
    """Evidence was added to a pending suggestion."""

    type: Literal["edges.suggestion.updated"] = "edges.suggestion.updated"


class SuggestionApproved(EdgesEvent[SuggestionApprovedData]):
    """A person or a policy approved; the edge exists."""

    type: Literal["edges.suggestion.approved"] = "edges.suggestion.approved"


class SuggestionEndorsed(EdgesEvent[SuggestionEndorsedData]):
    """A first reviewer approved; another one has to."""

    type: Literal["edges.suggestion.endorsed"] = "edges.suggestion.endorsed"


class SuggestionRejected(EdgesEvent[SuggestionRejectedData]):
    """A person or a policy rejected."""

    type: Literal["edges.suggestion.rejected"] = "edges.suggestion.rejected"


class SuggestionReopened(EdgesEvent[SuggestionReopenedData]):
    """A decided suggestion waits again."""

    type: Literal["edges.suggestion.reopened"] = "edges.suggestion.reopened"


class SuggestionExpired(EdgesEvent[SuggestionExpiredData]):
    """A suggestion expired, was superseded or was withdrawn."""

    type: Literal["edges.suggestion.expired"] = "edges.suggestion.expired"


class EdgeCreated(EdgesEvent[EdgeCreatedData]):
    """An edge came into being."""

    type: Literal["edges.edge.created"] = "edges.edge.created"


class EdgeRemoved(EdgesEvent[EdgeRemovedData]):
    """An edge was removed."""

    type: Literal["edges.edge.removed"] = "edges.edge.removed"


class PolicySuspended(EdgesEvent[PolicySuspendedData]):
    """People disagreed with a policy; it decides nothing any more."""

    type: Literal["edges.policy.suspended"] = "edges.policy.suspended"


class AuditSealed(EdgesEvent[AuditSealedData]):
    """The audit chain of the scope has grown to here."""

    type: Literal["edges.audit.sealed"] = "edges.audit.sealed"
