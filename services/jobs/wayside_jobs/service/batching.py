"""Batches of jobs to create: each job validated alone, those that are valid created together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from pydantic import JsonValue, ValidationError

from wayside_events.bus import problem_of_validation
from wayside_events.contracts.jobs import BATCH_ITEM, BATCH_ITEMS, BatchItem
from wayside_events.contracts.problems import FieldError, Problem, pointer
from wayside_events.jobs import JobMode
from wayside_jobs.domain.creation import Origin
from wayside_jobs.domain.documents import Document
from wayside_jobs.domain.errors import InvalidJob, JobsError, SimultaneousChange
from wayside_jobs.domain.values import plain_text
from wayside_jobs.service.creating import Creator, Wanted
from wayside_jobs.service.creations import Created
from wayside_jobs.service.statuses import problem_document
from wayside_service.auth import Role, role_needed
from wayside_service.errors import ScopeForbidden, Unavailable

_ERRORS_LIMIT = 2
_MESSAGE_LIMIT = 200
_PASSING = (SimultaneousChange, Unavailable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orderer:
    """Who creates a batch, with which key if any; `may_create` says in which scopes that is allowed."""

    origin: Origin
    idempotency_key: str | None
    may_create: Callable[[str], bool]


class BatchCreator:
    """Creates many jobs at once."""

    def __init__(self, creator: Creator) -> None:
        self._creator = creator

    async def create(self, raw_jobs: Sequence[JsonValue], orderer: Orderer) -> bytes:
        """Create jobs and say what became of each, in their order: `contracts.jobs.CreateManyReply`.

        One of which it is not known whether it was created has a problem of status 503. Raises `Unavailable` when that is so
        of all.
        """
        plain_text(orderer.idempotency_key, "/idempotency_key")
        items = [_admitted(item, orderer.may_create, index) for index, item in enumerate(_items(raw_jobs))]
        wanted = [
            Wanted(item, orderer.origin, _key(item, orderer.idempotency_key, index))
            for index, item in enumerate(items)
            if isinstance(item, BatchItem)
        ]
        made = await self._creator.create_all(wanted)
        _check_any(made, of=len(items))
        answers = iter(made)
        outcomes = [
            _outcome(index, next(answers)) if isinstance(item, BatchItem) else _refusal(index, item)
            for index, item in enumerate(items)
        ]
        return orjson.dumps({"outcomes": outcomes})


def _items(raws: Sequence[JsonValue]) -> Sequence[BatchItem | Problem]:
    """Check all at once; where that fails each alone."""
    try:
        return BATCH_ITEMS.validate_python(raws)
    except ValidationError:
        return [_item(raw, index) for index, raw in enumerate(raws)]


def _item(raw: JsonValue, index: int) -> BatchItem | Problem:
    try:
        return BATCH_ITEM.validate_python(raw)
    except ValidationError as error:
        return problem_of_validation(error, ("jobs", index))


def _admitted(
    item: BatchItem | Problem, may_create: Callable[[str], bool], index: int
) -> BatchItem | Problem:
    """Return the problem of a job that this caller, or a batch, cannot create."""
    if isinstance(item, Problem):
        return item
    if not may_create(item.scope):
        message = role_needed(item.scope, Role.OPERATOR, Role.RUNNER)
        return problem_document(ScopeForbidden(message, field=pointer(["jobs", index, "scope"])))
    if item.mode is JobMode.TRACKED:
        message = "A tracked job is created alone: its answer is the attempt its runner has."
        error = FieldError(field="/mode", code="tracked_in_batch", message=message)
        return _told(InvalidJob(message, errors=[error]), index)
    if item.idempotency_key is not None and "\0" in item.idempotency_key:
        message = "A NUL character is not allowed."
        error = FieldError(field="/idempotency_key", code="null_character", message=message)
        return _told(InvalidJob(message, errors=[error]), index)
    return item


def _key(item: BatchItem, batch_key: str | None, index: int) -> str | None:
    if item.idempotency_key is not None or batch_key is None:
        return item.idempotency_key
    return f"{batch_key}/{index}"


def _outcome(index: int, answer: Created | Exception) -> Document:
    """Write `contracts.jobs.CreateOutcome`."""
    match answer:
        case Created():
            return {
                "index": index,
                "job_id": answer.job_id,
                "created": answer.is_new,
                "replayed": answer.is_replay,
            }
        case _:
            return _refusal(index, _told(answer, index))


def _check_any(answers: Sequence[Created | Exception], *, of: int) -> None:
    """Raise `Unavailable` for a batch of which nothing could be done: its sender may as well repeat it whole."""
    failures = [answer for answer in answers if isinstance(answer, _PASSING)]
    if answers and len(failures) == of:
        raise failures[0] if isinstance(failures[0], Unavailable) else Unavailable(str(failures[0]))


def _told(error: Exception, index: int) -> Problem:
    return problem_document(error.within(pointer(["jobs", index])) if isinstance(error, JobsError) else error)


def _refusal(index: int, problem: Problem) -> Document:
    """With a thousand wrong jobs in a batch the answer must fit a message all the same."""
    errors = tuple(
        error.model_copy(update={"message": error.message[:_MESSAGE_LIMIT]})
        for error in problem.errors[:_ERRORS_LIMIT]
    )
    short = problem.model_copy(update={"detail": problem.detail[:_MESSAGE_LIMIT], "errors": errors})
    told = orjson.Fragment(short.model_dump_json(exclude_none=True))
    return {"index": index, "job_id": None, "created": False, "problem": told}
