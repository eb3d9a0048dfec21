"""Requests over NATS, observed, on a real bus."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web
from pydantic import BaseModel
from tests.service.sample import SECRET

from wayside_events.bus import Bus, BusSettings, Endpoint, RequestRefused
from wayside_service.app import create_app
from wayside_service.auth import BearerAuthenticator, SharedSecret, TokenVerifier
from wayside_service.errors import Conflict
from wayside_service.http import ApiInfo
from wayside_service.metrics import METRICS
from wayside_service.middleware import ERRORS
from wayside_service.problems import rpc_problems
from wayside_service.rpc import Observer
from wayside_service.tracing import current_traceparent

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Ask(BaseModel):
    kind: str


class Answer(BaseModel):
    trace: str | None


async def answer(body: Ask) -> Answer:
    if body.kind == "conflict":
        raise Conflict("It is running.", current={"status": "running"})
    if body.kind == "oops":
        raise RuntimeError("hunter2")
    return Answer(trace=current_traceparent())


@pytest.fixture
def app() -> web.Application:
    verifier = TokenVerifier(SharedSecret(SECRET), issuer="wayside", audience="wayside")
    return create_app(ApiInfo("Sample", "1"), routes=[], authenticator=BearerAuthenticator(verifier))


@pytest.fixture
async def bus(app: web.Application, nats_url: str) -> AsyncIterator[Bus]:
    async with Bus.connected(BusSettings(url=nats_url)) as opened:
        await opened.serve(
            name="sample",
            version="1.0.0",
            endpoints=Observer(app).endpoints([Endpoint("sample.v1.ask", Ask, answer)]),
            problem_of=rpc_problems(app[ERRORS]),
        )
        yield opened


async def ask(bus: Bus, kind: str) -> Answer:
    return await bus.request("sample.v1.ask", Ask(kind=kind), Answer, headers={"traceparent": CALLER})


def count(app: web.Application, status: int) -> float | None:
    labels = {"verb": "ask", "status": str(status)}
    return app[METRICS].registry.get_sample_value("wayside_rpc_requests_total", labels)


async def test_the_callers_trace_goes_on(bus: Bus) -> None:
    trace = (await ask(bus, "trace")).trace
    assert trace is not None
    assert trace.split("-")[1] == CALLER.split("-")[1]
    assert trace != CALLER


async def test_an_expected_error_is_the_problem_http_callers_get(bus: Bus) -> None:
    with pytest.raises(RequestRefused) as refused:
        await ask(bus, "conflict")
    problem = refused.value.problem
    assert (problem.status, problem.code, problem.current) == (409, "conflict", {"status": "running"})


async def test_an_unexpected_error_says_nothing(bus: Bus) -> None:
    with pytest.raises(RequestRefused) as refused:
        await ask(bus, "oops")
    assert refused.value.problem.code == "internal_error"
    assert "hunter2" not in refused.value.problem.model_dump_json()


async def test_requests_are_counted_by_verb_and_status(app: web.Application, bus: Bus) -> None:
    for kind in ("fine", "conflict", "oops", "fine"):
        with suppress(RequestRefused):
            await ask(bus, kind)
    assert [count(app, status) for status in (200, 409, 500)] == [2, 1, 1]
