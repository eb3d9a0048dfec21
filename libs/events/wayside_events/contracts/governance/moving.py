"""Decisions as lines of a file: to move them between systems, to keep them, to seed a calibration."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from wayside_events.contracts.governance.decisions import Verdict
from wayside_events.contracts.model import Reply
from wayside_events.contracts.problems import Problem
from wayside_events.edges import Confidence, NodeId, RelationshipType, SuggestionStatus
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id

SOURCES_SHOWN_LIMIT = 64

Person = Annotated[str, Field(min_length=1, max_length=256)]
Source = Annotated[str, Field(min_length=1, max_length=200)]


class NamedDecision(Reply):
    """Tells a decision from the others on its claim wherever it is: ids are each system's own."""

    verdict: Verdict
    reviewed_by: Person
    reviewed_at: Timestamp


class DecisionLine(NamedDecision):
    """One decision, with its claim and what it rests on. A line that was exported can be imported as it is.

    `sources_shown` is each source's highest confidence when it was decided. From `strength` to `proposed_by` it is about the
    strongest evidence for the claim, as it is now. `undoes` names the decision that an undo took back. `in_force` is false
    for what was taken back, or overtaken. `after` is what an export continues behind.
    """

    from_node_id: NodeId
    to_node_id: NodeId
    relationship_type: RelationshipType
    reason_code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")
    note: str | None = Field(default=None, max_length=4_000)
    time_taken_seconds: float | None = Field(default=None, ge=0, le=86_400)
    confidence_shown: Confidence | None = None
    evidence_shown: int | None = Field(default=None, ge=0)
    sources_shown: dict[Source, Confidence]
    strength: float | None = Field(default=None, ge=0, le=1)
    reasoning: str | None = Field(default=None, max_length=10_000)
    source_model: Source | None = None
    analysis_run_id: str | None = Field(default=None, max_length=200)
    proposed_by: Person | None = None
    policy_id: Id | None = None
    policy_version: str | None = Field(default=None, max_length=200)
    bulk_id: Id | None = None
    undoes: NamedDecision | None = None
    imported_at: Timestamp | None = None
    in_force: bool = True
    after: str | None = None


class DecisionToImport(DecisionLine):
    """A line of an import. At least the claim, the verdict, by whom, when, and `sources_shown` are needed."""

    model_config = ConfigDict(extra="forbid")

    sources_shown: dict[Source, Confidence] = Field(min_length=1, max_length=SOURCES_SHOWN_LIMIT)


class ImportOutcome(StrEnum):
    """What became of one line of an import."""

    DECIDED = "decided"
    REPEATED = "repeated"  # the same decision is here already
    LEFT_ALONE = (
        "left_alone"  # the claim was decided here otherwise, or the line changes nothing that is here
    )
    REFUSED = "refused"  # see `problem`: the rules of this scope do not allow it; the claim waits
    INVALID = "invalid"  # see `problem`


class DecisionImported(Reply):
    """The answer to one line, in their order; status and revision are the suggestion's after it."""

    outcome: ImportOutcome
    suggestion_id: Id | None = None
    status: SuggestionStatus | None = None
    revision: int | None = None
    problem: Problem | None = None
