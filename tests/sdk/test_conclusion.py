"""What an ending is reported as, for every reason to stop; pure decisions."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, model_serializer
from tests.sdk.test_reporter import new_attempt

from wayside import ChildCanceled, ChildFailed, Context, InvalidHandler, NonRetryable, ProblemError, Stop
from wayside.errors import error_of
from wayside.worker.conclusion import Ending, Interrupted, Raised, Returned, conclude, failure
from wayside.worker.handlers import JobHandler, job_handler
from wayside_events.contracts.problems import Problem
from wayside_events.jobs import JobError


async def nothing(ctx: Context) -> None:
    pass


async def anything(ctx: Context) -> Any: ...


async def counted(ctx: Context) -> int:
    return 1


HANDLER = job_handler("report", nothing, {})


def reported(ending: Ending, stop: Stop | None = None, handler: JobHandler = HANDLER) -> dict[str, Any]:
    """What is said last of an attempt that ends like this."""
    attempt = new_attempt()
    if stop is not None:
        attempt.stop(stop)
    conclude(attempt, handler, ending)
    last: dict[str, Any] = {}
    while (report := attempt.next_report()) is not None:
        last = report
    return last


@pytest.mark.parametrize(
    ("stop", "kind"),
    [
        (None, "complete"),
        (Stop.SHUTDOWN, "complete"),
        (Stop.TIMEOUT, "complete"),
        (Stop.CANCEL, "complete"),
        (Stop.FENCED, None),
    ],
)
def test_whoever_returns_has_done_the_work(stop: Stop | None, kind: str | None) -> None:
    assert reported(Returned(None), stop).get("kind") == kind


@pytest.mark.parametrize(
    ("stop", "kind"),
    [
        (None, "fail"),
        (Stop.SHUTDOWN, "release"),
        (Stop.TIMEOUT, "fail"),
        (Stop.CANCEL, "acknowledge_cancel"),
        (Stop.FENCED, None),
    ],
)
@pytest.mark.parametrize("ending", [Interrupted(), Raised(ValueError("x"))])
def test_whoever_is_stopped_has_heeded_the_reason(
    ending: Ending, stop: Stop | None, kind: str | None
) -> None:
    assert reported(ending, stop).get("kind") == kind


def test_a_weightier_reason_takes_the_place_of_the_first() -> None:
    attempt = new_attempt()
    told: list[Stop] = []
    attempt.on_stop = told.append
    for stop in (Stop.SHUTDOWN, Stop.CANCEL, Stop.TIMEOUT, Stop.CANCEL, Stop.FENCED, Stop.SHUTDOWN):
        attempt.stop(stop)
    assert told == [Stop.SHUTDOWN, Stop.CANCEL, Stop.FENCED]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "error",
    [
        Unspeakable(),
        ValueError(),
        ValueError("\ud800"),
        ValueError("x" * 20_000),
        NonRetryable("x", code="", details={"what": object(), "n": 2**70}),
        NonRetryable("x", code="c" * 500),
    ],
)
def test_every_exception_can_be_described(error: Exception) -> None:
    described = failure(error)
    assert described.model_dump_json().encode()
    assert described.message


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError


class Unreadable(BaseModel):
    """Its own code fails when it is encoded."""

    @model_serializer
    def encode(self) -> dict[str, object]:
        raise RuntimeError("not now")


def endless() -> list[object]:
    cycle: list[object] = []
    cycle.append(cycle)
    return cycle


def nested() -> list[object]:
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "value",
    [
        b"\xff",
        {"lock": threading.Lock()},
        endless(),
        nested(),
        Unshowable(),
        [Unshowable()],
        "\ud800",
        Unreadable(),
        2**64,
        -(10**300),
        10**5_000,
    ],
    ids=[
        "bytes",
        "lock",
        "cycle",
        "depth",
        "unshowable",
        "unshowable inside",
        "surrogate",
        "own code",
        "65 bits",
        "many bits",
        "many digits",
    ],
)
def test_a_result_that_is_no_json_fails_the_job_for_good_and_says_what_it_is(value: object) -> None:
    error = reported(Returned(value), handler=job_handler("report", anything, {}))["error"]
    assert (error["code"], error["retryable"]) == ("invalid_result", False)
    assert f"a {type(value).__name__}, cannot be encoded as JSON" in error["message"]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (b"abc", "abc"),
        ({3}, [3]),
        (float("nan"), None),
        ((1, 2), [1, 2]),
        ({1: UUID(int=0)}, {"1": str(UUID(int=0))}),
        ([2**64 - 1, 0.1, "1" * 30], [2**64 - 1, 0.1, "1" * 30]),
    ],
)
def test_what_json_has_another_word_for_is_kept_as_that(value: object, result: object) -> None:
    assert reported(Returned(value), handler=job_handler("report", anything, {}))["result"] == result


def test_a_result_of_another_type_that_cannot_be_shown_fails_the_job() -> None:
    error = reported(Returned(Unshowable()), handler=job_handler("report", counted, {}))["error"]
    assert error["code"] == "invalid_result"


def with_three(ctx: Context, one: int, two: int) -> None: ...


def without_any() -> None: ...


def with_unknown(ctx: Context, lock: asyncio.Lock) -> None: ...


@pytest.mark.parametrize("function", [with_three, without_any, with_unknown])
def test_a_function_that_cannot_be_a_handler_is_refused_at_once(function: Any) -> None:
    with pytest.raises(InvalidHandler, match="report"):
        job_handler("report", function, {})


@pytest.mark.parametrize("name", ["Report", "", "a b", "1st"])
def test_a_name_that_is_no_job_type_is_refused_at_once(name: str) -> None:
    with pytest.raises(InvalidHandler):
        job_handler(name, nothing, {})


def refused(status: int) -> ProblemError:
    return error_of(Problem(title="No", status=status, code="no", detail="No."))


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ChildFailed("c", JobError(code="empty", message="no rows", retryable=False)), False),
        (ChildFailed("c", JobError(code="lost", message="gone"), is_lasting=True), False),
        (ChildFailed("c", JobError(code="lost", message="gone")), True),
        (ChildCanceled("c", None, is_lasting=True), False),
        (ChildCanceled("c", None), True),
        *((refused(status), False) for status in (400, 403, 404, 409, 422)),
        *((refused(status), True) for status in (408, 429, 500, 503)),
    ],
)
def test_what_would_be_the_same_in_another_attempt_is_not_retryable(
    error: Exception, *, retryable: bool
) -> None:
    assert failure(error).retryable is retryable
