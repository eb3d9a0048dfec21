"""The events of proposals."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from wayside_events.contracts.governance import Intake
from wayside_events.edges import ReopenCause, SuggestionCreated, SuggestionReopened, SuggestionUpdated
from wayside_governance.domain.intake import VISIBLE, Step
from wayside_governance.service.encoding import (
    EncodedEvent,
    Kind,
    common_fields,
    encode,
    standing_fields,
)

_KINDS: Final[Mapping[Intake, Kind]] = MappingProxyType(
    {
        Intake.CREATED: Kind.of(SuggestionCreated),
        Intake.EVIDENCE_ADDED: Kind.of(SuggestionUpdated),
        Intake.REOPENED: Kind.of(SuggestionReopened),
    }
)


def announce(steps: Iterable[Step], at: datetime) -> list[EncodedEvent]:
    """Tell of the proposals, received at one moment, that changed something."""
    common = common_fields(at)
    return [_event(step, common) for step in steps if step.outcome in VISIBLE]


def _event(step: Step, common: str) -> EncodedEvent:
    after = step.after
    data = _reopening(step) if step.outcome is Intake.REOPENED else _proposal(step)
    return encode(_KINDS[step.outcome], (after.claim.scope, after.id, after.revision), common, data)


def _proposal(step: Step) -> dict[str, Any]:
    evidence = step.evidence
    data = standing_fields(step.after)
    data["source_model"] = evidence.source_model
    data["proposed_by"] = evidence.proposed_by
    if evidence.reasoning is not None:
        data["reasoning"] = evidence.reasoning
    if evidence.analysis_run_id is not None:
        data["analysis_run_id"] = evidence.analysis_run_id
    return data


def _reopening(step: Step) -> dict[str, Any]:
    return standing_fields(step.after) | {
        "cause": ReopenCause.NEW_EVIDENCE,
        "reopened_by": step.evidence.proposed_by,
    }
