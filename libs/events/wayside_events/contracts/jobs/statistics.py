"""How queues are doing."""

from wayside_events.contracts.model import Reply
from wayside_events.envelope import Timestamp


class Window(Reply):
    """What became of jobs in the last minutes. Without a job to judge by, rates and times are left out.

    `ended_per_minute` counts completed, failed and canceled jobs; `failure_rate` is the share of failed ones among those
    that were not canceled. Pick-up is from the moment a job could be claimed to its claim; run time is that of the last
    attempt. Percentiles are interpolated between bounds that grow by 1.4, and are thus estimates; maxima are exact.
    """

    minutes: int
    created: int = 0
    claimed: int = 0
    completed: int = 0
    failed: int = 0
    canceled: int = 0
    ended_per_minute: float = 0.0
    failure_rate: float | None = None
    pickup_mean_seconds: float | None = None
    pickup_p50_seconds: float | None = None
    pickup_p95_seconds: float | None = None
    pickup_max_seconds: float | None = None
    run_mean_seconds: float | None = None
    run_p50_seconds: float | None = None
    run_p95_seconds: float | None = None
    run_max_seconds: float | None = None


class TypeFigures(Reply):
    """The jobs of one type in one queue. What became of them is counted over all scopes, and shown to who may see all."""

    type: str
    ready: int = 0
    scheduled: int = 0
    running: int = 0
    last_5_minutes: Window | None = None
    last_60_minutes: Window | None = None


class QueueFigures(Reply):
    """A queue, as it was at `counted_at`: jobs that can be claimed, that wait for their time, that run.

    With `all_scopes` they are those of all scopes, else of the scopes the caller may see, or has named.
    `oldest_waiting_seconds` is how long the first of those that can be claimed has been waiting.
    """

    name: str
    all_scopes: bool = True
    ready: int = 0
    scheduled: int = 0
    running: int = 0
    oldest_waiting_seconds: float | None = None
    is_paused: bool = False
    paused_at: Timestamp | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    concurrency_limit: int | None = None
    concurrency_limit_per_scope: int | None = None
    types: tuple[TypeFigures, ...] = ()
    counted_at: Timestamp


class QueueFiguresPage(Reply):
    """Part of the list of queues, by name; `next_page` is None on the last one."""

    items: tuple[QueueFigures, ...]
    next_page: str | None = None
