"""The `wayside` command as a process, against the real gateway."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from tests.e2e.cluster import Cluster
from tests.sdk.conftest import serving
from tests.sdk.test_services import created_once_known, nats_of
from typer.testing import CliRunner

from wayside import Client, Context, Worker
from wayside.cli import app as command

pytestmark = pytest.mark.timeout(120)


class Output(NamedTuple):
    status: int | None
    text: str
    errors: str


async def wayside(services: Cluster, *arguments: str, **environment: str) -> Output:
    """Run the command with an address and a token."""
    gateway = {"WAYSIDE_URL": services.gateway[0].url, "WAYSIDE_TOKEN": services.token()}
    return await run(arguments, **{**gateway, **environment})


async def run(arguments: Sequence[str], **environment: str) -> Output:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("wayside"),
        *arguments,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    return Output(process.returncode, out.decode(), errors.decode())


@pytest.fixture
def counting(services: Cluster) -> Worker:
    worker = Worker(nats=nats_of(services), queues=["counting"])

    @worker.job("count")
    async def count(ctx: Context, upto: int | None) -> int:
        ctx.log.info("counting", upto=upto)
        if upto is None:
            return 0
        if upto < 0:
            raise ValueError("downwards")
        for _ in ctx.iterate(range(upto), unit="numbers", percent=(0, 99)):
            await asyncio.sleep(0.02)
        return upto

    return worker


async def test_a_job_is_created_watched_and_read(services: Cluster, client: Client, counting: Worker) -> None:
    async with serving(counting):
        await created_once_known(client, "count")
        created = await wayside(services, "jobs", "create", "count", "-s", "acme", "-i", "10", "--json")
        job_id = json.loads(created.text)["id"]
        watched = await wayside(services, "jobs", "watch", job_id)
        logs = await wayside(services, "jobs", "logs", job_id)
        shown = await wayside(services, "jobs", "get", job_id, "--json")
        listed = await wayside(services, "jobs", "list", "-s", "acme", "--type", "count")
    assert (watched.status, "completed" in watched.text) == (0, True)
    assert "counting  upto=10" in logs.text
    assert json.loads(shown.text)["result"] == 10
    assert job_id in listed.text


async def test_watching_a_failed_or_canceled_job_says_so_by_its_exit_status(
    services: Cluster, client: Client, counting: Worker
) -> None:
    async with serving(counting):
        await created_once_known(client, "count")
        failing = await client.jobs.create("count", scope="acme", input=-1, max_attempts=1)
        endless = await client.jobs.create("count", scope="acme", input=10_000)
        failed = await wayside(services, "jobs", "watch", failing.id)
        canceled, watched = await asyncio.gather(
            wayside(services, "jobs", "cancel", endless.id, "--reason", "enough"),
            wayside(services, "jobs", "watch", endless.id, "--json"),
        )
    assert (failed.status, "downwards" in failed.text) == (1, True)
    assert (canceled.status, watched.status) == (0, 2)
    assert "enough" in watched.text


async def test_operators_see_and_set_queues_workers_and_job_types(
    services: Cluster, client: Client, counting: Worker
) -> None:
    boss = {"WAYSIDE_TOKEN": services.token(scope="*"), "COLUMNS": "80"}
    async with serving(counting):
        job = await created_once_known(client, "count")
        await client.jobs.wait(job.id, timeout_seconds=20)
        paused = await wayside(services, "queues", "pause", "counting", "--reason", "enough", **boss)
        waiting = json.loads(
            (
                await wayside(
                    services,
                    "jobs",
                    "create",
                    "count",
                    "-s",
                    "acme",
                    "--priority",
                    "9",
                    "--session",
                    "s-7",
                    "--related",
                    "report:7",
                    "--run-at",
                    "2h",
                    "--idempotency-key",
                    "k-7",
                    "--json",
                )
            ).text
        )
        listed = await wayside(services, "queues", "list", "--json", **boss)
        running = await wayside(services, "jobs", "running", "-s", "acme", "--json")
        recent = await wayside(services, "jobs", "recent", "-s", "acme", "--since", "1h", "--json")
        workers = await wayside(services, "workers", "list", "--type", "count", **boss)
        job_type = await wayside(services, "job-types", "show", "count", **boss)
        resumed = await wayside(services, "queues", "resume", "counting", "--json", **boss)
        canceled = await wayside(services, "jobs", "cancel", "-s", "acme", "--session", "s-7", "--yes")
    assert ("enough" in paused.text, json.loads(resumed.text)["is_paused"]) == (True, False)
    states = {queue["name"]: queue["is_paused"] for queue in map(json.loads, listed.text.splitlines())}
    assert states["counting"]
    assert (waiting["priority"], waiting["related"]) == (9, {"type": "report", "id": "7"})
    assert waiting["id"] in {each["id"] for each in map(json.loads, running.text.splitlines())}
    assert job.id in {each["id"] for each in map(json.loads, recent.text.splitlines())}
    assert ("active" in workers.text, "counting" in job_type.text) == (True, True)
    assert canceled.text.startswith("1 done")


async def test_events_are_followed_as_json_lines(services: Cluster, client: Client, counting: Worker) -> None:
    cursor = (await client.jobs.page(scope="acme")).cursor
    assert cursor is not None
    async with serving(counting):
        job = await created_once_known(client, "count")
        await client.jobs.wait(job.id, timeout_seconds=20)
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("wayside"),
        *("events", "-s", "acme", "--type", "analysis.job.completed", "--after", cursor, "--json"),
        env={
            "PATH": os.environ["PATH"],
            "WAYSIDE_URL": services.gateway[0].url,
            "WAYSIDE_TOKEN": services.token(),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        event = json.loads(await process.stdout.readline())
    process.terminate()
    await process.wait()
    assert (event["type"], event["subject"]) == ("analysis.job.completed", job.id)


async def test_what_is_refused_is_one_sentence_and_status_1(services: Cluster) -> None:
    missing = await wayside(services, "jobs", "get", "0198c0de-0000-7000-8000-00000000dead")
    assert (missing.status, missing.text) == (1, "")
    assert missing.errors.startswith("wayside: There is no job ")
    assert missing.errors.endswith("(not_found)\n")
    bad_token = await run(["jobs", "list"], WAYSIDE_URL=services.gateway[0].url, WAYSIDE_TOKEN="nonsense")
    assert bad_token.status == 1
    assert "wayside token" in bad_token.errors
    bad_input = await wayside(services, "jobs", "create", "count", "-s", "acme", "-i", "{")
    assert "--input is no JSON" in bad_input.errors


@pytest.mark.parametrize("target", ["", "tests.sdk.served:nothing", "tests.sdk.served:Backoff"])
async def test_serving_something_else_than_a_worker_is_a_usage_error(target: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wayside.worker", *([target] if target else [])),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors


async def test_without_a_gateway_the_command_says_what_to_do(tmp_path: Path) -> None:
    output = await run(["jobs", "list"], WAYSIDE_DATA_DIR=str(tmp_path), HOME=str(tmp_path))
    assert output.status == 1
    assert "WAYSIDE_URL" in output.errors


def test_a_distribution_whose_commands_are_broken_leaves_the_others_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = EntryPoint("broken", "no.such.module:register", command.COMMANDS)
    works = EntryPoint("works", f"{__name__}:register_hello", command.COMMANDS)
    monkeypatch.setattr(command, "entry_points", lambda group: EntryPoints([broken, works]))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    application = command.new_app()
    assert CliRunner().invoke(application, ["hello"]).output == "hello\n"


def register_hello(application: typer.Typer) -> None:
    @application.command()
    def hello() -> None:
        typer.echo("hello")


def test_what_the_command_finds_wrong_itself_is_a_sentence_too(tmp_path: Path) -> None:
    binary = tmp_path / "input"
    binary.write_bytes(b"\xff\xfe")
    for arguments, said in [
        (["create", "Bad Type", "-s", "acme"], "/type: "),
        (["create", "count", "-s", "Bad Scope"], "scope"),
        (["create", "count", "-s", "acme", "-i", f"@{binary}"], "--input is no JSON"),
    ]:
        answer = CliRunner().invoke(command.new_app(), ["jobs", *arguments, "--url", "http://127.0.0.1:9"])
        assert (answer.exit_code, isinstance(answer.exception, SystemExit)) == (1, True)
        assert said in answer.stderr
