"""Which jobs a list is to show, and where a page of it begins."""

import base64
import binascii
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list, newest first: what comes after it was created earlier, or has a smaller id."""

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
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def first(self) -> Position:
        """Where the first page begins."""
        if self.created_before is None:
            return Position(_END_OF_TIME, _LAST_ID)
        return Position(self.created_before, _FIRST_ID)

    @property
    def from_time(self) -> datetime:
        """Nothing older is wanted."""
        return self.created_after or _START_OF_TIME
