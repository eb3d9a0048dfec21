"""Inputs of new jobs against the schemas of their types: little at once on the event loop, more in a thread."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from pydantic import JsonValue

from wayside_jobs.domain.errors import InputTooComplex, InvalidJob
from wayside_jobs.service.registry import JobType
from wayside_jobs.service.schemas import SECONDS_LIMIT

LOOP_BYTES: Final = 8 * 1024
LOOP_SECONDS: Final = 0.02
"""What one request may take of the event loop, on which everybody waits."""

REQUEST_SECONDS: Final = 10.0
"""Processor time for all inputs of one request."""

_THREADS: Final = 2


class GivenInput(NamedTuple):
    """The input of a new job, which takes `size` characters as JSON."""

    job_type: JobType
    value: JsonValue
    size: int


class InputChecker:
    """Checks inputs; those of few requests at once, as threads take turns with the event loop."""

    def __init__(self, *, request_seconds: float = REQUEST_SECONDS) -> None:
        self._request_seconds = request_seconds
        self._threads = asyncio.Semaphore(_THREADS)

    async def refusals(self, inputs: Sequence[GivenInput]) -> Sequence[InvalidJob | None]:
        """Return what is wrong with each input of a request; `InputTooComplex` for those for which no time was left."""
        if sum(given.size for given in inputs if given.job_type.has_schema) <= LOOP_BYTES:
            found = _refusals(inputs, LOOP_SECONDS)
            if not any(isinstance(refusal, InputTooComplex) for refusal in found):
                return found
        async with self._threads:
            return await asyncio.to_thread(_refusals, inputs, self._request_seconds)


def _refusals(inputs: Sequence[GivenInput], seconds: float) -> list[InvalidJob | None]:
    ends_at = time.thread_time() + seconds
    return [_refusal(given, ends_at) if given.job_type.has_schema else None for given in inputs]


def _refusal(given: GivenInput, ends_at: float) -> InvalidJob | None:
    left = ends_at - time.thread_time()
    if left <= 0:
        return InputTooComplex(given.job_type.spec.name)
    try:
        given.job_type.check_input(given.value, seconds=min(left, SECONDS_LIMIT))
    except InvalidJob as refusal:
        return refusal
    return None
