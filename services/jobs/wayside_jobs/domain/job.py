"""A job as a value."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from wayside_events.identifiers import EntityId, ScopeName
from wayside_events.jobs import JobMode, JobStatus, Related
from wayside_jobs.domain.facts import Fact
from wayside_jobs.domain.values import Json

NO_PROGRESS = Json("{}")


class Policy(NamedTuple):
    """What the job type said about leases, time-outs and attempts when the job was created."""

    lease_seconds: float
    cancel_grace_seconds: float
    timeout_seconds: float | None
    ttl_seconds: float | None
    backoff_initial_seconds: float
    backoff_factor: float
    backoff_max_seconds: float
    backoff_jitter: float

    def backoff_seconds(self, attempt: int, draw: float) -> float:
        """The delay after `attempt` failed: exponential, ± jitter; `draw` is random, 0 ≤ draw < 1."""
        exponent = min(attempt - 1, 100)
        delay = min(self.backoff_initial_seconds * self.backoff_factor**exponent, self.backoff_max_seconds)
        return delay * (1 + self.backoff_jitter * (2 * draw - 1))


class CancelState(StrEnum):
    """How far a cancel is."""

    REQUESTED = "requested"  # recorded; the runner is told
    ACKNOWLEDGED = "acknowledged"  # the job ended on request
    FORCED = "forced"  # the job ended without a word from its runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A cancel of a job. `deadline` is when it is forced."""

    state: CancelState
    requested_by: str
    requested_at: datetime
    reason: str | None = None
    deadline: datetime | None = None


class Job(NamedTuple):
    """The state of one job, without its input. All times are the database's.

    `max_attempts` grows with every release, so that `attempt` names each try once and never exceeds it; `releases` is by how
    much.
    `due_at` is never later than the first of lease end, time-out and cancel deadline: who looks at a running job
    then finds out which it is, or arms it again. Reports do not move it, because it is indexed.
    """

    id: EntityId
    scope: ScopeName
    type: str
    mode: JobMode
    queue: str
    priority: int
    status: JobStatus
    revision: int
    attempt: int
    max_attempts: int
    policy: Policy
    created_by: str
    created_at: datetime
    updated_at: datetime
    run_at: datetime
    session_id: str | None = None
    related: Related | None = None
    parent_id: EntityId | None = None
    root_id: EntityId | None = None
    depth: int = 0
    child_count: int = 0
    releases: int = 0
    retry_of: EntityId | None = None
    unique_key: str | None = None
    origin: str | None = None
    traceparent: str | None = None
    runner: str | None = None
    token_hash: bytes | None = None
    seq: int = 0
    log_seq: int = 0
    log_dropped: int = 0
    log_bytes: int = 0
    progress: Json = NO_PROGRESS
    partial: Json | None = None
    result: Json | None = None
    metrics: Json | None = None
    error: Json | None = None
    cancel: Cancel | None = None
    is_cascading: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lease_expires_at: datetime | None = None
    timeout_at: datetime | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the job could be claimed at its last change; otherwise its time is still to come."""
        return self.status is JobStatus.QUEUED and self.run_at <= self.updated_at

    @property
    def cancel_requested(self) -> bool:
        """Whether the job's runner should stop."""
        is_requested = self.cancel is not None and self.cancel.state is CancelState.REQUESTED
        return is_requested and self.status is JobStatus.RUNNING

    @property
    def is_passed_over(self) -> bool:
        """Whether a cancel from above left it alone, for it runs and cannot be canceled, until it ends or waits again."""
        return self.is_cascading and self.status is JobStatus.RUNNING and self.cancel is None

    @property
    def log_entries(self) -> int:
        """How many entries the log has: so many were written, of which `log_dropped` are gone."""
        return self.log_seq - self.log_dropped

    @property
    def duration_seconds(self) -> float | None:
        """How long the last attempt took, once the job has ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()

    def is_owned_with(self, attempt: int, token: str) -> bool:
        """Whether `token` is the one of the job's newest attempt and still good; in constant time."""
        if self.token_hash is None or self.attempt != attempt:
            return False
        return hmac.compare_digest(self.token_hash, hash_token(token))


def hash_token(token: str) -> bytes:
    """Return what is stored of a token. It is random, so one round without salt is enough."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class Change:
    """A job after a verb, and the one fact to tell; `None` when nothing visible changed."""

    job: Job
    fact: Fact | None
