"""`wayside demo --once` as a user runs it: real servers, services and worker, twice on the same data."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WAYSIDE = Path(sys.executable).with_name("wayside")


def run_demo(data_dir: Path) -> tuple[int, str, dict[str, Any]]:
    arguments = ["--once", "--data-dir", str(data_dir), "--subset", "150"]
    done = subprocess.run(
        [WAYSIDE, "demo", *arguments], capture_output=True, text=True, timeout=150, check=False
    )
    *_, last = done.stdout.splitlines()
    return done.returncode, done.stderr, json.loads(last)


@pytest.mark.long
@pytest.mark.timeout(330)
def test_the_demo_runs_through_and_a_second_run_asks_nothing_twice(tmp_path: Path) -> None:
    status, complaints, first = run_demo(tmp_path)
    assert (status, first["ok"], complaints) == (0, True, "")
    assert first["job_status"] == "completed"
    assert first["edges"] == first["approved"] > 0
    assert first["approved"] + first["rejected"] == 60

    status, complaints, second = run_demo(tmp_path)
    assert (status, second["ok"], complaints) == (0, True, "")
    assert second["suggestions"] == first["suggestions"] - 60
    assert second["recall_at_10"] == first["recall_at_10"]
