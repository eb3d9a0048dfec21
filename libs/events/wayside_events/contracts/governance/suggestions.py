"""Suggestions with their evidence."""

from pydantic import JsonValue

from wayside_events.contracts.governance.decisions import Decision
from wayside_events.contracts.model import Reply
from wayside_events.edges import SuggestionStatus
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope

ALL_EVIDENCE_LIMIT = 100
"""How many pieces of evidence are shown with a suggestion."""


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
    on_behalf_of: str | None = None
    proposed_at: Timestamp


class Suggestion(Reply):
    """A claim that waits for a decision, or had one. `reasoning` and `source_model` are of the strongest proposal.

    `suppressed_count` is how often it was proposed again on what it was rejected on; it grows without a new revision.
    `endorsed_by` are those who approved while another approval was still missing.
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
    endorsed_by: tuple[str, ...] = ()
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
