"""Which jobs a list is to show, and where a page of it begins."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from wayside_events.identifiers import EntityId, ScopeName
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.errors import InvalidPage

_LAST_ID = EntityId("ffffffff-ffff-ffff-ffff-ffffffffffff")
_FIRST_ID = EntityId("00000000-0000-0000-0000-000000000000")
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_START_OF_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a list, newest first: what comes after it is smaller, created earlier or with a smaller id.

    In the list of what ended, `created_at` is the end.
    """

    created_at: datetime
    job_id: EntityId

    def __str__(self) -> str:
        text = f"{self.created_at.isoformat()} {self.job_id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str()` wrote; raises `InvalidPage`."""
        try:
            padded = text + "=" * (-len(text) % 4)
            created_at, _, job_id = base64.b64decode(padded, b"-_", validate=True).decode().partition(" ")
            moment = datetime.fromisoformat(created_at)
            if moment.tzinfo is None:
                raise InvalidPage
            return cls(moment.astimezone(UTC), EntityId(str(UUID(job_id))))
        except (ValueError, OverflowError, binascii.Error):
            raise InvalidPage from None


FIRST = Position(_END_OF_TIME, _LAST_ID)
"""Where a list begins."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk through a list has found, and where the next goes on: it may have found little, and not be at the end."""

    places: Sequence[Position]
    next: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters; all that are given hold together. `created_before` is exclusive."""

    scope: ScopeName
    statuses: tuple[JobStatus, ...] = ()
    type: str | None = None
    session_id: str | None = None
    parent_id: EntityId | None = None
    root_id: EntityId | None = None
    related_type: str | None = None
    related_id: str | None = None
    created_by: str | None = None
    unique_key: str | None = None
    job_id: EntityId | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def first(self) -> Position:
        """Where the first page begins."""
        if self.created_before is None:
            return FIRST
        return Position(self.created_before, _FIRST_ID)

    @property
    def from_time(self) -> datetime:
        """Nothing older is wanted."""
        return self.created_after or _START_OF_TIME


def readings(wanted: Wanted, text: str, job_types: Sequence[str]) -> list[Wanted]:
    """Return what somebody may mean who looks for `text`: an id, a session, a creator and so on, or one of `job_types`.

    Each reading is served by an index; what contradicts the other filters is left out.
    """
    meant = [
        (wanted.session_id, replace(wanted, session_id=text)),
        (wanted.related_id, replace(wanted, related_id=text)),
        (wanted.unique_key, replace(wanted, unique_key=text)),
        (wanted.created_by, replace(wanted, created_by=text)),
    ]
    meant += [(wanted.type, replace(wanted, type=job_type)) for job_type in job_types]
    if job_id := _job_id(text):
        meant.append((wanted.job_id, replace(wanted, job_id=job_id)))
    return [reading for given, reading in meant if given is None or reading == wanted]


def joined(walks: Sequence[Walk], limit: int) -> Walk:
    """Merge walks through several lists into one, with each job once, as far as all of them have come."""
    cuts = [walk.next for walk in walks if walk.next is not None]
    cut = max(cuts, default=None)
    places = sorted({place for walk in walks for place in walk.places}, reverse=True)
    reached = [place for place in places if cut is None or place >= cut]
    if len(reached) > limit:
        return Walk(reached[:limit], reached[limit - 1])
    return Walk(reached, cut)


def _job_id(text: str) -> EntityId | None:
    try:
        return EntityId(str(UUID(text)))
    except ValueError:
        return None
