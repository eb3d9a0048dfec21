"""Proposing over NATS."""

from typing import Any

import pytest
from tests.governance.api import SCOPE, Api, proposal
from tests.governance.conftest import EventLog

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts.governance import PROPOSE_SUBJECT, ProposeReply, ProposeRequest
from wayside_events.contracts.problems import Problem

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


async def propose(bus: Bus, *proposals: Any, **fields: Any) -> ProposeReply:
    request = ProposeRequest.model_construct(
        **{"scope": SCOPE, "proposed_by": "worker", "proposals": proposals, **fields}
    )
    return await bus.request(PROPOSE_SUBJECT, request, ProposeReply)


async def problem_of(bus: Bus, *proposals: Any, **fields: Any) -> Problem:
    with pytest.raises(RequestRefused) as refused:
        await propose(bus, *proposals, **fields)
    return refused.value.problem


async def test_a_batch_is_answered_in_order(api: Api, bus: Bus) -> None:
    reply = await propose(bus, proposal(1), proposal(2, confidence=2), proposal(1), None)
    assert [outcome.outcome for outcome in reply.outcomes] == ["created", "invalid", "repeated", "invalid"]


async def test_who_proposed_over_nats_does_not_approve_over_http(api: Api, bus: Bus) -> None:
    reply = await propose(bus, proposal(), proposed_by="rita")
    suggestion = await api.suggestion(str(reply.outcomes[0].suggestion_id))
    answer = await api.as_("rita", "reviewer").approve(suggestion)
    assert (answer.status, answer.body["code"]) == (403, "own_proposal")


async def test_a_bad_request_is_refused_with_the_field(api: Api, bus: Bus) -> None:
    said = {
        "an empty batch": await problem_of(bus),
        "too many": await problem_of(bus, *[1] * 1_001),
        "a scope that cannot be": await problem_of(bus, 1, scope="A.b"),
        "nobody": await problem_of(bus, 1, proposed_by=""),
        "nobody that can be stored": await problem_of(bus, 1, proposed_by="wor\0ker"),
    }
    assert {name: (problem.code, problem.errors[0].field) for name, problem in said.items()} == {
        "an empty batch": ("invalid_input", "/proposals"),
        "too many": ("invalid_input", "/proposals"),
        "a scope that cannot be": ("invalid_input", "/scope"),
        "nobody": ("invalid_input", "/proposed_by"),
        "nobody that can be stored": ("invalid_input", "/proposed_by"),
    }


async def test_bad_proposals_leave_room_for_the_answer_to_the_good_ones(api: Api, bus: Bus) -> None:
    """A thousand long problems are more than a message holds."""
    bad = {f"{number}{'x' * 70}": 1 for number in range(12)}
    reply = await propose(bus, *[bad] * 999, proposal(1))
    assert len(reply.outcomes) == 1_000
    assert reply.outcomes[-1].outcome == "created"
    first, last_bad = reply.outcomes[0].problem, reply.outcomes[-2].problem
    assert first is not None
    assert last_bad is not None
    assert (len(first.errors) > 10, last_bad.errors) == (True, ())
    assert first.code == last_bad.code == "invalid_proposal"


async def test_the_trace_a_batch_names_goes_on_into_its_events(api: Api, bus: Bus, log: EventLog) -> None:
    await propose(bus, proposal(), traceparent=f"00-{TRACE_ID}-b7ad6b7169203331-01")
    assert await log.has(1)
    assert TRACE_ID in (log.events[0].traceparent or "")
