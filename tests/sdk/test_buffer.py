"""What one attempt has to say: merged, ordered, bounded, within the contract's limits."""

import math
from typing import Any

import orjson
import pytest

from wayside.progress import Operation
from wayside.reporting.attempt import Attempt
from wayside.reporting.buffer import LOG_REPORT_BYTES, AttemptBuffer, Report
from wayside.reporting.encoding import NotJson, TooLarge, json_value, log_line, plain, size_of
from wayside_events.contracts.jobs import REPORT, LogReport, ProgressReport
from wayside_events.jobs import LogLevel

IDENTITY = {"job_id": "0198c0de-0000-7000-8000-000000000001", "attempt": 1, "token": "t", "seq": 1}


def popped(buffer: AttemptBuffer) -> list[Report]:
    reports = []
    while (report := buffer.pop()) is not None:
        reports.append(report)
    return reports


def test_logs_come_before_progress_and_both_before_the_ending() -> None:
    buffer = AttemptBuffer()
    buffer.progress({"percent": 10})
    buffer.log(log_line(LogLevel.INFO, "a line", {}))
    buffer.finish({"kind": "release"})
    assert [report["kind"] for report in popped(buffer)] == ["log", "progress", "release"]


def test_only_the_first_ending_counts_and_nothing_is_taken_in_after_it() -> None:
    buffer = AttemptBuffer()
    assert buffer.finish({"kind": "release"})
    assert not buffer.finish({"kind": "complete"})
    buffer.progress({"percent": 10})
    buffer.log(log_line(LogLevel.INFO, "late", {}))
    assert popped(buffer) == [{"kind": "release"}]


def test_too_many_log_lines_push_out_the_oldest_and_that_is_said() -> None:
    buffer = AttemptBuffer(log_lines=3)
    for number in range(5):
        buffer.log(log_line(LogLevel.INFO, str(number), {}))
    (report,) = popped(buffer)
    parsed = REPORT.validate_python(IDENTITY | report)
    assert isinstance(parsed, LogReport)
    assert [entry.message for entry in parsed.entries[1:]] == ["2", "3", "4"]
    assert (parsed.dropped, parsed.entries[0].context) == (2, {"dropped": 2})


def test_too_many_bytes_of_log_push_out_the_oldest_and_that_is_said() -> None:
    buffer = AttemptBuffer(log_bytes=10_000)
    for number in range(30):
        buffer.log(log_line(LogLevel.INFO, str(number), {"text": "x" * 1_000}))
    (report,) = popped(buffer)
    parsed = REPORT.validate_python(IDENTITY | report)
    assert isinstance(parsed, LogReport)
    assert [entry.message for entry in parsed.entries[-2:]] == ["28", "29"]
    assert parsed.entries[0].context == {"dropped": 30 - len(parsed.entries[1:])}
    assert len(parsed.entries) < 11


def test_long_log_lines_are_split_into_reports_of_bounded_size() -> None:
    buffer = AttemptBuffer()
    for _ in range(100):
        buffer.log(log_line(LogLevel.INFO, "x" * 20_000, {}))
    reports = popped(buffer)
    assert len(reports) > 10
    assert all(size_of(report) < LOG_REPORT_BYTES + 100 for report in reports)


class Odd:
    def __str__(self) -> str:
        return "odd"


@pytest.mark.parametrize(
    ("context", "kept"),
    [
        ({"rows": 3, "ok": True}, {"rows": 3, "ok": True}),
        ({"thing": Odd(), "error": ValueError("no")}, {"thing": "odd", "error": "no"}),
        ({"many": [1, Odd()]}, {"many": [1, "odd"]}),
    ],
)
def test_whatever_is_logged_as_context_becomes_json(context: dict[str, Any], kept: dict[str, Any]) -> None:
    assert log_line(LogLevel.INFO, "x", context).to_json()["context"] == kept


@pytest.mark.parametrize("context", [{"n": 2**70}, {"text": "\ud800"}, {"blob": "x" * 20_000}])
def test_context_that_cannot_be_sent_is_replaced_by_the_reason(context: dict[str, Any]) -> None:
    buffer = AttemptBuffer()
    buffer.log(log_line(LogLevel.INFO, "\ud800", context))
    (report,) = popped(buffer)
    parsed = REPORT.validate_python(IDENTITY | report)
    assert isinstance(parsed, LogReport)
    assert "left_out" in parsed.entries[0].context


@pytest.mark.parametrize(
    ("said", "reported"),
    [
        ({"percent": 120}, {"percent": 100}),
        ({"percent": -1}, {"percent": 0}),
        ({"percent": math.nan, "current": math.inf, "total": -3}, {"total": 0}),
        ({"current": "many", "percent": 2**2000}, {}),
        ({"message": "x" * 3_000}, {"message": "x" * 1_999 + "…"}),
        ({"phase": "\ud800", "unit": 7}, {"phase": "?", "unit": "7"}),
    ],
)
def test_progress_is_brought_within_the_limits_whatever_a_handler_says(
    said: dict[str, Any], reported: dict[str, Any]
) -> None:
    attempt = Attempt()
    Operation(attempt).progress(**said)
    (report,) = popped(attempt.buffer)
    parsed = REPORT.validate_python(IDENTITY | report)
    assert isinstance(parsed, ProgressReport)
    assert parsed.progress.model_dump(exclude_none=True) == reported


def test_a_field_left_out_or_none_keeps_its_last_value() -> None:
    attempt = Attempt()
    operation = Operation(attempt)
    operation.progress(10, phase="load", message="one")
    operation.progress(phase=None, message="two")
    (report,) = popped(attempt.buffer)
    assert report["progress"] == {"percent": 10, "phase": "load", "message": "two"}


def test_iterating_counts_items_and_fills_its_part_of_the_percentage() -> None:
    attempt = Attempt()
    seen = []
    for item in Operation(attempt).iterate("abcd", unit="letters", percent=(20, 60)):
        seen.append((item, attempt.buffer._progress))
        attempt.buffer.pop()
    (last,) = popped(attempt.buffer)
    assert [progress["percent"] for _, progress in seen if progress] == [20, 30, 40, 50]
    assert last["progress"] == {"percent": 60, "current": 4}


def test_a_partial_result_that_is_no_json_is_left_out_and_logged() -> None:
    attempt = Attempt()
    Operation(attempt).progress(10, partial=object())
    log, progress = popped(attempt.buffer)
    assert "partial" not in progress
    assert log["kind"] == "log"


@pytest.mark.parametrize("value", [object(), {1: object()}, {"a": {"b": object()}}, "\ud800"])
def test_what_is_no_json_is_refused_with_its_name(value: object) -> None:
    with pytest.raises(NotJson, match="the result"):
        json_value(value, "result")


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    value: object = 1
    for _ in range(300):
        value = [value]
    with pytest.raises(NotJson):
        json_value(value, "result")


def test_a_misspelt_field_of_the_progress_is_an_error_at_once() -> None:
    with pytest.raises(TypeError, match="mesage"):
        Operation(Attempt()).progress(10, mesage="x")  # type: ignore[call-arg]


def test_a_recursive_value_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(NotJson):
        json_value(value, "result")


def test_a_value_over_the_limit_is_refused_with_its_size() -> None:
    with pytest.raises(TooLarge, match=r"262,146 bytes .* limit is 262,144"):
        json_value("x" * (256 * 1024), "result")


def test_a_null_character_spoils_no_report() -> None:
    buffer = AttemptBuffer()
    buffer.log(log_line(LogLevel.INFO, "a\0b", {"raw": "c\0d", "deep": {"e\0": 1}}))
    buffer.progress({"message": "\0"})
    written = b"".join(orjson.dumps(report) for report in popped(buffer))
    assert b"\\u0000" not in written
    assert "a\ufffdb".encode() in written


def test_metrics_and_details_may_have_keys_that_are_no_text() -> None:
    buffer = AttemptBuffer()
    buffer.finish({"kind": "complete", "result": None, "metrics": plain({1: "one", "two": 2})})  # type: ignore[dict-item]
    (report,) = popped(buffer)
    assert report["metrics"] == {"1": "one", "two": 2}
