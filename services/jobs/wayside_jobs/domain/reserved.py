"""Names that are the service's own: nobody else makes jobs of them, registers them or claims by them."""

from collections.abc import Iterable
from typing import Final

from wayside_events.contracts.jobs import BULK_QUEUE, ClaimRequest, JobCreate, JobTypeSpec, RegisterRequest
from wayside_events.contracts.problems import FieldError, pointer
from wayside_jobs.domain.errors import ReservedName, ReservedQueue

_OWN_TYPES: Final = "wayside."


def check_creation(wanted: JobCreate) -> None:
    """Raise `ReservedName` for a job that the service alone makes."""
    _check([("/type", wanted.type)], [("/queue", wanted.queue)])


def check_type(spec: JobTypeSpec) -> None:
    """Raise `ReservedName` for a type that the service alone registers, or whose jobs nobody could claim."""
    _check([("/name", spec.name)], [("/queue", spec.queue)])


def check_registration(request: RegisterRequest) -> None:
    """Raise `ReservedName` for a runner that says it does the service's own work."""
    specs = list(enumerate(request.job_types))
    _check(
        [
            *((pointer(["job_types", index, "name"]), spec.name) for index, spec in specs),
            *((pointer(["tracked_types", index]), name) for index, name in enumerate(request.tracked_types)),
        ],
        [
            *((pointer(["queues", index]), queue) for index, queue in enumerate(request.queues)),
            *((pointer(["job_types", index, "queue"]), spec.queue) for index, spec in specs),
        ],
    )


def check_claim(request: ClaimRequest) -> None:
    """Raise `ReservedName` for a claim of the service's own work."""
    _check(
        ((f"/job_types/{index}", name) for index, name in enumerate(request.job_types)),
        ((f"/queues/{index}", name) for index, name in enumerate(request.queues)),
    )


def check_queue(name: str) -> None:
    """Raise `ReservedQueue` for the queue of the service's own work: paused, no bulk job would be worked on."""
    if name == BULK_QUEUE:
        raise ReservedQueue(name)


def _check(job_types: Iterable[tuple[str, str]], queues: Iterable[tuple[str, str | None]]) -> None:
    for field, name in job_types:
        if name.startswith(_OWN_TYPES):
            raise _reserved(field, f"Job types that begin with {_OWN_TYPES} are for the service's own work.")
    for field, queue in queues:
        if queue == BULK_QUEUE:
            raise _reserved(field, f"The queue {BULK_QUEUE} is for the service's own work.")


def _reserved(field: str, message: str) -> ReservedName:
    return ReservedName(message, errors=[FieldError(field=field, code="reserved", message=message)])
