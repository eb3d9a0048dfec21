"""The examples of the SDK, run as they stand there, on the real bus."""

import importlib
import runpy
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from tests.eventually import eventually
from tests.sdk.conftest import serving
from tests.sdk.standin import StandIn

from wayside import Tracker

EXAMPLES = Path(__file__).parent / "examples"


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


async def test_a_web_handler_answers_with_what_its_tracked_operation_returns(
    service: StandIn, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("track", "detached"):
        module = importlib.import_module(f"wayside.tracking.{name}")
        monkeypatch.setattr(module, "default_tracker", lambda: tracker)
    async with TestServer(example("web")["app"]) as server, ClientSession() as session:
        answer = await session.post(server.make_url("/generate"), headers={"X-Session": "s1"})
        assert await answer.json() == {"program_id": 7}
    (record,) = service.jobs.values()
    assert (record.status, record.session_id, record.progress["current"]) == ("completed", "s1", 3)


async def test_a_book_is_rendered_by_its_pages_which_log_as_any_code_does(
    service: StandIn, nats_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WAYSIDE_NATS_URL", nats_url)
    caplog.set_level("INFO")
    async with serving(example("family")["worker"]):
        book = await service.enqueue("render_book", 3)
        assert await eventually(lambda: book.status == "completed")
    pages = [job for job in service.jobs.values() if job is not book]
    assert book.ending.result == {"bytes": 300}
    assert [page.log_messages for page in pages] == [[f"rendering page {number}"] for number in range(3)]
