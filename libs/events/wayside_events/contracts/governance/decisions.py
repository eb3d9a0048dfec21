"""Verdicts on suggestions."""

from enum import StrEnum

from wayside_events.contracts.model import Reply
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id


class Verdict(StrEnum):
    """What was decided of a suggestion."""

    APPROVE = "approve"  # the edge exists
    ENDORSE = "endorse"  # the first of the two approvals that the type needs
    REJECT = "reject"  # the claim does not hold
    SUPERSEDE = "supersede"  # a rival was approved
    EXPIRE = "expire"  # nobody decided in time
    WITHDRAW = "withdraw"  # its proposer took it back
    UNDO = "undo"  # the decision before it is taken back


class Decision(Reply):
    """One appended verdict, with confidence and evidence as they were shown.

    `policy_version` is "<name>:<version>". `linked_to` is the decision that this one follows from: the approval that
    superseded a rival, or its undo. `undoes` is the decision that was taken back.
    """

    id: Id
    verdict: Verdict
    reviewed_by: str
    reviewed_at: Timestamp
    reason_code: str | None = None
    note: str | None = None
    confidence_shown: float
    evidence_shown: int
    policy_version: str | None = None
    bulk_id: Id | None = None
    linked_to: Id | None = None
    undoes: Id | None = None
    time_taken_seconds: float | None = None
