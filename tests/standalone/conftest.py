"""Fixtures for the stack: stand-ins for the services, and the command line as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
from tests.conftest import copy_tree
from typer.testing import CliRunner, Result

from wayside_standalone.cli import register
from wayside_standalone.credentials import Credentials
from wayside_standalone.parts import StackSettings
from wayside_standalone.postgres import PostgresServer, PostgresSettings
from wayside_standalone.server import wait_until
from wayside_standalone.service import ServiceSpec
from wayside_standalone.supervisor import Backoff

STANDIN = Path(__file__).with_name("standin.py")
MODULE = "import runpy, sys; sys.argv[1:] = ['{name}']; runpy.run_path({path!r}, run_name='__main__')\n"


def standin(name: str, *options: str) -> ServiceSpec:
    """The small real service under the name of a true one."""
    return ServiceSpec(name, (sys.executable, STANDIN, name, *options), needs_database=name != "gateway")


@pytest.fixture(scope="session")
def made_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with an empty database, to be copied: making one is most of a first start."""
    directory = tmp_path_factory.mktemp("made") / "stack"
    directory.mkdir(mode=0o700)
    password = Credentials.load_or_create(directory).superuser_password
    PostgresServer(PostgresSettings(directory / "postgres", password, durable=False)).prepare()
    return directory


@pytest.fixture
def settings(tmp_path: Path, made_before: Path) -> StackSettings:
    """A stack of stand-ins on real servers, quick to start again after a crash."""
    return StackSettings(
        data_dir=copy_tree(made_before, tmp_path / "a stack"),
        durable=False,
        backoff=Backoff(first_seconds=0.1, longest_seconds=0.5),
        services=(standin("jobs"), standin("governance")),
        gateway=standin("gateway"),
    )


@dataclass
class CommandLine:
    """`python -m wayside_standalone` on one data directory, with stand-ins where it looks for the services."""

    data_dir: Path
    modules: Path
    made_before: Path
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def arguments(self, command: str, *options: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "wayside_standalone",
            command,
            "--data-dir",
            str(self.data_dir),
            *options,
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.modules), "COLUMNS": "200"}

    def run(self, command: str, *options: str) -> Result:
        """Run a command that ends by itself, in this process."""
        app = typer.Typer()
        register(app)
        return CliRunner().invoke(app, self.arguments(command, *options)[3:])

    def up(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start a stack and return when it has said that all its parts are ready."""
        if not self.data_dir.exists():
            copy_tree(self.made_before, self.data_dir)
        process = self.up_soon(*options)
        said = "Ctrl-C stops everything."
        assert wait_until(lambda: process.poll() is not None or said in self.said(), seconds=30)
        assert process.poll() is None, self.said()
        return process

    def up_soon(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start a stack and return at once."""
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                self.arguments("up", *options), env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        self.started.append(process)
        return process

    @property
    def output(self) -> Path:
        return self.modules / "output"

    def said(self) -> str:
        """What the last stack has written to its terminal so far."""
        return self.output.read_text()

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.data_dir / "stack.json").read_bytes())
        return state

    def pids(self) -> list[int]:
        return [part["pid"] for part in self.state()["parts"]]


@pytest.fixture
def command_line(tmp_path: Path, made_before: Path) -> Iterator[CommandLine]:
    """The command line; whatever it leaves running is ended after the test."""
    modules = tmp_path / "modules"
    for name in ("jobs", "governance", "gateway"):
        package = modules / f"wayside_{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(MODULE.format(name=name, path=str(STANDIN)))
    command_line = CommandLine(tmp_path / "a stack", modules, made_before)
    yield command_line
    for process in command_line.started:
        if process.poll() is None:
            process.kill()
            process.wait()


def end(process: "subprocess.Popen[bytes]", number: signal.Signals = signal.SIGINT) -> int:
    """Send a signal, wait for the end, and return the exit status."""
    process.send_signal(number)
    return process.wait(30)


def all_gone(pids: list[int], *, seconds: float = 10) -> bool:
    """Whether the processes end within that time; a zombie has ended."""
    return wait_until(lambda: not any(is_alive(pid) for pid in pids), seconds=seconds)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
