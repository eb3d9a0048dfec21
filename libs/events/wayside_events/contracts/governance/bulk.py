"""Decisions on many suggestions at once."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from wayside_events.contracts.governance.suggestions import Suggestion
from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.edges import Confidence, NodeId, RelationshipType
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope

DECISION_BULK_TYPE = "governance.bulk"
DECISION_BULK_QUEUE = "governance"
DECISION_BULK_IDS_LIMIT = 1_000
DECISION_BULK_AT_ONCE_LIMIT = 500
"""More than so many suggestions are the work of a job, of the type `DECISION_BULK_TYPE`."""

DECISION_BULK_LIMIT = 500_000
"""A filter that finds more than so many suggestions has to be narrower."""


class DecisionBulkAction(StrEnum):
    """What is decided."""

    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"  # of what another bulk decided: `POST /v1/suggestions/bulk/{id}/undo`


class DecisionBulkState(StrEnum):
    """How far a bulk is."""

    PREVIEW = "preview"  # a dry run: nothing is decided
    RUNNING = "running"
    DONE = "done"  # all have been worked on
    CANCELED = "canceled"  # its job was canceled: what was decided before stays decided
    FAILED = "failed"  # its job ended by something else


class SuggestionFilter(Request):
    """Which pending suggestions, by the names that lists have; what is given holds together. `node_id` is either end.

    A filter that leaves out nothing must say so: `all`.
    """

    from_node_id: NodeId | None = None
    to_node_id: NodeId | None = None
    node_id: NodeId | None = None
    relationship_type: RelationshipType | None = None
    source_model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    analysis_run_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    min_confidence: Confidence | None = None
    max_confidence: Confidence | None = None
    all: bool = False


class BulkTarget(Request):
    """One suggestion; with `revision`, only as it was then."""

    suggestion_id: Id
    revision: int | None = Field(default=None, ge=1)


class DecisionBulkBody(Request):
    """What `POST /v1/suggestions/bulk` takes: an action, and either a filter or the suggestions.

    A filter wants a dry run first, whose `snapshot` is then given with the same filter: what is decided is what was
    counted, as it was counted.
    """

    scope: Scope
    action: DecisionBulkAction
    filter: SuggestionFilter | None = None
    items: tuple[BulkTarget, ...] | None = Field(
        default=None, min_length=1, max_length=DECISION_BULK_IDS_LIMIT
    )
    reason_code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")
    note: str | None = Field(default=None, max_length=4_000)
    dry_run: bool = False
    snapshot: Id | None = None


class BulkItemOutcome(StrEnum):
    """What became of one suggestion of many."""

    DECIDED = "decided"
    CHANGED = "changed"  # it is not as it was counted, or waits no more: left alone
    REFUSED = "refused"  # see `problem`
    NOT_FOUND = "not_found"  # there is no such suggestion in the scope


class DecisionBulkItem(Reply):
    """The outcome of one suggestion, its revision then, and why it was refused or left alone."""

    suggestion_id: Id
    outcome: BulkItemOutcome
    revision: int | None = None
    problem: Problem | None = None


class DecisionBulkItemPage(Reply):
    """Part of a list of outcomes; `next_page` is None on the last one."""

    items: tuple[DecisionBulkItem, ...]
    next_page: str | None = None


class DecisionBulkCounts(Reply):
    """How many were found, or named, and what became of those that have been worked on."""

    matched: int
    decided: int = 0
    changed: int = 0
    refused: int = 0

    @property
    def handled(self) -> int:
        """How many have been worked on."""
        return self.decided + self.changed + self.refused


class DecisionBulk(DecisionBulkCounts):
    """A bulk as it is. `job_id` is the job that works on it, where it is large: cancel that to stop it.

    Of a dry run, `snapshot` is what applying it asks for until `expires_at`, and `sample` some of what was found. `items`
    are the outcomes of a small one, in the answer to its request only.
    """

    id: Id
    scope: Scope
    action: DecisionBulkAction
    state: DecisionBulkState
    asked_by: str
    asked_at: Timestamp
    finished_at: Timestamp | None = None
    undo_of: Id | None = None
    job_id: Id | None = None
    snapshot: Id | None = None
    expires_at: Timestamp | None = None
    sample: tuple[Suggestion, ...] = ()
    items: tuple[DecisionBulkItem, ...] = ()


class DecisionBulkPage(Reply):
    """Part of a list of bulks; `next_page` is None on the last one."""

    items: tuple[DecisionBulk, ...]
    next_page: str | None = None


class UndoBulkRequest(Request):
    """Taking back all that a bulk decided."""

    note: str | None = Field(default=None, max_length=4_000)


class DecisionBulkJob(Request):
    """The input of a job that works on a bulk."""

    bulk_id: Id
