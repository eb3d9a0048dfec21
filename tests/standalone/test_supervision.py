"""One supervised program, and what happens to its output."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.eventually import eventually

from wayside_standalone.logs import LogFile, tail
from wayside_standalone.process import Command
from wayside_standalone.supervisor import Backoff, Status, Supervisor


class Script:
    """A program that runs a line of Python and is ready when it has printed something."""

    name = "script"
    port = 0
    url = ""

    def __init__(self, line: str, log: Path, stop_seconds: float) -> None:
        self.stop_steps: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, stop_seconds),)
        self._command = Command((sys.executable, "-uc", line))
        self._log = log
        self.broken = False

    def prepare(self) -> None:
        if self.broken:
            raise RuntimeError("not today")

    def command(self) -> Command:
        return self._command

    async def ready(self, pid: int) -> bool:
        return self._log.exists()

    async def alive(self) -> bool:
        return True


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "script.log"


def supervised(line: str, log: Path, *, stop_seconds: float = 20) -> Supervisor:
    backoff = Backoff(first_seconds=0.05, longest_seconds=0.1)
    return Supervisor(Script(line, log, stop_seconds), LogFile(log), environment={}, backoff=backoff)


LAST_WORDS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("x" * 200_000 + "end"))
print("up")
time.sleep(60)
"""


async def test_the_last_words_of_a_program_that_is_stopped_are_in_its_log(log: Path) -> None:
    supervisor = supervised(LAST_WORDS, log)
    supervisor.start()
    assert await supervisor.settled(failures=1, timeout_seconds=20)
    await supervisor.stop()
    assert log.read_text() == "up\n" + "x" * 200_000 + "end\n"
    assert supervisor.status is Status.STOPPED


async def test_a_program_that_ignores_its_signals_is_killed(log: Path) -> None:
    line = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
    supervisor = supervised(line, log, stop_seconds=0.2)
    supervisor.start()
    assert await supervisor.settled(failures=1, timeout_seconds=20)
    await supervisor.stop()
    assert supervisor.pid is None


async def test_a_program_that_ends_is_started_again_and_counted(log: Path) -> None:
    supervisor = supervised("raise SystemExit(3)", log)
    supervisor.start()
    assert not await supervisor.settled(failures=3, timeout_seconds=20)
    assert supervisor.failures == 3
    await supervisor.stop()


async def test_a_program_that_cannot_be_started_is_tried_again(log: Path) -> None:
    supervisor = supervised("import time; print('up'); time.sleep(60)", log)
    program = supervisor.program
    assert isinstance(program, Script)
    program.broken = True
    supervisor.start()
    assert await eventually(lambda: supervisor.failures > 1)
    program.broken = False
    assert await eventually(lambda: supervisor.status is Status.READY)
    await supervisor.stop()


async def test_a_stop_while_it_waits_for_the_next_start_is_the_end(log: Path) -> None:
    supervisor = supervised("raise SystemExit(3)", log)
    supervisor.start()
    assert await eventually(lambda: supervisor.status is Status.WAITING)
    await supervisor.stop()
    assert (supervisor.status, supervisor.pid) == (Status.STOPPED, None)


def test_the_wait_doubles_up_to_a_limit() -> None:
    backoff = Backoff(first_seconds=1, longest_seconds=10)
    for failures, seconds in [(1, 1), (2, 2), (4, 8), (5, 10), (500, 10)]:
        assert 0.9 * seconds <= backoff.delay(failures) <= seconds


def test_a_log_is_rotated_and_old_ones_go(log: Path) -> None:
    file = LogFile(log, max_bytes=10, backups=2)
    for number in range(5):
        file.write(f"line {number}\n".encode())
    assert log.read_text() == "line 4\n"
    assert [path.name for path in sorted(log.parent.iterdir())] == [
        "script.log",
        "script.log.1",
        "script.log.2",
    ]


def test_the_tail_of_a_log_is_its_last_lines(log: Path) -> None:
    log.write_text("".join(f"{number}\n" for number in range(10_000)))
    assert tail(log, lines=3) == "9997\n9998\n9999"
    assert tail(log.with_name("none")) == ""
