"""Setting up .venv: once, completely, one at a time, and with a clear sentence where it cannot be."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]


def bare_checkout(folder: Path) -> Path:
    """A workspace without distributions and with empty locks, in a folder whose name has a space."""
    root = folder / "a checkout"
    shutil.copytree(
        ROOT / "requirements", root / "requirements", ignore=shutil.ignore_patterns("*.in", "__*")
    )
    for lock in (root / "requirements").glob("*.txt"):
        lock.write_text("")
    (root / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = []\n")
    return root


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that was never set up."""
    return bare_checkout(tmp_path)


@dataclass
class SetUp:
    """A checkout that two set up at the same time, wherever it is now, and what each of them said."""

    checkout: Path
    codes: list[int]
    said: list[str]


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> SetUp:
    """Set up once for all tests: making a .venv takes seconds."""
    checkout = bare_checkout(tmp_path_factory.mktemp("ready"))
    both = [start(checkout, PYTHON=sys.executable) for _ in range(2)]
    said = ["".join(process.communicate(timeout=150)) for process in both]
    return SetUp(checkout, [process.returncode for process in both], said)


@pytest.fixture
def ready(set_up: SetUp) -> Path:
    """A checkout that is set up."""
    assert set_up.codes == [0, 0]
    return set_up.checkout


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with what a bare machine has on its path, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def start(checkout: Path, **environment: str) -> subprocess.Popen[str]:
    """Start the set-up of the `run` set."""
    return subprocess.Popen(
        ["/bin/sh", checkout / "requirements" / "setup.sh", "run"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def setup(checkout: Path, **environment: str) -> tuple[int, str]:
    """Run the set-up, and return its exit code and all it said."""
    process = start(checkout, **environment)
    said = "".join(process.communicate(timeout=150))
    return process.returncode, said


def program(folder: Path, name: str, script: str) -> None:
    """Put a shell script on the path."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_second_run_does_nothing(ready: Path) -> None:
    setup(ready)
    assert setup(ready) == (0, "")


def test_a_changed_lock_is_installed(ready: Path) -> None:
    (ready / "requirements" / "run.txt").write_text("# another lock\n")
    code, said = setup(ready)
    assert code == 0
    assert "Set up .venv" in said


def test_scripts_work_after_a_move(set_up: SetUp) -> None:
    set_up.checkout = moved = set_up.checkout.rename(set_up.checkout.with_name("elsewhere"))
    assert setup(moved)[0] == 0
    subprocess.run([moved / ".venv" / "bin" / "pip", "--version"], check=True, capture_output=True)


def test_a_failed_set_up_is_done_again(ready: Path) -> None:
    (ready / "requirements" / "run.txt").write_text("not a requirement\n")
    assert setup(ready)[0] != 0
    (ready / "requirements" / "run.txt").write_text("")
    assert "Set up .venv" in setup(ready)[1]


def test_of_two_at_once_one_installs_and_the_other_waits(set_up: SetUp) -> None:
    assert set_up.codes == [0, 0]
    assert sum("Set up .venv" in each for each in set_up.said) == 1
    assert sum("Waiting for another make" in each for each in set_up.said) == 1


def test_a_python_that_is_too_old_is_named(checkout: Path, programs: Path) -> None:
    program(programs, "python3", 'case "$2" in *print*) echo "python3 (3.9)";; *) exit 1;; esac')
    code, said = setup(checkout, PATH=str(programs), PYTHON="")
    assert code == 1
    assert "Wayside needs Python 3.11 or newer; found only python3 (3.9)" in said


def test_a_machine_without_python_is_told_so(checkout: Path, programs: Path) -> None:
    code, said = setup(checkout, PATH=str(programs), PYTHON="")
    assert code == 1
    assert "Wayside needs Python 3.11 or newer." in said


def test_a_python_without_venv_is_told_what_to_install(checkout: Path, programs: Path) -> None:
    program(programs, "python3.12", 'case "$2" in *venv*) exit 1;; *) exit 0;; esac')
    code, said = setup(checkout, PATH=str(programs), PYTHON="")
    assert code == 1
    assert "apt install python3-venv" in said
