"""What a proposal does to its claim."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple, assert_never

from wayside_events.contracts.governance import Intake
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId
from wayside_governance.domain.evidence import Claim, Evidence
from wayside_governance.domain.suggestion import Standing, Suggestion

VISIBLE = frozenset({Intake.CREATED, Intake.EVIDENCE_ADDED, Intake.REOPENED})
"""Outcomes that change what a reader sees: revision + 1 and an event."""


class Step(NamedTuple):
    """What became of one proposal: the suggestion after it, and whether its evidence is new and kept."""

    outcome: Intake
    after: Suggestion
    evidence: Evidence
    keeps_evidence: bool


def create(suggestion_id: EntityId, claim: Claim, evidence: Evidence) -> Step:
    """Take the first proposal of a claim."""
    return Step(
        Intake.CREATED, Suggestion.propose(suggestion_id, claim, evidence), evidence, keeps_evidence=True
    )


def receive(
    current: Suggestion, evidence: Evidence, *, known: AbstractSet[bytes], fingerprint: bytes
) -> Step:
    """Take another proposal. `known` are the digests of the evidence there is; `fingerprint` is the proposal's.

    An approved claim keeps the evidence without counting it: confidence and count stay as they were decided on.
    """
    is_new = evidence.digest not in known
    match current.status:
        case SuggestionStatus.PENDING if is_new:
            return Step(Intake.EVIDENCE_ADDED, current.add_evidence(evidence), evidence, keeps_evidence=True)
        case SuggestionStatus.PENDING:
            return Step(Intake.REPEATED, current, evidence, keeps_evidence=False)
        case SuggestionStatus.APPROVED:
            return Step(Intake.DECIDED, current, evidence, keeps_evidence=is_new)
        case SuggestionStatus.REJECTED if fingerprint in current.remembered:
            return Step(Intake.SUPPRESSED, current.suppress(), evidence, keeps_evidence=False)
        case SuggestionStatus.SUPERSEDED:
            return Step(Intake.SUPPRESSED, current.suppress(), evidence, keeps_evidence=False)
        case SuggestionStatus.REJECTED | SuggestionStatus.EXPIRED | SuggestionStatus.WITHDRAWN:
            return Step(
                Intake.REOPENED, _reopened(current, evidence, is_new), evidence, keeps_evidence=is_new
            )
        case never:
            assert_never(never)


def _reopened(current: Suggestion, evidence: Evidence, is_new: bool) -> Suggestion:
    standing: Standing = current.standing.with_(evidence) if is_new else current.standing
    return current.reopen(standing, evidence.proposed_at)
