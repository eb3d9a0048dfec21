"""What is under way, what has ended, and what somebody has seen of it."""

from typing import Annotated

from pydantic import Field

from wayside_events.contracts.jobs.jobs import Job, JobPage
from wayside_events.contracts.model import Reply, Request
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Scope

COUNT_LIMIT = 1_000
"""Jobs are counted up to here: such a number means that many or more."""

Count = Annotated[int, Field(ge=0, le=COUNT_LIMIT)]


class SessionPage(JobPage):
    """Part of a session's jobs, newest first. `job` is the one to show: the newest that is active, else the newest."""

    job: Job | None = None


class ActiveCounts(Reply):
    """How many jobs wait and run; 1,000 means that many or more."""

    queued: Count
    running: Count


class ActivePage(JobPage):
    """Part of the jobs that wait or run, newest first, and how many there are in all."""

    counts: ActiveCounts


class RecentPage(JobPage):
    """Part of the jobs that ended after `since`, the last first. `unseen` of the caller's own ended after `seen_at`.

    `seen_at` is None for who has never said so. 1,000 unseen means that many or more. Every job that ended up to `upto` is
    in this list or before it: say so in `SeenBody` when it was shown.
    """

    since: Timestamp
    upto: Timestamp
    seen_at: Timestamp | None = None
    unseen: Count


class SeenBody(Request):
    """The caller has seen how jobs ended up to a moment, by default the last before which none can be missing."""

    scope: Scope
    upto: Timestamp | None = None


class SeenReply(Reply):
    """Up to when the caller has seen how jobs ended, and how many ended since; 1,000 means that many or more."""

    seen_at: Timestamp
    unseen: Count
