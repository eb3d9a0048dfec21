"""Shapes of the governance service: proposals, suggestions, decisions and the graph (`wayside.governance.v1.*`)."""

from wayside_events.contracts.governance.deciding import DecisionReply, DecisionRequest
from wayside_events.contracts.governance.decisions import Decision, Verdict
from wayside_events.contracts.governance.graph import Edge, EdgePage, Neighborhood
from wayside_events.contracts.governance.nodes import (
    Node,
    NodeContent,
    NodeDetails,
    NodeInput,
    PutNodesReply,
    PutNodesRequest,
)
from wayside_events.contracts.governance.proposals import (
    EVIDENCE_LIMIT_BYTES,
    PROPOSAL,
    Intake,
    Proposal,
    ProposalOutcome,
    ProposeReply,
    ProposeRequest,
)
from wayside_events.contracts.governance.subjects import PROPOSE_SUBJECT, SUBJECT_PREFIX, WAKE_SUBJECT
from wayside_events.contracts.governance.suggestions import (
    ALL_EVIDENCE_LIMIT,
    Evidence,
    Suggestion,
    SuggestionDetails,
    SuggestionPage,
)

__all__ = [
    "ALL_EVIDENCE_LIMIT",
    "EVIDENCE_LIMIT_BYTES",
    "PROPOSAL",
    "PROPOSE_SUBJECT",
    "SUBJECT_PREFIX",
    "WAKE_SUBJECT",
    "Decision",
    "DecisionReply",
    "DecisionRequest",
    "Edge",
    "EdgePage",
    "Evidence",
    "Intake",
    "Neighborhood",
    "Node",
    "NodeContent",
    "NodeDetails",
    "NodeInput",
    "Proposal",
    "ProposalOutcome",
    "ProposeReply",
    "ProposeRequest",
    "PutNodesReply",
    "PutNodesRequest",
    "Suggestion",
    "SuggestionDetails",
    "SuggestionPage",
    "Verdict",
]
