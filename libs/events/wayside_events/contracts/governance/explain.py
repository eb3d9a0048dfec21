"""What a reviewer wants to know before deciding."""

from pydantic import Field

from wayside_events.contracts.governance.graph import Edge
from wayside_events.contracts.governance.nodes import NodeDetails
from wayside_events.contracts.governance.policies import PolicyExplanation
from wayside_events.contracts.governance.suggestions import Suggestion, SuggestionDetails
from wayside_events.contracts.model import Reply
from wayside_events.edges import SuggestionStatus
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id


class SimilarClaim(Reply):
    """Another claim, and what was decided of it."""

    suggestion_id: Id
    from_node_id: str
    to_node_id: str
    relationship_type: str
    status: SuggestionStatus
    confidence: float
    reviewed_by: str | None = None
    reviewed_at: Timestamp | None = None
    reason_code: str | None = None


class SimilarClaims(Reply):
    """Decided claims, the latest first, at most 20, and how often each way was taken among the 1,000 looked at."""

    approved: int
    rejected: int
    items: tuple[SimilarClaim, ...]


class NodeSurroundings(Reply):
    """A node: what is known of it, how many edges it has, counted up to 1,000, and the youngest 20 of them."""

    id: str
    details: NodeDetails | None = None
    degree: int
    edges: tuple[Edge, ...]


class Holder(Reply):
    """Who has the card before them now, and until when unless they keep it."""

    reviewer: str
    expires_at: Timestamp


class Explanation(Reply):
    """All that speaks for or against a suggestion.

    `boundary` is the confidence at which people accept this type as often as they reject it, where anyone judged it.
    `rivals` are suggestions from the same node by the same type, where the type allows one; at most 20.
    """

    suggestion: SuggestionDetails
    from_node: NodeSurroundings
    to_node: NodeSurroundings
    same_nodes: SimilarClaims = Field(description="The same two nodes, other types or the other way")
    same_from: SimilarClaims = Field(description="The same type from the same node to others")
    same_to: SimilarClaims = Field(description="The same type from others to the same node")
    rivals: tuple[Suggestion, ...]
    policies: tuple[PolicyExplanation, ...]
    boundary: float | None = None
    held_by: Holder | None = None
