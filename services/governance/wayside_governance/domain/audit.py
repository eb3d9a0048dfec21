"""The chain of what was done in a scope: entries as canonical bytes, each hash covering the one before; pure."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from wayside_events.identifiers import ScopeName
from wayside_governance.domain.verdicts import Outcome

GENESIS = bytes(32)
"""The hash before the first entry of a scope."""


_OPTIONAL: Final = ("reason_code", "edge_id", "undoes", "policy_version", "bulk_id", "linked_to")


class Entry(NamedTuple):
    """One thing done: who did what to what. `details` is JSON; what retention may drop is in it as a hash only."""

    scope: ScopeName
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]

    def canonical(self) -> bytes:
        """Return the bytes that are hashed: equal entries are equal bytes, whoever encodes them."""
        return orjson.dumps(
            {
                "action": self.action,
                "actor": self.actor,
                "at": self.at,
                "details": self.details,
                "scope": self.scope,
                "subject": self.subject,
            },
            option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z,
        )


class EntryFilters(NamedTuple):
    """Which entries of a scope are wanted; None is any. `before` is a moment, and not among them."""

    scope: str
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    before: datetime | None = None


class Link(NamedTuple):
    """An entry as it is stored in the chain."""

    position: int
    at: datetime
    actor: str
    action: str
    subject: str
    entry: bytes
    previous: bytes
    hash: bytes


class Break(NamedTuple):
    """Where the chain does not hold, and why."""

    position: int
    reason: str


def link_hash(previous: bytes, entry: bytes) -> bytes:
    """Return the hash of an entry that follows `previous`."""
    return hashlib.sha256(previous + entry).digest()


def text_hash(text: str) -> str:
    """Return what the chain keeps of a text that may be dropped."""
    return hashlib.sha256(text.encode()).hexdigest()


def find_break(links: Iterable[Link], *, position: int, previous: bytes, scope: str) -> Break | None:
    """Return where links that should follow `position`, whose hash is `previous`, break the chain first."""
    for link in links:
        position += 1
        if link.position != position:
            return Break(position, f"the entry is missing; the next one there is {link.position}")
        if link.previous != previous:
            return Break(position, "it does not follow from the entry before")
        if link.hash != link_hash(previous, link.entry):
            return Break(position, "the entry was changed")
        if not _says_the_same(link, scope):
            return Break(position, "what is shown of the entry is not what it says")
        previous = link.hash
    return None


def _says_the_same(link: Link, scope: str) -> bool:
    said = orjson.loads(link.entry)
    return (said["scope"], said["actor"], said["action"], said["subject"]) == (
        scope,
        link.actor,
        link.action,
        link.subject,
    ) and datetime.fromisoformat(said["at"]) == link.at


def entry_of(outcome: Outcome) -> Entry:
    """Return what the chain says of a decision; None is left out."""
    decision, claim = outcome.decision, outcome.after.claim
    details: dict[str, Any] = {
        "claim": claim[1:],
        "confidence_shown": decision.confidence_shown,
        "decision_id": decision.id,
        "evidence_shown": decision.evidence_shown,
        "revision": decision.revision,
        "status": outcome.after.status,
        "strongest": outcome.seen.standing.strongest.hex(),
    }
    for name in _OPTIONAL:
        if (value := getattr(decision, name)) is not None:
            details[name] = value
    if decision.note is not None:
        details["note_hash"] = text_hash(decision.note)
    if decision.imported_at is not None:
        details["reviewed_at"] = decision.reviewed_at
    action = f"suggestion.{decision.verdict}"
    return Entry(
        claim.scope, decision.recorded_at, decision.reviewed_by, action, decision.suggestion_id, details
    )
