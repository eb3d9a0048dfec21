"""Verdicts on suggestions."""

from enum import StrEnum

from wayside_events.contracts.model import Reply
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id


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
