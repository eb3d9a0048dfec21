"""The commands as a person at a terminal uses them."""

import json
import signal
import time
from datetime import timedelta

import pytest
from tests.standalone.conftest import CommandLine, all_gone, end

from wayside_service.auth import Role, SharedSecret, TokenVerifier
from wayside_standalone.commands import parse_ttl
from wayside_standalone.credentials import Credentials
from wayside_standalone.errors import InvalidTtl
from wayside_standalone.lock import DirectoryLock
from wayside_standalone.server import wait_until
from wayside_standalone.terminal import plain_line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_says_how_to_get_in_and_one_signal_stops_everything_within_seconds(
    command_line: CommandLine, number: signal.Signals
) -> None:
    process = command_line.up()
    pids, gateway = command_line.pids(), command_line.state()["parts"][-1]["url"]
    began = time.monotonic()
    assert end(process, number) == 0
    assert time.monotonic() - began < 10
    assert all_gone(pids, seconds=0)
    output = command_line.said()
    assert f"{gateway}/v1/jobs" in output
    assert "eyJ" in output
    assert str(command_line.data_dir / "logs") in output
    assert output.rstrip().endswith("Stopped.")


def test_a_signal_while_the_stack_starts_stops_it_too(command_line: CommandLine) -> None:
    process = command_line.up_soon()
    assert wait_until((command_line.data_dir / "stack.json").exists, seconds=30)
    assert end(process) == 0
    assert command_line.said().rstrip().endswith("Stopped.")
    assert not (command_line.data_dir / "postgres" / "postmaster.pid").exists()


def test_a_second_signal_does_not_wait_for_a_service_that_does_not_stop(command_line: CommandLine) -> None:
    main = command_line.modules / "wayside_jobs" / "__main__.py"
    main.write_text(main.read_text().replace("['jobs']", "['jobs', 'deaf']"))
    process = command_line.up()
    process.send_signal(signal.SIGINT)
    gateway = command_line.pids()[-1]
    assert all_gone([gateway])
    began = time.monotonic()
    end(process)
    assert time.monotonic() - began < 6


def test_other_commands_find_the_running_stack(command_line: CommandLine) -> None:
    process = command_line.up()
    answer = command_line.run("status", "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["pid"]) == (0, process.pid)
    answer = command_line.run("env")
    lines = dict(line.removeprefix("export ").split("=", 1) for line in answer.stdout.splitlines())
    assert lines["WAYSIDE_URL"] == command_line.state()["parts"][-1]["url"]
    assert lines["WAYSIDE_NATS_USER"] == "runner"
    assert all(lines.values())
    answer = command_line.run("up")
    assert answer.exit_code == 1
    assert answer.stderr.startswith(f"wayside: process {process.pid} already runs a stack on")
    assert command_line.run("down").exit_code == 0
    assert process.wait(5) == 0


@pytest.mark.parametrize("command,status", [("down", 1), ("status", 3), ("token", 1), ("env", 1)])
def test_without_a_stack_they_say_how_to_start_one(
    command_line: CommandLine, command: str, status: int
) -> None:
    answer = command_line.run(command)
    assert (answer.exit_code, answer.stdout) == (status, "")
    assert answer.stderr.rstrip().endswith("start one with: wayside up")


def test_up_shows_the_log_of_a_service_that_keeps_failing_and_runs_on(command_line: CommandLine) -> None:
    (command_line.modules / "wayside_jobs" / "__main__.py").write_text("raise SystemExit('no such table')")
    process = command_line.up()
    assert end(process) == 0
    assert "jobs keeps failing" in command_line.said()
    assert "no such table" in command_line.said()


@pytest.mark.parametrize("command", ["up", "down", "status", "token", "env"])
def test_a_data_directory_that_cannot_be_used_is_one_sentence(
    command_line: CommandLine, command: str
) -> None:
    command_line.data_dir.touch()
    command_line.data_dir = command_line.data_dir / "within a file"
    answer = command_line.run(command)
    assert answer.exit_code in (1, 3)
    assert isinstance(answer.exception, SystemExit)
    assert answer.stderr.startswith("wayside: ")


def test_a_state_or_secrets_that_cannot_be_read_are_said_without_what_is_in_them(
    command_line: CommandLine,
) -> None:
    command_line.data_dir.mkdir()
    (command_line.data_dir / "secrets.json").write_text('{"jwt_secret": ["hush"]}')
    (command_line.data_dir / "stack.json").write_text("")
    with DirectoryLock(command_line.data_dir):
        for command, file in [("status", "stack.json"), ("env", "stack.json"), ("token", "secrets.json")]:
            answer = command_line.run(command)
            assert (answer.exit_code, isinstance(answer.exception, SystemExit)) == (1, True)
            assert f"{file} " in answer.stderr
            assert "hush" not in answer.stderr


def test_a_port_that_cannot_be_is_a_usage_error(command_line: CommandLine) -> None:
    assert command_line.run("up", "--port", "65536").exit_code == 2


async def test_token_prints_a_token_that_the_services_accept_and_nothing_else(
    command_line: CommandLine,
) -> None:
    command_line.data_dir.mkdir()
    secret = Credentials.load_or_create(command_line.data_dir).jwt_secret
    answer = command_line.run(
        "token", "--scope", "demo", "--role", "viewer", "--subject", "ann", "--ttl", "5m"
    )
    verifier = TokenVerifier(SharedSecret(secret), issuer="wayside", audience="wayside")
    principal = await verifier.verify(answer.stdout.removesuffix("\n"))
    assert (principal.subject, dict(principal.grants)) == ("ann", {"demo": frozenset({Role.VIEWER})})


def test_an_unknown_role_is_refused(command_line: CommandLine) -> None:
    command_line.data_dir.mkdir()
    Credentials.load_or_create(command_line.data_dir)
    answer = command_line.run("token", "--role", "god")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "'god' is not a role" in answer.stderr


@pytest.mark.parametrize(
    "text,length",
    [("90s", timedelta(seconds=90)), ("12h", timedelta(hours=12)), ("7d", timedelta(days=7))],
)
def test_a_time_to_live_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert parse_ttl(text) == length


@pytest.mark.parametrize("text", ["", "12", "0h", "-1h", "1.5h", "h", "12 h", "9999999d", "1w"])
def test_any_other_time_to_live_is_refused(text: str) -> None:
    with pytest.raises(InvalidTtl):
        parse_ttl(text)


def test_a_line_of_a_log_that_is_json_is_shown_as_people_read_it() -> None:
    line = (
        '{"event": "relay_lost", "seconds": 2.5, "logger": "x", "level": "warning", '
        '"timestamp": "2026-11-22T04:41:11.722921Z", "service": "jobs"}'
    )
    assert plain_line(line) == "04:41:11 warning relay_lost seconds=2.5"
    assert [plain_line(text) for text in ("Traceback", "[1]", '{"a": 1}')] == ["Traceback", "[1]", '{"a": 1}']
