"""Workers on the real bus: from a claimed job to its reported ending."""

import asyncio
import threading
from functools import partial

import pytest
from pydantic import BaseModel
from tests.eventually import eventually
from tests.sdk.conftest import serving
from tests.sdk.standin import JobRecord, StandIn

from wayside import Context, InvalidHandler, NonRetryable, Worker
from wayside_events.contracts.problems import Problem
from wayside_events.jobs import JobError


def is_completed(job: JobRecord) -> bool:
    return job.status == "completed"


class Order(BaseModel):
    rows: int


class Report(BaseModel):
    total: int


async def test_a_typed_handler_gets_its_input_and_its_result_is_reported(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context, order: Order) -> Report:
        return Report(total=order.rows * 2)

    async with serving(worker):
        job = await service.enqueue("report", {"rows": 21})
        assert await eventually(lambda: job.status == "completed")
    assert job.ending.result == {"total": 42}


async def test_a_job_type_is_registered_with_its_schemas_and_options(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report", phases=["load", "render"], max_attempts=5, timeout_seconds=600)
    async def report(ctx: Context, order: Order) -> Report:
        """Make a report."""
        return Report(total=0)

    async with serving(worker):
        assert await eventually(lambda: bool(service.registrations))
    (spec,) = service.registrations[0].job_types
    assert (spec.phases, spec.max_attempts, spec.description) == (("load", "render"), 5, "Make a report.")
    assert spec.input_schema is not None
    assert spec.input_schema["required"] == ["rows"]
    assert spec.result_schema is not None


async def test_invalid_input_fails_the_job_for_good_and_names_the_fields(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context, order: Order) -> None:
        raise AssertionError

    async with serving(worker):
        job = await service.enqueue("report", {"rows": "many"})
        assert await eventually(lambda: job.status == "failed")
    assert (job.ending.error.code, job.ending.error.retryable) == ("invalid_input", False)
    assert job.ending.error.details["errors"][0]["field"] == "/input/rows"


async def test_a_plain_function_runs_in_a_thread_of_its_own(service: StandIn, worker: Worker) -> None:
    @worker.job("report")
    def report(ctx: Context) -> bool:
        ctx.progress(10, phase="load")
        return threading.current_thread() is not threading.main_thread()

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "completed")
    assert job.ending.result is True
    assert job.progress == {"percent": 10, "phase": "load"}


async def test_progress_is_coalesced_and_the_last_value_of_each_field_wins(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        ctx.progress(phase="load", total=10_000)
        for row in range(10_000):
            ctx.progress(row / 100, current=row)
            if row % 1_000 == 0:
                await asyncio.sleep(0.01)

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "completed")
    assert job.progress == {"percent": 99.99, "current": 9_999, "total": 10_000, "phase": "load"}
    assert job.kinds.count("progress") < 10


async def test_logs_arrive_in_order_and_before_the_ending(service: StandIn, worker: Worker) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        for line in range(2_500):
            ctx.log.info("a line", number=line)

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "completed")
    assert [entry.context["number"] for entry in job.log_entries] == list(range(2_500))
    assert job.kinds[-1] == "complete"


async def test_an_exception_fails_the_job_and_its_traceback_is_logged(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        raise ValueError("no rows")

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "failed")
    error = job.ending.error
    assert (error.code, error.type, error.message, error.retryable) == (
        "error",
        "ValueError",
        "no rows",
        True,
    )
    assert "in report" in job.log_messages[0]
    assert "execution.py" not in job.log_messages[0]


async def test_a_handler_says_that_another_attempt_makes_no_sense(service: StandIn, worker: Worker) -> None:
    @worker.job("report", non_retryable=(KeyError,))
    async def report(ctx: Context, kind: str) -> None:
        if kind == "key":
            raise KeyError(kind)
        raise NonRetryable("no such customer", code="unknown_customer", details={"id": 7})

    async with serving(worker):
        declared = await service.enqueue("report", "key")
        raised = await service.enqueue("report", "customer")
        assert await eventually(lambda: declared.status == raised.status == "failed")
    assert not declared.ending.error.retryable
    assert (raised.ending.error.code, raised.ending.error.details) == ("unknown_customer", {"id": 7})


async def test_an_unserialisable_result_fails_the_job_and_says_so(service: StandIn, worker: Worker) -> None:
    @worker.job("report")
    async def report(ctx: Context):  # type: ignore[no-untyped-def]
        return {"lock": threading.Lock()}

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "failed")
    assert (job.ending.error.code, job.ending.error.retryable) == ("invalid_result", False)
    assert "lock" in job.ending.error.message


async def test_a_result_of_another_type_than_annotated_fails_the_job(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> Report:
        return {"total": "much"}  # type: ignore[return-value]

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "failed")
    assert "/result/total" in job.ending.error.message


async def test_an_oversized_result_fails_the_job_and_says_so(service: StandIn, worker: Worker) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> str:
        return "x" * 300_000

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "failed")
    assert job.ending.error.code == "result_too_large"
    assert "262,144" in job.ending.error.message


async def test_a_refused_result_fails_the_job_instead_of_leaving_it_running(
    service: StandIn, worker: Worker
) -> None:
    service.refuse["complete"] = Problem(title="x", status=422, code="result_schema", detail="not a report")

    @worker.job("report")
    async def report(ctx: Context) -> int:
        return 1

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "failed")
    assert job.ending.error.code == "result_refused"
    assert "not a report" in job.ending.error.message


async def test_no_more_jobs_run_than_there_are_slots(service: StandIn, worker: Worker) -> None:
    running, most = 0, 0

    @worker.job("report")
    async def report(ctx: Context) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1

    async with serving(worker):
        jobs = [await service.enqueue("report") for _ in range(12)]
        assert await eventually(lambda: all(job.status == "completed" for job in jobs))
    assert most == 2
    assert all(claim.slots <= 2 for claim in service.claims)


async def test_a_free_slot_is_filled_while_the_other_one_is_busy(service: StandIn, worker: Worker) -> None:
    release = asyncio.Event()

    @worker.job("slow")
    async def slow(ctx: Context) -> None:
        await release.wait()

    @worker.job("quick")
    async def quick(ctx: Context) -> None:
        pass

    async with serving(worker):
        await service.enqueue("slow")
        for _ in range(3):
            job = await service.enqueue("quick")
            assert await eventually(partial(is_completed, job), within_seconds=1)
        release.set()


async def test_a_worker_that_shuts_down_takes_nothing_that_comes_meanwhile(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        pass

    async with serving(worker):
        assert await eventually(lambda: bool(service.claims))
    job = await service.enqueue("report")
    assert not await eventually(lambda: job.status != "queued", within_seconds=0.3)


class Abort(BaseException):
    """Some libraries stop their work with one of these."""


@pytest.mark.parametrize(
    "name,kind",
    [("async", Abort), ("thread", Abort), ("thread", GeneratorExit), ("thread", KeyboardInterrupt)],
)
async def test_whatever_a_handler_raises_ends_its_attempt(
    service: StandIn, worker: Worker, name: str, kind: type[BaseException]
) -> None:
    @worker.job("async")
    async def asynchronous(ctx: Context) -> None:
        raise kind("enough")

    @worker.job("thread")
    def threaded(ctx: Context) -> None:
        raise kind("enough")

    async with serving(worker):
        job = await service.enqueue(name)
        assert await eventually(lambda: job.status == "failed")
    assert "enough" in job.ending.error.message


async def test_a_value_whose_own_code_fails_blocks_no_reports(service: StandIn, worker: Worker) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        ctx.progress(10, message=Broken(), current=Broken())  # type: ignore[arg-type]
        ctx.log.info(Broken())  # type: ignore[arg-type]
        await asyncio.sleep(0.2)
        ctx.progress(20)

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "completed", within_seconds=3)
    assert job.progress == {"percent": 20, "message": "(Broken that cannot be shown)"}


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __float__(self) -> float:
        raise RuntimeError("no number")


async def test_a_handler_whose_jobs_go_to_a_queue_that_is_not_served_is_refused(worker: Worker) -> None:
    @worker.job("report", queue="slow")
    async def report(ctx: Context) -> None:
        pass

    with pytest.raises(InvalidHandler, match=r"'report' go to the queue 'slow', .* \(it serves default\)"):
        await worker.serve()


@pytest.mark.parametrize(
    ("last_error", "said"),
    [
        (JobError(code="lost", message="the runner fell silent"), "lost: the runner fell silent"),
        (None, "the last attempt was given back"),
    ],
)
async def test_the_log_says_why_a_job_comes_again(
    service: StandIn, worker: Worker, caplog: pytest.LogCaptureFixture, last_error: JobError | None, said: str
) -> None:
    caplog.set_level("INFO", logger="wayside.worker")

    @worker.job("again")
    async def again(ctx: Context) -> None:
        assert ctx.job.last_error == last_error

    async with serving(worker):
        job = await service.enqueue("again", attempt=1, last_error=last_error)
        assert await eventually(lambda: job.status == "completed")
    assert f"(again) is delivered again, attempt 2 of 3: {said}" in caplog.text
