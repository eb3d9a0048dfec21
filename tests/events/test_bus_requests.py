"""Request and reply on the real server."""

import asyncio

import pytest

from wayside_events.bus import (
    Bus,
    BusSettings,
    BusUnavailable,
    Endpoint,
    MalformedReply,
    RequestRefused,
    RequestTimedOut,
)
from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem


class Ask(Request):
    text: str
    wait_seconds: float = 0


class Answer(Reply):
    text: str


async def echo(ask: Ask) -> Answer:
    await asyncio.sleep(ask.wait_seconds)
    if ask.text == "explode":
        raise RuntimeError("secret internals")
    if ask.text == "our own mistake":
        Answer.model_validate({"text": 7})
    if ask.text == "much to say":
        raise LookupError("x" * 2_000_000)
    if ask.text == "conflict":
        raise LookupError
    return Answer(text=ask.text)


def expected(error: Exception) -> Problem | None:
    if isinstance(error, LookupError):
        return Problem(title="Conflict", status=409, code="conflict", detail="no", current=str(error))
    return None


@pytest.fixture
async def serving(bus: Bus) -> Bus:
    await bus.serve(
        name="echo", version="1.0.0", endpoints=[Endpoint("test.echo", Ask, echo)], problem_of=expected
    )
    return bus


async def test_a_request_is_answered(serving: Bus) -> None:
    assert await serving.request("test.echo", Ask(text="hello"), Answer) == Answer(text="hello")


async def test_a_waiting_request_does_not_hold_up_the_next(serving: Bus) -> None:
    slow = asyncio.create_task(serving.request("test.echo", Ask(text="slow", wait_seconds=0.5), Answer))
    await serving.request("test.echo", Ask(text="fast"), Answer)
    assert not slow.done()
    assert (await slow).text == "slow"


async def refusal(bus: Bus, payload: bytes | str) -> Problem:
    client = bus._connection.client
    reply = await client.request("test.echo", payload if isinstance(payload, bytes) else payload.encode(), 2)
    assert reply.headers is not None
    assert "Nats-Service-Error-Code" in reply.headers
    return Problem.model_validate_json(reply.data)


async def test_malformed_json_gets_an_error_reply(serving: Bus) -> None:
    problem = await refusal(serving, b"{not json")
    assert (problem.code, problem.type) == ("malformed_json", "urn:wayside:problem:malformed_json")


async def test_invalid_fields_are_named(serving: Bus) -> None:
    problem = await refusal(serving, '{"text": 3, "surplus": 1}')
    assert {error.field for error in problem.errors} == {"/text", "/surplus"}
    assert (problem.code, problem.type) == ("invalid_input", "urn:wayside:problem:invalid_input")


async def test_an_expected_error_arrives_as_its_problem(serving: Bus) -> None:
    with pytest.raises(RequestRefused) as refused:
        await serving.request("test.echo", Ask(text="conflict"), Answer)
    assert refused.value.problem.status == 409


async def test_an_unexpected_error_tells_nothing_of_the_inside(serving: Bus) -> None:
    with pytest.raises(RequestRefused) as refused:
        await serving.request("test.echo", Ask(text="explode"), Answer)
    assert refused.value.problem.code == "internal_error"
    assert "secret" not in refused.value.problem.model_dump_json()


async def test_nobody_serving_is_unavailable_at_once(bus: Bus) -> None:
    with pytest.raises(BusUnavailable, match="nobody serves"):
        await bus.request("test.nobody", Ask(text="x"), Answer, timeout_seconds=30)


async def test_no_answer_in_time_is_said(serving: Bus) -> None:
    with pytest.raises(RequestTimedOut):
        await serving.request("test.echo", Ask(text="x", wait_seconds=0.5), Answer, timeout_seconds=0.1)


async def test_an_answer_is_never_published_as_an_event(serving: Bus) -> None:
    client = serving._connection.client
    before = await serving.position()
    await client.publish("test.echo", b'{"text": "forged"}', reply="analysis.job.completed.acme.1")
    await serving.request("test.echo", Ask(text="next"), Answer)
    assert await serving.position() == before


async def test_a_reply_to_somebody_who_is_gone_is_told_to_the_service(bus: Bus, nats_url: str) -> None:
    told: list[Answer] = []

    async def take_back(answer: Answer) -> None:
        told.append(answer)

    endpoint = Endpoint("test.slow", Ask, echo, undelivered=take_back)
    await bus.serve(name="slow", version="1.0.0", endpoints=[endpoint])
    async with Bus.connected(BusSettings(url=nats_url)) as other:
        assert (await other.request("test.slow", Ask(text="here"), Answer)).text == "here"
        asking = asyncio.create_task(other.request("test.slow", Ask(text="gone", wait_seconds=0.3), Answer))
        await other.position()
        asking.cancel()
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0.01)
    assert told == [Answer(text="gone")]


async def test_a_value_the_handler_itself_got_wrong_is_not_the_callers_fault(serving: Bus) -> None:
    with pytest.raises(RequestRefused) as refused:
        await serving.request("test.echo", Ask(text="our own mistake"), Answer)
    assert refused.value.problem.code == "internal_error"


async def test_an_error_that_is_too_long_for_a_message_arrives_without_its_details(serving: Bus) -> None:
    with pytest.raises(RequestRefused) as refused:
        await serving.request("test.echo", Ask(text="much to say"), Answer)
    assert (refused.value.problem.code, refused.value.problem.current) == ("conflict", None)


async def test_a_long_name_of_a_field_is_not_repeated_whole(serving: Bus) -> None:
    problem = await refusal(serving, '{"text": "x", "' + "k" * 500_000 + '": 1}')
    assert len(problem.model_dump_json()) < 2_000


async def test_what_a_malformed_reply_holds_is_not_told(bus: Bus) -> None:
    class Other(Reply):
        text: int

    await bus.serve(name="other", version="1.0.0", endpoints=[Endpoint("test.other", Ask, echo)])
    with pytest.raises(MalformedReply) as malformed:
        await bus.request("test.other", Ask(text="secret"), Other)
    assert "secret" not in str(malformed.value)
