"""Creating jobs: validated alone, committed together."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from wayside_events.contracts.jobs import PAYLOAD_LIMIT_BYTES, JobCreate
from wayside_events.identifiers import new_id
from wayside_jobs.domain.creation import Origin, check_mode
from wayside_jobs.domain.errors import JobsError
from wayside_jobs.domain.family import DEFAULT_LIMITS, FamilyLimits
from wayside_jobs.domain.reserved import check_creation
from wayside_jobs.domain.values import json_text, plain_text
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.claiming import ClaimDesk
from wayside_jobs.service.creations import Created, Creation
from wayside_jobs.service.grouping import Group
from wayside_jobs.service.inputs import GivenInput, InputChecker
from wayside_jobs.service.making import Making
from wayside_jobs.service.registry import JobType, JobTypes
from wayside_jobs.store import KeyUse, Store

BATCH_LIMIT = 1_000


class Wanted(NamedTuple):
    """One of several jobs to create."""

    job: JobCreate
    origin: Origin
    idempotency_key: str | None


_Checked = tuple[Creation, JobType] | JobsError
"""A creation that is valid but for its input, with its type; or why it is not."""


class Creator:
    """Creates jobs. Creations that arrive together are one transaction."""

    def __init__(
        self,
        store: Store,
        types: JobTypes,
        announcer: Announcer,
        desk: ClaimDesk,
        *,
        limits: FamilyLimits = DEFAULT_LIMITS,
    ) -> None:
        self._desk = desk
        self._inputs = InputChecker()
        self._limits = limits
        self._store = store
        self._types = types
        self._announcer = announcer
        self.group: Group[Creation, Created] = Group(
            "create",
            self._create_all,
            limit=BATCH_LIMIT,
            size_of=lambda creation: len(creation.input),
            split=without_contradictions,
        )

    async def create(self, wanted: JobCreate, origin: Origin, idempotency_key: str | None = None) -> Created:
        """Create a job, or return the one that has the idempotency key or, being active, the unique key.

        Raises `UnknownJobType`, `ReservedName`, `UnknownParent`, `ParentEnded`, `InvalidJob`, `InvalidValue`, `ValueTooLarge` or
        `IdempotencyConflict`.
        """
        job_type = await self._types.get(wanted.type)
        creation = _checked(wanted, job_type, origin, idempotency_key)
        [refusal] = await self._inputs.refusals([_given(creation, job_type)])
        if refusal is not None:
            raise refusal
        [answer] = await self.group.submit([creation])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def create_all(self, wanted: Sequence[Wanted]) -> list[Created | Exception]:
        """Create jobs as `create` does; returns what became of each. Not all of them are one transaction.

        Raises `Unavailable` while too much waits, or when the type of a job cannot be read.
        """
        types = {name: await self._type(name) for name in {item.job.type for item in wanted}}
        checked = await self._with_inputs([_checked_or_not(item, types) for item in wanted])
        made = iter(await self.group.submit([item[0] for item in checked if isinstance(item, tuple)]))
        return [next(made) if isinstance(item, tuple) else item for item in checked]

    async def _with_inputs(self, items: Sequence[_Checked]) -> list[_Checked]:
        checked = [item for item in items if isinstance(item, tuple)]
        refusals = iter(await self._inputs.refusals([_given(*item) for item in checked]))
        return [(next(refusals) or item) if isinstance(item, tuple) else item for item in items]

    async def _type(self, name: str) -> JobType | JobsError:
        try:
            return await self._types.get(name)
        except JobsError as error:
            return error

    async def _create_all(self, creations: Sequence[Creation]) -> list[Created | Exception]:
        """Create jobs in one transaction; those with the same idempotency key are the same request."""
        await self._desk.looked(creation.place for creation in creations)
        are_alone = all(creation.is_alone for creation in creations)
        making = None
        try:
            async with self._store.statement() if are_alone else self._store.transaction() as unit:
                making = Making(unit, self._desk, self._limits)
                answers = await making.run(creations)
                if are_alone:
                    await making.keep()
            await making.keep()
        finally:
            if making is not None:
                making.promise.put_back()
        handed_over = {job.id for job in making.claimed}
        self._announcer.committed(making.changes, handed_over=handed_over)
        if making.claimed:
            self._announcer.claimed(making.claimed)
        return [answers[creation.job_id] for creation in creations]


def _checked(wanted: JobCreate, job_type: JobType, origin: Origin, key: str | None) -> Creation:
    """Check all that can be checked without the other jobs, but the input."""
    check_mode(wanted)
    check_creation(wanted)
    _check_texts(wanted)
    job_input = json_text(wanted.input, "/input", PAYLOAD_LIMIT_BYTES)
    job_id = new_id()
    use = None
    if key is not None:
        request_hash = _request_hash(wanted)
        use = KeyUse(wanted.scope, origin.created_by, key, request_hash, job_id, parent_id=wanted.parent_id)
    return Creation(job_id, wanted, job_input, job_type.spec, origin, use)


def _checked_or_not(item: Wanted, types: Mapping[str, JobType | JobsError]) -> _Checked:
    job_type = types[item.job.type]
    if isinstance(job_type, JobsError):
        return job_type
    try:
        return _checked(item.job, job_type, item.origin, item.idempotency_key), job_type
    except JobsError as error:
        return error


def _given(creation: Creation, job_type: JobType) -> GivenInput:
    return GivenInput(job_type, creation.wanted.input, len(creation.input))


def without_contradictions(creations: Sequence[Creation]) -> list[list[Creation]]:
    """Split into runs in which the creations with one idempotency key are the same request."""
    runs: list[list[Creation]] = [[]]
    asked: dict[tuple[str, str, str], bytes] = {}
    for creation in creations:
        if (use := creation.key) is not None:
            if asked.get(use.identity, use.request_hash) != use.request_hash:
                runs.append([])
                asked.clear()
            asked[use.identity] = use.request_hash
        runs[-1].append(creation)
    return runs


def _check_texts(wanted: JobCreate) -> None:
    plain_text(wanted.unique_key, "/unique_key")
    plain_text(wanted.session_id, "/session_id")
    plain_text(wanted.origin, "/origin")
    if wanted.related is not None:
        plain_text(wanted.related.type, "/related/type")
        plain_text(wanted.related.id, "/related/id")


def _request_hash(wanted: JobCreate) -> bytes:
    return hashlib.sha256(
        orjson.dumps(wanted.model_dump(mode="json", exclude={"idempotency_key"}), option=orjson.OPT_SORT_KEYS)
    ).digest()
