"""Decisions on many suggestions: what may be asked for, and what became of each; pure."""

import hashlib
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from wayside_events.contracts.governance import (
    DECISION_BULK_LIMIT,
    BulkItemOutcome,
    DecisionBulkAction,
    DecisionBulkBody,
    DecisionBulkState,
    Verdict,
)
from wayside_events.contracts.problems import FieldError, summary
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.audit import Entry, text_hash
from wayside_governance.domain.errors import (
    GovernanceError,
    IllegalTransition,
    StaleRevision,
    SuggestionNotFound,
)
from wayside_governance.domain.planning import Result
from wayside_governance.domain.verdicts import Wanted


class InvalidBulk(GovernanceError):
    """What is asked for contradicts itself or leaves something out."""

    code = "invalid_bulk"
    title = "The bulk is not valid"

    def __init__(self, field: str, code: str, message: str) -> None:
        self.errors = (FieldError(field=field, code=code, message=message),)
        super().__init__(summary(self.errors))


class BulkNotFound(GovernanceError):
    """There is no such bulk in a scope the caller may see."""

    code = "bulk_not_found"
    title = "No such bulk"

    def __init__(self, bulk_id: str) -> None:
        super().__init__(f"There is no bulk {bulk_id}.")


class StaleSnapshot(GovernanceError):
    """The dry run is too old, or was of something else: count again."""

    code = "stale_snapshot"
    title = "The snapshot is not good any more"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Do a dry run again.")


class BulkNotOver(GovernanceError):
    """What still runs cannot be undone as a whole."""

    code = "bulk_not_over"
    title = "The bulk cannot be undone now"


class Order(NamedTuple):
    """What somebody wants decided of many; `asked_for` identifies all of it."""

    scope: ScopeName
    action: DecisionBulkAction
    asked_by: str
    asked_for: bytes
    reason_code: str | None = None
    note: str | None = None
    undo_of: EntityId | None = None

    @classmethod
    def of(cls, body: DecisionBulkBody, asked_by: str) -> "Order":
        """Return what a request wants; raises `InvalidBulk` for what cannot be meant."""
        _check(body)
        return cls(body.scope, body.action, asked_by, _hash(body), body.reason_code, body.note)

    @classmethod
    def undoing(cls, bulk: "Bulk", asked_by: str, note: str | None) -> "Order":
        """Return the order that takes a bulk back; raises `BulkNotOver`."""
        if bulk.action is DecisionBulkAction.UNDO:
            raise BulkNotOver("What took a bulk back cannot be taken back as a whole.")
        if bulk.state in (DecisionBulkState.RUNNING, DecisionBulkState.PREVIEW):
            raise BulkNotOver(f"The bulk is {bulk.state}; wait for its end, or cancel its job.")
        return cls(bulk.scope, DecisionBulkAction.UNDO, asked_by, b"", note=note, undo_of=bulk.id)


class Bulk(NamedTuple):
    """A bulk as it is stored."""

    id: EntityId
    scope: ScopeName
    action: DecisionBulkAction
    state: DecisionBulkState
    asked_by: str
    asked_at: datetime
    asked_for: bytes
    reason_code: str | None
    note: str | None
    undo_of: EntityId | None
    matched: int
    handled: int
    decided: int
    changed: int
    refused: int
    job_id: EntityId | None
    expires_at: datetime | None
    changed_at: datetime
    finished_at: datetime | None


class Item(NamedTuple):
    """One suggestion of a bulk: as it was counted, and for an undo, the decision that is taken back."""

    position: int
    suggestion_id: EntityId
    revision: int | None
    undoes: EntityId | None


class Handled(NamedTuple):
    """What became of an item."""

    item: Item
    outcome: BulkItemOutcome
    revision: int | None = None
    error: GovernanceError | None = None


VERDICTS: Final = {
    DecisionBulkAction.APPROVE: Verdict.APPROVE,
    DecisionBulkAction.REJECT: Verdict.REJECT,
    DecisionBulkAction.UNDO: Verdict.UNDO,
}


def _check(body: DecisionBulkBody) -> None:
    """Raise `InvalidBulk` for what cannot be meant."""
    if body.action is DecisionBulkAction.UNDO:
        raise InvalidBulk("/action", "unknown_action", "Undo a bulk by POST /v1/suggestions/bulk/{id}/undo")
    if (body.filter is None) == (body.items is None):
        raise InvalidBulk("/filter", "one_of", "Give either a filter or items")
    if body.filter is not None and not body.filter.model_dump(exclude_none=True, exclude_defaults=True):
        raise InvalidBulk("/filter", "empty", 'A filter that leaves out nothing must say so: "all": true')
    if body.action is DecisionBulkAction.REJECT and body.reason_code is None:
        raise InvalidBulk("/reason_code", "missing", "A rejection needs a reason")
    if body.filter is None and body.snapshot is not None:
        raise InvalidBulk("/snapshot", "unexpected", "Only a filter has a snapshot")
    if body.dry_run and body.snapshot is not None:
        raise InvalidBulk("/snapshot", "unexpected", "A dry run makes a snapshot and takes none")
    if body.filter is not None and not body.dry_run and body.snapshot is None:
        raise InvalidBulk("/snapshot", "missing", "Do a dry run first, and give the snapshot that it answers")


def too_many() -> InvalidBulk:
    """The filter finds more than one bulk may have."""
    message = f"It finds more than {DECISION_BULK_LIMIT:,} suggestions: make it narrower"
    return InvalidBulk("/filter", "too_many", message)


def _hash(body: DecisionBulkBody) -> bytes:
    """Identify what is asked for, apart from whether it is a dry run."""
    said = body.model_dump(mode="json", exclude={"dry_run", "snapshot"}, exclude_none=True)
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def entry_of_begin(bulk: Bulk) -> Entry:
    """Return what the audit chain says of the beginning of a bulk."""
    details: dict[str, Any] = {"asked_for": bulk.asked_for.hex(), "matched": bulk.matched}
    if bulk.reason_code is not None:
        details["reason_code"] = bulk.reason_code
    if bulk.note is not None:
        details["note_hash"] = text_hash(bulk.note)
    if bulk.undo_of is not None:
        details["undo_of"] = bulk.undo_of
    return Entry(bulk.scope, bulk.changed_at, bulk.asked_by, f"bulk.{bulk.action}", bulk.id, details)


def wanted_of(bulk: Bulk, item: Item) -> Wanted:
    """Return the verdict that a bulk wants on one of its suggestions."""
    return Wanted(
        suggestion_id=item.suggestion_id,
        verdict=VERDICTS[bulk.action],
        reviewed_by=bulk.asked_by,
        revision=item.revision,
        scope=bulk.scope,
        reason_code=bulk.reason_code,
        note=bulk.note,
        bulk_id=bulk.id,
        undoes=item.undoes,
    )


def handled(item: Item, result: Result) -> Handled:
    """Say what became of an item."""
    match result:
        case SuggestionNotFound():
            return Handled(item, BulkItemOutcome.NOT_FOUND, error=result)
        case StaleRevision() | IllegalTransition():
            return Handled(item, BulkItemOutcome.CHANGED, error=result)
        case GovernanceError():
            return Handled(item, BulkItemOutcome.REFUSED, error=result)
        case _:
            return Handled(item, BulkItemOutcome.DECIDED, result.after.revision)
