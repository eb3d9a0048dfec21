"""What may be said of a job to create beside its type, scope, parent and input."""

from datetime import datetime
from typing import TypedDict

from wayside_events.jobs import Related


class SpawnOptions(TypedDict, total=False):
    """What may be said of a child beside its type and input; see `JobCreate`."""

    queue: str
    priority: int
    run_at: datetime
    max_attempts: int
    timeout_seconds: float
    ttl_seconds: float
    unique_key: str
    unique_period_seconds: float
    session_id: str
    related: Related
    origin: str
