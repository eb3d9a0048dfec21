"""Parents and children: which jobs may have one more, and how deep and wide a tree may be."""

from dataclasses import dataclass
from typing import Final, Self

from wayside_events.contracts.problems import FieldError
from wayside_events.identifiers import EntityId, ScopeName
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.errors import InvalidJob, ParentEnded
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.states import TERMINAL


@dataclass(frozen=True, slots=True)
class FamilyLimits:
    """How many generations a tree has below its root at most, and how many children a job."""

    depth: int = 20
    children: int = 10_000


DEFAULT_LIMITS: Final = FamilyLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """What of a job matters to its children. `cancel_requested` is true from the request on."""

    id: EntityId
    scope: ScopeName
    root_id: EntityId
    depth: int
    child_count: int
    status: JobStatus
    revision: int
    cancel_requested: bool

    @classmethod
    def of(cls, job: Job) -> Self:
        """See a whole job as a parent."""
        return cls(
            id=job.id,
            scope=job.scope,
            root_id=job.root_id or job.id,
            depth=job.depth,
            child_count=job.child_count,
            status=job.status,
            revision=job.revision,
            cancel_requested=job.cancel is not None,
        )

    @property
    def has_ended(self) -> bool:
        """Whether it is over or about to be: a cascading cancel must not meet new children."""
        return self.cancel_requested or self.status in TERMINAL


def check_child(parent: Parent, limits: FamilyLimits, *, siblings: int) -> None:
    """Raise `ParentEnded` or `InvalidJob` unless a parent with so many children may have one more."""
    if parent.has_ended:
        raise ParentEnded(parent.id, parent.status, revision=parent.revision)
    if parent.depth >= limits.depth:
        raise _over("depth_limit", f"A tree has at most {limits.depth} generations below its root.")
    if siblings >= limits.children:
        raise _over("children_limit", f"A job has at most {limits.children} children.")


def _over(code: str, message: str) -> InvalidJob:
    return InvalidJob(message, errors=[FieldError(field="/parent_id", code=code, message=message)])
