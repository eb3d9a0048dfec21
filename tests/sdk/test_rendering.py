"""How jobs look in a terminal, whatever is in them and however narrow it is."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console
from tests.sdk.test_client import A_JOB

from wayside.cli import rendering
from wayside.cli.times import moment_of, seconds_of, seconds_text
from wayside_events.contracts.jobs import Job
from wayside_events.jobs import Progress

ODD = "copied [/data] to [red]"


def job() -> Job:
    return Job.model_validate(A_JOB).model_copy(update={"progress": Progress(message=ODD), "created_by": ODD})


def shown(what: object, *, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    assert ODD in shown(rendering.jobs_table([job()], 200))
    assert shown(rendering.job_details(job())).count(ODD) == 2


def test_a_live_bar_shows_a_message_as_it_is() -> None:
    with rendering.watching(as_json=False) as show:
        show(job())


def test_an_id_is_whole_in_a_narrow_terminal() -> None:
    assert job().id in shown(rendering.jobs_table([job()], 50), width=50)


def test_in_a_narrow_terminal_progress_is_short_and_every_job_one_line() -> None:
    running = job().model_copy(update={"progress": Progress(percent=45, phase="reading", message=ODD * 9)})
    lines = shown(rendering.jobs_table([running] * 3, 80), width=80).splitlines()
    assert [line.count("45 %") for line in lines] == [0, 1, 1, 1]
    wide = shown(rendering.jobs_table([running] * 3, 120), width=120).splitlines()
    assert (len(wide), "45 % · reading" in wide[1]) == (4, True)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_column_is_lost_however_long_types_and_progress_are(width: int) -> None:
    long = {"type": "customers.import.from_spreadsheet", "progress": Progress(percent=45, message=ODD * 9)}
    table = shown(rendering.jobs_table([job().model_copy(update=long)], width), width=width)
    header, line = table.splitlines()
    assert header.split() == ["id", "type", "status", "progress", "age", *(["took"] if width >= 110 else [])]
    assert all(part in line for part in (job().id, "customers", job().status.value, "45 %"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0421, "42 ms"),
        (0.9999, "1 s"),
        (12.34, "12.3 s"),
        (65, "1 min 5 s"),
        (600, "10 min"),
        (7_260, "2 h 1 min"),
    ],
)
def test_a_duration_is_as_exact_as_it_matters(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_lengths_of_time_and_moments_are_read() -> None:
    assert [seconds_of(text, "--ttl") for text in ("90s", "1.5m", "2h", "7d")] == [90, 90, 7_200, 604_800]
    assert moment_of("2026-12-24T18:00+01:00", "--run-at") == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert moment_of("1h", "--since", past=True) < datetime.now(UTC) < moment_of("1h", "--run-at")
    for text in ("soon", "1w", "2026-13-01"):
        with pytest.raises(ValueError, match="--run-at"):
            moment_of(text, "--run-at")
