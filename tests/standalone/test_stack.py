"""The stack as Python code uses it, with stand-ins for the services on the real servers."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import aiohttp
import asyncpg
import nats
import psutil
import pytest
from tests.eventually import eventually
from tests.standalone.conftest import standin

from wayside_service.auth import SharedSecret, TokenVerifier
from wayside_standalone.credentials import Credentials
from wayside_standalone.errors import AlreadyRunning, PortTaken, SecretsLost, StartFailed
from wayside_standalone.parts import StackSettings
from wayside_standalone.process import processes_with
from wayside_standalone.stack import MARK, Stack
from wayside_standalone.state import running_state
from wayside_standalone.supervisor import Pulse, Status

pytestmark = pytest.mark.long


async def environment_of(url: str) -> Mapping[str, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        environment: Mapping[str, str] = await answer.json()
        return environment


async def test_every_part_is_told_where_the_others_are(settings: StackSettings) -> None:
    async with Stack(settings) as stack:
        gateway = await environment_of(stack.gateway_url)
        assert (gateway["WAYSIDE_JOBS_URL"], gateway["WAYSIDE_GOVERNANCE_URL"]) == (
            stack.jobs_url,
            stack.governance_url,
        )
        assert "WAYSIDE_DATABASE_URL" not in gateway
        jobs = await environment_of(stack.jobs_url)
        assert jobs["WAYSIDE_DATABASE_URL"] == stack.database_url
        assert (jobs["WAYSIDE_NATS_USER"], jobs["WAYSIDE_NATS_PASSWORD"]) == stack.nats_user("jobs")


async def test_its_credentials_open_the_database_nats_and_the_services(settings: StackSettings) -> None:
    async with Stack(settings) as stack:
        connection = await asyncpg.connect(stack.database_url)
        assert (
            await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        )
        await connection.close()
        user, password = stack.nats_user("runner")
        await (await nats.connect(stack.nats_url, user=user, password=password)).close()
        secret = (await environment_of(stack.jobs_url))["WAYSIDE_JWT_SECRET"]
        verifier = TokenVerifier(SharedSecret(secret), issuer="wayside", audience="wayside")
        principal = await verifier.verify(stack.token(scope_roles={"demo": ["admin"]}, subject="me"))
        assert (principal.subject, set(principal.grants)) == ("me", {"demo"})


async def test_a_second_start_finds_data_secrets_and_the_address_of_the_gateway_again(
    settings: StackSettings,
) -> None:
    async with Stack(settings) as stack:
        address, token = stack.gateway_url, stack.nats_user("jobs")
        connection = await asyncpg.connect(stack.database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await connection.close()
    async with Stack(settings) as stack:
        assert (stack.gateway_url, stack.nats_user("jobs")) == (address, token)
        connection = await asyncpg.connect(stack.database_url)
        assert await connection.fetchval("SELECT answer FROM kept") == 42
        await connection.close()


async def test_a_second_stack_on_the_same_directory_is_refused_with_the_pid_of_the_first(
    settings: StackSettings,
) -> None:
    async with Stack(settings):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} already runs a stack on"):
            async with Stack(settings):
                pass
        assert len(running_state(settings.data_dir).parts) == 5


async def test_a_part_that_dies_is_started_again_on_its_port(settings: StackSettings) -> None:
    async with Stack(settings) as stack:
        for part in stack.parts:
            address, pid = part.program.url, part.pid
            assert pid is not None
            psutil.Process(pid).kill()
            assert await eventually(lambda part=part: part.restarts == 1 and part.status is Status.READY)  # type: ignore[misc]
            assert (part.program.url, part.pid != pid) == (address, True)


async def test_a_service_that_hangs_is_killed_and_started_again(
    settings: StackSettings, caplog: pytest.LogCaptureFixture
) -> None:
    pulse = Pulse(every_seconds=0.1, answer_seconds=0.3, silences=3)
    async with Stack(replace(settings, pulse=pulse)) as stack:
        jobs = next(part for part in stack.parts if part.name == "jobs")
        assert jobs.pid is not None
        psutil.Process(jobs.pid).suspend()
        assert await eventually(lambda: jobs.restarts == 1 and jobs.status is Status.READY)
        assert [part.restarts for part in stack.parts] == [0, 0, 1, 0, 0]
    assert "jobs did not answer 3 times in a row; it is killed" in caplog.text


async def test_a_stack_that_cannot_write_its_state_goes_on_and_stops_in_order(
    settings: StackSettings, caplog: pytest.LogCaptureFixture
) -> None:
    async with Stack(settings) as stack:
        (settings.data_dir / "stack.json.new").mkdir()
        jobs = next(part for part in stack.parts if part.name == "jobs")
        assert jobs.pid is not None
        psutil.Process(jobs.pid).kill()
        assert await eventually(lambda: jobs.restarts == 1 and jobs.status is Status.READY)
    assert "what runs could not be written down" in caplog.text
    assert not (settings.data_dir / "postgres" / "postmaster.pid").exists()


async def test_a_crash_loop_is_said_and_the_others_run_on_until_it_is_mended(
    settings: StackSettings, caplog: pytest.LogCaptureFixture
) -> None:
    crash = settings.data_dir / "run" / "jobs.crash"
    crash.parent.mkdir(parents=True)
    crash.touch()
    async with Stack(replace(settings, strict=False)) as stack:
        jobs = next(part for part in stack.parts if part.name == "jobs")
        assert [part.name for part in stack.parts if part.status is not Status.READY] == ["jobs"]
        assert "jobs keeps failing: it ended with status 7, 3 times in a row" in caplog.text
        assert "this is jobs" in caplog.text
        crash.unlink()
        assert await eventually(lambda: jobs.status is Status.READY)
        assert (await environment_of(stack.gateway_url))["WAYSIDE_JOBS_URL"] == stack.jobs_url


async def test_a_strict_start_fails_with_the_end_of_the_log_and_leaves_nothing_running(
    settings: StackSettings,
) -> None:
    stack = Stack(replace(settings, services=(standin("jobs", "broken"), standin("governance"))))
    with pytest.raises(StartFailed, match="jobs did not become ready") as failure:
        await stack.__aenter__()
    assert "this is jobs" in failure.value.tail
    assert "jobs keeps failing" in (stack.log_dir / "supervisor.log").read_text()
    assert list(processes_with(MARK, str(stack.data_dir))) == []


async def test_the_state_file_is_private_and_goes_with_the_stack(settings: StackSettings) -> None:
    file = settings.data_dir / "stack.json"
    async with Stack(settings) as stack:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        parts = {part["name"]: part["url"] for part in json.loads(file.read_bytes())["parts"]}
        assert parts["gateway"] == stack.gateway_url
    assert not file.exists()


async def test_a_port_that_is_in_use_is_refused_at_once(settings: StackSettings) -> None:
    async with Stack(settings) as stack:
        taken = int(stack.gateway_url.rpartition(":")[2])
        with pytest.raises(PortTaken):
            async with Stack(replace(settings, data_dir=settings.data_dir / "other", gateway_port=taken)):
                pass


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    created = Credentials.load_or_create(tmp_path)
    assert Credentials.load_or_create(tmp_path) == created
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_lost_secrets_are_said_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(SecretsLost, match=r"secrets\.json is missing"):
        Credentials.load_or_create(tmp_path)
