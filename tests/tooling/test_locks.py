"""The locks are those of the distributions as they are now, and hold no address; the check sees when not."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("libs", "services", "clients/python", "deploy/standalone", "examples")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the locks and of every pyproject file."""
    for file in [
        ROOT / "pyproject.toml",
        *(f for d in FOLDERS for f in (ROOT / d).glob("**/pyproject.toml")),
    ]:
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def check(workspace: Path) -> tuple[int, str]:
    """Run the check, and return its exit code and what it said."""
    command: list[str | Path] = [sys.executable, workspace / "requirements" / "lock.py", "--check"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return answer.returncode, answer.stdout + answer.stderr


def test_the_locks_are_current(workspace: Path) -> None:
    assert check(workspace) == (0, "")


@pytest.mark.parametrize(
    "line",
    [
        "--" + "index-url https://example.org/packages",
        "-f /wheels",
        "pkg @ https://example.org/pkg.whl",
        "-i file:///x",
    ],
)
def test_an_address_in_a_lock_is_refused(workspace: Path, line: str) -> None:
    with (workspace / "requirements" / "gateway.txt").open("a") as lock:
        lock.write(f"{line}\n")
    code, said = check(workspace)
    assert code == 1
    assert "requirements/gateway.txt holds an address" in said


def test_a_pin_below_what_is_declared_is_refused(workspace: Path) -> None:
    lock = workspace / "requirements" / "jobs.txt"
    lock.write_text(re.sub(r"^aiohttp==\S+", "aiohttp==3.0.0", lock.read_text(), flags=re.MULTILINE))
    code, said = check(workspace)
    assert code == 1
    assert "requirements/jobs.txt does not satisfy aiohttp" in said


def test_a_dependency_that_was_not_locked_is_refused(workspace: Path) -> None:
    file = workspace / "services" / "jobs" / "pyproject.toml"
    file.write_text(file.read_text().replace("dependencies = [", 'dependencies = ["a-new-one>=1",', 1))
    code, said = check(workspace)
    assert code == 1
    assert "requirements/jobs.in is not what" in said


def test_a_name_like_ours_is_never_looked_up_outside(workspace: Path) -> None:
    file = workspace / "services" / "jobs" / "pyproject.toml"
    file.write_text(file.read_text().replace("dependencies = [", 'dependencies = ["wayside-typo",', 1))
    code, said = check(workspace)
    assert code == 1
    assert "no distribution of the workspace has that name" in said


def test_the_gateway_image_has_no_database_driver() -> None:
    assert "\nasyncpg==" in (ROOT / "requirements" / "jobs.txt").read_text()
    assert "asyncpg" not in (ROOT / "requirements" / "gateway.txt").read_text()


def test_every_pin_has_hashes() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        pins = re.findall(r"^[\w.-]+==.*\\\n +--hash=sha256:", lock.read_text(), flags=re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[\w.-]+==", lock.read_text(), flags=re.MULTILINE)) > 0
