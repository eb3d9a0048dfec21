"""What an ending is reported as, for every reason to stop; pure decisions."""

import asyncio
from typing import Any

import pytest
from tests.sdk.test_reporter import new_attempt

from wayside import Context, InvalidHandler, NonRetryable, Stop
from wayside.worker.conclusion import Ending, Interrupted, Raised, Returned, conclude, failure
from wayside.worker.handlers import job_handler


async def nothing(ctx: Context) -> None:
    pass


HANDLER = job_handler("report", nothing, {})


def reported(ending: Ending, stop: Stop | None = None) -> dict[str, Any]:
    """What is said last of an attempt that ends like this."""
    attempt = new_attempt()
    if stop is not None:
        attempt.stop(stop)
    conclude(attempt, HANDLER, ending)
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
