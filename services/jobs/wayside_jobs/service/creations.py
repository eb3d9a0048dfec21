"""Requests to create jobs, and what they are answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from wayside_events.contracts.jobs import JobCreate, JobTypeSpec
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobMode
from wayside_jobs.domain.creation import Origin, create, start_tracked
from wayside_jobs.domain.documents import ALONE, Document, Kin, assignment_fields, job_document
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.links import resource_link
from wayside_jobs.domain.values import Json
from wayside_jobs.service.tokens import new_token
from wayside_jobs.store import KeyUse, NewJob, UniqueName


class Creation(NamedTuple):
    """A valid request to create a job. `key` is its use of an idempotency key."""

    job_id: EntityId
    wanted: JobCreate
    input: Json
    spec: JobTypeSpec
    origin: Origin
    key: KeyUse | None

    @property
    def place(self) -> tuple[str, str]:
        """The queue and the type."""
        return self.wanted.queue or self.spec.queue, self.wanted.type

    @property
    def is_alone(self) -> bool:
        """Whether to create it means to write one row and its events, and nothing else."""
        wanted = self.wanted
        return self.key is None and wanted.unique_key is None and wanted.parent_id is None

    @property
    def unique(self) -> UniqueName | None:
        """What at most one active job has."""
        wanted = self.wanted
        return UniqueName(wanted.scope, wanted.type, wanted.unique_key) if wanted.unique_key else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A job that was asked for; `is_new` is false when it existed. `assignment` lets a tracked one be run.

    Of a job, or its document as it was told before, one is there. A replay has what the first answer to the same
    idempotency key said.
    """

    job_id: EntityId
    is_new: bool
    is_replay: bool = False
    job: tuple[Job, Json | None] | None = None
    kin: Kin = ALONE
    told: bytes | None = None
    assignment: Document | None = None

    @property
    def document(self) -> bytes:
        """The job as JSON; written when it is asked for, as the answer to a batch does without."""
        if self.told is not None:
            return self.told
        assert self.job is not None
        return job_document(*self.job, self.kin)


def as_told(before: KeyUse) -> Created:
    """The answer that a request got before."""
    return Created(
        job_id=EntityId(before.job_id),
        is_new=before.is_new,
        is_replay=True,
        told=(before.answer or Json("null")).encode(),
    )


class New(NamedTuple):
    """A job as it is told to who asked for it; `started` when it has a runner then."""

    creation: Creation
    change: Change
    token: str | None
    started: Change | None = None

    @property
    def stored(self) -> NewJob:
        """What is written."""
        changes = [self.change] if self.started is None else [self.change, self.started]
        return NewJob(changes, self.creation.input)


def without_echoes(creations: Sequence[Creation]) -> tuple[list[Creation], list[tuple[Creation, Creation]]]:
    """Set the later ones of those with the same idempotency key aside, each with the first."""
    originals: dict[tuple[str, str, str], Creation] = {}
    first, echoes = [], []
    for creation in creations:
        original = creation if creation.key is None else originals.setdefault(creation.key.identity, creation)
        if original is creation:
            first.append(creation)
        else:
            echoes.append((creation, original))
    return first, echoes


def without_rivals(new: Sequence[New]) -> list[New]:
    """The first of those that have a unique key, and all others."""
    seen: set[UniqueName] = set()
    kept = []
    for item in new:
        name = item.creation.unique
        if name not in seen:
            kept.append(item)
        if name is not None:
            seen.add(name)
    return kept


def existing(found: tuple[Job, Json | None], creation: Creation) -> Created:
    """The answer to a request in place of which a job is there."""
    return Created(job_id=found[0].id, is_new=False, job=found, kin=kin_of(found[0], creation))


def begun(creation: Creation, now: datetime) -> New:
    """The job that a request asks for; a tracked one runs at once."""
    change = create(creation.job_id, creation.wanted, creation.spec, creation.origin, now)
    if creation.wanted.mode is JobMode.QUEUED:
        return New(creation, change, None)
    assert creation.wanted.runner is not None
    token, token_hash = new_token()
    return New(creation, start_tracked(change, runner=creation.wanted.runner, token_hash=token_hash), token)


def by_unique_key(item: New) -> tuple[str, str, str]:
    """The order in which all transactions insert jobs."""
    job = item.change.job
    return job.unique_key or "", job.scope, job.type


def answer_to(item: New) -> Created:
    """The answer to a request whose job was inserted."""
    job, job_input = item.change.job, item.creation.input
    assignment = assignment_fields(job, item.token, job_input) if item.token else None
    kin = kin_of(job, item.creation)
    return Created(job_id=job.id, is_new=True, job=(job, job_input), kin=kin, assignment=assignment)


def kin_of(job: Job, creation: Creation) -> Kin:
    """What the document of a job that was asked for says beside its row."""
    template = creation.spec.resource_link
    return Kin(resource=resource_link(template, job)) if template is not None else ALONE
