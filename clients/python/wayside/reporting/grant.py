"""An attempt as the jobs service granted it, read as cheaply as possible: most of a job is never looked at."""

from typing import Any, NotRequired

from pydantic import AwareDatetime, TypeAdapter
from typing_extensions import TypedDict

from wayside_events.contracts.jobs import AssignedJob, Assignment
from wayside_events.identifiers import EntityId, ScopeName
from wayside_events.jobs import JobError, Related


class JobFields(TypedDict):
    """What `AssignedJob` has. The ids are what the service made them: only it could have made them wrong."""

    id: EntityId
    scope: ScopeName
    type: str
    input: NotRequired[Any]
    queue: str
    priority: int
    max_attempts: int
    session_id: NotRequired[str | None]
    related: NotRequired[Related | None]
    parent_id: NotRequired[EntityId | None]
    root_id: NotRequired[EntityId | None]
    created_by: str
    created_at: AwareDatetime
    traceparent: NotRequired[str | None]
    last_error: NotRequired[JobError | None]


class AssignmentFields(TypedDict):
    """What `Assignment` has."""

    job: JobFields
    attempt: int
    token: str
    lease_seconds: float
    timeout_seconds: NotRequired[float | None]
    cancel_grace_seconds: NotRequired[float]


class ClaimFields(TypedDict):
    """What `ClaimReply` has."""

    assignments: list[AssignmentFields]


_CLAIM_REPLY: TypeAdapter[ClaimFields] = TypeAdapter(ClaimFields)
_CANCEL_GRACE_SECONDS = float(Assignment.model_fields["cancel_grace_seconds"].default)


class Grant:
    """One attempt given to this runner. `key` is the job's id and the number of the attempt."""

    __slots__ = (
        "_fields",
        "_job",
        "attempt",
        "cancel_grace_seconds",
        "job_id",
        "job_type",
        "key",
        "lease_seconds",
        "timeout_seconds",
        "token",
    )

    def __init__(self, fields: AssignmentFields) -> None:
        self._fields = fields["job"]
        self._job: AssignedJob | None = None
        self.job_id = self._fields["id"]
        self.job_type = self._fields["type"]
        self.attempt = fields["attempt"]
        self.key = (self.job_id, self.attempt)
        self.token = fields["token"]
        self.lease_seconds = fields["lease_seconds"]
        self.timeout_seconds = fields.get("timeout_seconds")
        self.cancel_grace_seconds = fields.get("cancel_grace_seconds", _CANCEL_GRACE_SECONDS)

    @classmethod
    def of(cls, assignment: Assignment) -> "Grant":
        """Make a grant of an assignment that was read in full."""
        fields = dict(assignment) | {"job": dict(assignment.job)}
        return cls(fields)  # type: ignore[arg-type]

    @property
    def input(self) -> Any:  # noqa: ANN401 - JSON
        """The job's input."""
        return self._fields.get("input")

    @property
    def job(self) -> AssignedJob:
        """All that is known of the job."""
        if self._job is None:
            self._job = AssignedJob.model_construct(**self._fields)
        return self._job


def grants_in(reply: bytes) -> list[Grant]:
    """Read the answer to a claim; raises `ValidationError`."""
    return [Grant(fields) for fields in _CLAIM_REPLY.validate_json(reply)["assignments"]]
