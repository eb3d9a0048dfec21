"""What is under way, what has ended, and what somebody has seen of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from wayside_events.contracts.jobs import COUNT_LIMIT, SeenReply
from wayside_events.identifiers import ScopeName
from wayside_jobs.domain.values import rfc3339
from wayside_jobs.domain.wanted import FIRST, Position, Walk, Wanted
from wayside_jobs.service.reading import ACTIVE, Reader
from wayside_jobs.store.reading import Lists

_RECENT = timedelta(hours=24)
"""How far back somebody is shown who has never said what they have seen."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks at the jobs of a scope."""

    scope: ScopeName
    subject: str


class Activity:
    """Answers those who come back: what still runs, and what ended while they were away."""

    def __init__(self, lists: Lists, reader: Reader) -> None:
        self._lists = lists
        self._reader = reader

    async def active(self, scope: ScopeName, creator: str | None, *, page: str | None, limit: int) -> bytes:
        """Return `contracts.jobs.ActivePage`, of one creator or all; raises `InvalidPage`."""
        wanted = Wanted(scope=scope, statuses=ACTIVE, created_by=creator)
        listed = await self._reader.listed([wanted], page=page, limit=limit)
        queued, running = await self._lists.count_active(scope, creator, limit=COUNT_LIMIT)
        return orjson.dumps(listed | {"counts": {"queued": queued, "running": running}})

    async def recent(
        self, viewer: Viewer, creator: str, *, since: datetime | None, page: str | None, limit: int
    ) -> bytes:
        """Return `contracts.jobs.RecentPage`; `since` is by default what the viewer has seen. Raises `InvalidPage`."""
        mark = await self._lists.mark(viewer.scope, viewer.subject)
        seen_after = mark.seen_at or mark.now - _RECENT
        since = since or seen_after
        after = FIRST if page is None else Position.parse(page)
        places = await self._lists.ended(viewer.scope, creator, since=since, after=after, limit=limit + 1)
        walk = Walk(places[:limit], places[limit - 1] if len(places) > limit else None)
        more = {
            "since": rfc3339(since),
            "upto": rfc3339(mark.upto),
            "seen_at": rfc3339(mark.seen_at) if mark.seen_at else None,
            "unseen": await self._unseen(viewer, seen_after),
        }
        return orjson.dumps(await self._reader.fields(walk) | more)

    async def see(self, viewer: Viewer, upto: datetime | None) -> SeenReply:
        """Note that somebody has seen how jobs ended up to a moment, or all that is known; what was seen stays seen."""
        seen_at = await self._lists.move_mark(viewer.scope, viewer.subject, upto)
        return SeenReply(seen_at=seen_at, unseen=await self._unseen(viewer, seen_at))

    async def _unseen(self, viewer: Viewer, since: datetime) -> int:
        return await self._lists.count_ended(viewer.scope, viewer.subject, since=since, limit=COUNT_LIMIT)
