"""What a killed run leaves behind: no process, and nothing that hinders the next start."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.standalone.conftest import CommandLine, all_gone, end

from wayside_standalone.account import DAC_READ_SEARCH
from wayside_standalone.lock import DirectoryLock, holder
from wayside_standalone.parts import StackSettings
from wayside_standalone.postgres import PostgresServer, PostgresSettings
from wayside_standalone.process import Command, Identity, spawn
from wayside_standalone.server import wait_until
from wayside_standalone.stack import MARK, Stack

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")


@linux_only
def test_kill_9_of_the_supervisor_leaves_no_process_and_the_next_start_works(
    command_line: CommandLine,
) -> None:
    process = command_line.up()
    parts = command_line.pids()
    descendants = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    process.wait()
    assert len(parts) == 5
    assert all_gone([*parts, *descendants])
    assert end(command_line.up()) == 0


@linux_only
def test_a_child_that_starts_while_its_parent_dies_does_not_survive() -> None:
    command = Command(("/bin/sleep", "60"))
    wrapped = command.wrapped()
    wrapped[wrapped.index(str(os.getpid()))] = "1"
    assert subprocess.run(wrapped, capture_output=True, check=False, timeout=10).returncode == 1


async def test_processes_that_a_killed_stack_left_behind_are_ended(settings: StackSettings) -> None:
    orphan = subprocess.Popen(["/bin/sleep", "60"], env={MARK: str(settings.data_dir)})
    stranger = subprocess.Popen(["/bin/sleep", "60"], env={MARK: str(settings.data_dir) + "2"})
    try:
        async with Stack(settings):
            orphan.wait(5)
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_stale_lock_with_the_pid_of_a_living_process_is_no_hindrance(settings: StackSettings) -> None:
    (settings.data_dir / "stack.lock").write_text(f"{os.getppid()}\n")
    (settings.data_dir / "stack.json").write_text("half a docu")
    async with Stack(settings) as stack:
        assert len(stack.parts) == 5


@pytest.mark.parametrize("pid", [1, 2**22 - 1])
def test_a_stale_postmaster_pid_is_no_hindrance(tmp_path: Path, pid: int) -> None:
    server = PostgresServer(PostgresSettings(tmp_path / "data", "p", durable=False))
    with server:
        text = (tmp_path / "data" / "postmaster.pid").read_text()
    (tmp_path / "data" / "postmaster.pid").write_text(text.replace(text.splitlines()[0], str(pid), 1))
    with server:
        server.execute("SELECT 1")


def test_a_postgres_that_still_runs_on_the_data_is_ended(tmp_path: Path) -> None:
    settings = PostgresSettings(tmp_path / "data", "p", durable=False)
    with PostgresServer(settings) as left_behind, PostgresServer(settings) as server:
        assert not left_behind.is_running
        server.execute("SELECT 1")


def test_an_interrupted_initdb_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18")
    with PostgresServer(PostgresSettings(tmp_path / "data", "p", durable=False)) as server:
        server.execute("SELECT 1")


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_can_run_a_stack(command_line: CommandLine) -> None:
    """Run as nobody, who keeps the one right to read the interpreter wherever root has put it."""
    nobody = 65534
    os.chown(command_line.data_dir.parent, nobody, nobody)
    identity = Identity(nobody, nobody, DAC_READ_SEARCH)
    command = Command(command_line.arguments("up"), command_line.environment, identity=identity)
    with command_line.output.open("wb") as output:
        process = spawn(command, output)
    assert wait_until(lambda: "Ctrl-C stops everything." in command_line.said(), seconds=30)
    assert {psutil.Process(pid).uids().real for pid in command_line.pids()} == {nobody}
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_two_who_look_do_not_take_each_other_for_a_running_stack(tmp_path: Path) -> None:
    lock = tmp_path / "stack.lock"
    lock.write_text(f"{os.getpid()}\n")
    with lock.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert holder(tmp_path) is None
    with DirectoryLock(tmp_path):
        assert holder(tmp_path) == os.getpid()
