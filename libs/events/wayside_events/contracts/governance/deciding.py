"""Deciding one suggestion."""

from typing import Annotated, Literal

from pydantic import Field

from wayside_events.contracts.governance.decisions import Decision
from wayside_events.contracts.governance.suggestions import Suggestion
from wayside_events.contracts.model import Reply, Request
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import Id

ContentHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""The hash of a node's label, kind and content, as the service shows it with the node."""


class DecisionRequest(Request):
    """A verdict on the suggestion as it was at `revision`; another revision meanwhile is a conflict (409)."""

    revision: int = Field(ge=1)
    reason_code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")
    note: str | None = Field(default=None, max_length=4_000)
    time_taken_seconds: float | None = Field(default=None, ge=0, le=86_400)


class JudgeRequest(DecisionRequest):
    """A verdict on what was shown. Content of nodes is no part of the revision: give its hashes to have it compared."""

    from_content_hash: ContentHash | None = None
    to_content_hash: ContentHash | None = None


class ApproveRequest(JudgeRequest):
    """An approval. `rivals`: whether pending rivals, of a functional type, stay in the queue or are superseded with it."""

    rivals: Literal["keep", "supersede"] = "keep"


class LinkedDecision(Reply):
    """What followed for another suggestion: it was superseded by an approval, or waits again by its undo."""

    suggestion_id: Id
    status: SuggestionStatus
    revision: int
    decision_id: Id


class DecisionReply(Reply):
    """The decision that was recorded, the suggestion as it now is, and what followed for its rivals."""

    decision: Decision
    suggestion: Suggestion
    linked: tuple[LinkedDecision, ...] = ()


class RivalPage(Reply):
    """Suggestions of the same type from the same node, of which at most one can be approved; none of another type."""

    is_functional: bool
    items: tuple[Suggestion, ...]
    next_page: str | None = None
