"""Ordinary log lines of a handler, on its job."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from tests.eventually import eventually
from tests.sdk.conftest import QUICK, serving
from tests.sdk.standin import StandIn

from wayside import Context, JobLogHandler, Worker, current_job, log_processor
from wayside.current import enter, leave
from wayside.logs import capture_level
from wayside.progress import Operation
from wayside.reporting.attempt import Attempt
from wayside_events.bus import BusSettings

product = logging.getLogger("product.imports")


@pytest.fixture
def attempt() -> Iterator[Attempt]:
    """The attempt that this test works for."""
    attempt = Attempt()
    token = enter(Operation(attempt))
    yield attempt
    leave(token)


@pytest.fixture
def captured() -> Iterator[JobLogHandler]:
    handler = JobLogHandler()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


def lines(attempt: Attempt) -> list[Any]:
    report = attempt.buffer.pop()
    return [] if report is None else list(report["entries"])  # type: ignore[arg-type]


@pytest.mark.usefixtures("captured")
def test_a_record_is_an_entry_with_its_level_logger_and_fields(attempt: Attempt) -> None:
    product.warning("%d rows left", 3, extra={"table": "orders", "at": object})
    (line,) = lines(attempt)
    assert (line["level"], line["message"]) == ("warning", "3 rows left")
    assert line["context"] == {"logger": "product.imports", "table": "orders", "at": "<class 'object'>"}


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize(
    ("level", "kept"), [(5, "debug"), (10, "debug"), (25, "info"), (30, "warning"), (50, "error")]
)
def test_levels_in_between_become_the_lower_one(attempt: Attempt, level: int, kept: str) -> None:
    logging.getLogger().setLevel(1)
    product.log(level, "x")
    assert [line["level"] for line in lines(attempt)] == [kept]


@pytest.mark.usefixtures("captured")
def test_an_exception_is_logged_with_its_traceback(attempt: Attempt) -> None:
    try:
        int("no number")
    except ValueError:
        product.exception("import failed")
    (line,) = lines(attempt)
    assert line["message"].startswith("import failed\nTraceback")
    assert line["message"].endswith("ValueError: invalid literal for int() with base 10: 'no number'")


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize("name", ["wayside.runner", "wayside.bus", "nats.aio.client", "asyncio"])
def test_what_the_sdk_logs_itself_is_not_about_the_job(attempt: Attempt, name: str) -> None:
    logging.getLogger(name).warning("disconnected")
    assert lines(attempt) == []


@pytest.mark.usefixtures("captured")
def test_nothing_is_taken_in_outside_of_a_job() -> None:
    product.warning("outside")
    assert current_job() is None


class Chatty:
    """Its text logs, as lazy objects of some libraries do."""

    def __str__(self) -> str:
        product.warning("being shown")
        return "chatty"


@pytest.mark.usefixtures("captured")
def test_a_value_that_logs_when_it_is_shown_does_not_recurse(attempt: Attempt) -> None:
    product.warning("x", extra={"thing": Chatty()})
    assert [line["message"] for line in lines(attempt)] == ["x"]


@pytest.mark.usefixtures("captured")
def test_an_abandoned_handler_may_log_in_vain(attempt: Attempt) -> None:
    attempt.is_abandoned = True
    product.warning("still here")
    assert lines(attempt) == []


def test_a_structlog_event_is_an_entry_and_goes_on_unchanged(attempt: Attempt) -> None:
    passed: list[dict[str, Any]] = []

    def keep(_: object, __: str, event: Any) -> Any:
        passed.append(dict(event))
        raise structlog.DropEvent

    log = structlog.wrap_logger(None, [structlog.processors.add_log_level, log_processor, keep], user=7)
    log.warning("left", rows=3)
    (line,) = lines(attempt)
    assert (line["level"], line["message"], line["context"]) == ("warning", "left", {"user": 7, "rows": 3})
    assert passed == [{"event": "left", "level": "warning", "rows": 3, "user": 7}]


def test_an_exception_of_structlog_is_logged_with_its_traceback(attempt: Attempt) -> None:
    try:
        int("no number")
    except ValueError:
        log_processor(None, "exception", {"event": "failed", "exc_info": True})
    (line,) = lines(attempt)
    assert (
        line["level"],
        line["message"].endswith("ValueError: invalid literal for int() with base 10: 'no number'"),
    ) == ("error", True)


@pytest.mark.usefixtures("captured")
def test_a_structlog_event_that_goes_through_logging_is_read_as_one(attempt: Attempt) -> None:
    product.info({"event": "loaded", "rows": 3, "_record": None, "level": "info"})
    (line,) = lines(attempt)
    assert (line["message"], line["context"]) == ("loaded", {"logger": "product.imports", "rows": 3})


@pytest.mark.parametrize(("wanted", "level"), [(True, 20), (False, None), (10, 10), ("warning", 30)])
def test_a_worker_captures_from_the_level_it_is_told(wanted: bool | int | str, level: int | None) -> None:
    assert capture_level(wanted) == level


def test_a_worker_is_told_that_a_level_does_not_exist() -> None:
    with pytest.raises(ValueError, match="loud"):
        Worker(capture_logs="loud")


async def test_tasks_and_threads_of_handlers_log_on_the_job_they_belong_to(
    service: StandIn, nats_url: str
) -> None:
    worker = Worker(slots=3, nats=BusSettings(url=nats_url), patience=QUICK, capture_logs="warning")

    @worker.job("async")
    async def asynchronous(ctx: Context) -> None:
        product.warning("begun")
        await asyncio.create_task(asyncio.to_thread(product.warning, "in a thread of %s", ctx.job_id))

    @worker.job("thread")
    def threaded(ctx: Context) -> None:
        product.warning("in %s of %s", threading.current_thread().name[:3], ctx.job_id)
        product.info("not this")

    async with serving(worker):
        jobs = [await service.enqueue(name) for name in ("async", "thread", "async")]
        assert await eventually(lambda: all(job.status == "completed" for job in jobs))
    assert jobs[0].log_messages == ["begun", f"in a thread of {jobs[0].id}"]
    assert jobs[1].log_messages == [f"in job of {jobs[1].id}"]
    assert jobs[2].log_messages == ["begun", f"in a thread of {jobs[2].id}"]
    assert not any(isinstance(handler, JobLogHandler) for handler in logging.getLogger().handlers)
