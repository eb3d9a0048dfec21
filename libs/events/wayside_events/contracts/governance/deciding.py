"""Deciding one suggestion."""

from pydantic import Field

from wayside_events.contracts.governance.decisions import Decision
from wayside_events.contracts.governance.suggestions import Suggestion
from wayside_events.contracts.model import Reply, Request


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
