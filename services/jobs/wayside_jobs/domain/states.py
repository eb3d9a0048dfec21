"""The state machine: which verb leads from which status to which."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from wayside_events.jobs import JobStatus


class Verb(StrEnum):
    """What can be done with a job that exists."""

    CLAIM = "claim"  # a runner takes it
    PROGRESS = "progress"  # how far it is
    LOG = "log"  # lines for its log
    HEARTBEAT = "heartbeat"  # the runner lives
    COMPLETE = "complete"  # the handler returned
    FAIL = "fail"  # the handler raised
    REQUEST_CANCEL = "request_cancel"  # somebody wants it to end
    ACKNOWLEDGE_CANCEL = "acknowledge_cancel"  # the handler stopped because of that
    FORCE_CANCEL = "force_cancel"  # the grace period is over
    LOSE = "lose"  # the lease expired
    TIME_OUT = "time_out"  # the attempt ran too long
    RELEASE = "release"  # the runner shuts down
    RETRY = "retry"  # a new job like it; this one stays as it is
    EXPIRE = "expire"  # its time to live ended; it is deleted


_QUEUED = JobStatus.QUEUED
_RUNNING = JobStatus.RUNNING
_COMPLETED = JobStatus.COMPLETED
_FAILED = JobStatus.FAILED
_CANCELED = JobStatus.CANCELED

TRANSITIONS: Mapping[tuple[JobStatus, Verb], frozenset[JobStatus]] = MappingProxyType(
    {
        (_QUEUED, Verb.CLAIM): frozenset({_RUNNING}),
        (_QUEUED, Verb.REQUEST_CANCEL): frozenset({_CANCELED}),
        (_RUNNING, Verb.PROGRESS): frozenset({_RUNNING}),
        (_RUNNING, Verb.LOG): frozenset({_RUNNING}),
        (_RUNNING, Verb.HEARTBEAT): frozenset({_RUNNING}),
        (_RUNNING, Verb.COMPLETE): frozenset({_COMPLETED}),
        (_RUNNING, Verb.FAIL): frozenset({_QUEUED, _FAILED, _CANCELED}),
        (_RUNNING, Verb.REQUEST_CANCEL): frozenset({_RUNNING}),
        (_RUNNING, Verb.ACKNOWLEDGE_CANCEL): frozenset({_CANCELED}),
        (_RUNNING, Verb.FORCE_CANCEL): frozenset({_CANCELED}),
        (_RUNNING, Verb.LOSE): frozenset({_QUEUED, _FAILED, _CANCELED}),
        (_RUNNING, Verb.TIME_OUT): frozenset({_QUEUED, _FAILED, _CANCELED}),
        (_RUNNING, Verb.RELEASE): frozenset({_QUEUED, _FAILED, _CANCELED}),
        (_COMPLETED, Verb.RETRY): frozenset({_COMPLETED}),
        (_FAILED, Verb.RETRY): frozenset({_FAILED}),
        (_CANCELED, Verb.RETRY): frozenset({_CANCELED}),
        (_COMPLETED, Verb.EXPIRE): frozenset(),
        (_FAILED, Verb.EXPIRE): frozenset(),
        (_CANCELED, Verb.EXPIRE): frozenset(),
    }
)
"""Every pair that is not here is refused. Where an attempt ends without a result, what is next depends on the
attempts left and on whether cancel was requested; an empty set means that the job is gone."""


def _is_terminal(status: JobStatus) -> bool:
    return all(targets <= {status} for (origin, _), targets in TRANSITIONS.items() if origin is status)


TERMINAL = frozenset(status for status in JobStatus if _is_terminal(status))
"""Statuses that no verb leaves."""
