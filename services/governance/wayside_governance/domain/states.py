"""The statuses of a suggestion: one table says what each verb makes of each status."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from wayside_events.edges import SuggestionStatus
from wayside_governance.domain.errors import IllegalTransition


class Verb(StrEnum):
    """What can be done to a suggestion."""

    ADD_EVIDENCE = "add_evidence"  # proposed again while it waits
    APPROVE = "approve"  # the claim holds: its edge comes into being
    ENDORSE = "endorse"  # the first of two approvals
    REJECT = "reject"  # the claim does not hold
    UNDO = "undo"  # the latest decision is taken back
    RETRACT = "retract"  # the latest decision is taken back, and was an endorsement
    REOPEN = "reopen"  # proposed again, with something new
    SUPERSEDE = "supersede"  # a rival was approved
    EXPIRE = "expire"  # nobody decided in time
    WITHDRAW = "withdraw"  # its proposer takes it back


TRANSITIONS: Mapping[tuple[SuggestionStatus, Verb], SuggestionStatus] = MappingProxyType(
    {
        (SuggestionStatus.PENDING, Verb.ADD_EVIDENCE): SuggestionStatus.PENDING,
        (SuggestionStatus.PENDING, Verb.APPROVE): SuggestionStatus.APPROVED,
        (SuggestionStatus.PENDING, Verb.ENDORSE): SuggestionStatus.PENDING,
        (SuggestionStatus.PENDING, Verb.RETRACT): SuggestionStatus.PENDING,
        (SuggestionStatus.PENDING, Verb.REJECT): SuggestionStatus.REJECTED,
        (SuggestionStatus.PENDING, Verb.SUPERSEDE): SuggestionStatus.SUPERSEDED,
        (SuggestionStatus.PENDING, Verb.EXPIRE): SuggestionStatus.EXPIRED,
        (SuggestionStatus.PENDING, Verb.WITHDRAW): SuggestionStatus.WITHDRAWN,
        (SuggestionStatus.APPROVED, Verb.UNDO): SuggestionStatus.PENDING,
        (SuggestionStatus.REJECTED, Verb.UNDO): SuggestionStatus.PENDING,
        (SuggestionStatus.SUPERSEDED, Verb.UNDO): SuggestionStatus.PENDING,
        (SuggestionStatus.EXPIRED, Verb.UNDO): SuggestionStatus.PENDING,
        (SuggestionStatus.WITHDRAWN, Verb.UNDO): SuggestionStatus.PENDING,
        (SuggestionStatus.REJECTED, Verb.REOPEN): SuggestionStatus.PENDING,
        (SuggestionStatus.EXPIRED, Verb.REOPEN): SuggestionStatus.PENDING,
        (SuggestionStatus.WITHDRAWN, Verb.REOPEN): SuggestionStatus.PENDING,
    }
)


def next_status(status: SuggestionStatus, verb: Verb) -> SuggestionStatus:
    """Return what `verb` makes of `status`; raises `IllegalTransition`."""
    try:
        return TRANSITIONS[status, verb]
    except KeyError:
        raise IllegalTransition(status, verb) from None
