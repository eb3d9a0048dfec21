"""The audit chain: what was done in a scope, and whether that is all of it, unchanged."""

from pydantic import JsonValue

from wayside_events.contracts.model import Reply
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope


class AuditEntry(Reply):
    """One thing done. `hash` is the hexadecimal SHA-256 of the hash before it (32 bytes) and of `entry` in UTF-8.

    `details` holds hashes of what retention may drop, not the text.
    """

    position: int
    at: Timestamp
    actor: str
    action: str
    subject: str
    details: dict[str, JsonValue]
    entry: str
    hash: str


class AuditPage(Reply):
    """Entries of a scope, the latest first; `next_page` is None on the last one."""

    items: tuple[AuditEntry, ...]
    next_page: str | None = None


class AuditHead(Reply):
    """The end of a scope's chain, as `edges.audit.sealed` makes it known. `position` counts its entries."""

    chain_id: Id | None = None
    position: int
    hash: str


class AuditBreak(Reply):
    """Where the chain does not hold, and why."""

    position: int
    reason: str


class AuditVerification(Reply):
    """What was found of the entries after `after` up to `checked_to`; go on with `after` = `next_after`, if there is one.

    `is_intact` is about those entries. `has_known_head` says whether the chain has the head that was asked about, at its
    position: where it has not, entries are gone or were changed after that head was made known.
    """

    scope: Scope
    after: int
    checked_to: int
    is_intact: bool
    broken: AuditBreak | None = None
    has_known_head: bool | None = None
    head: AuditHead
    next_after: int | None = None
