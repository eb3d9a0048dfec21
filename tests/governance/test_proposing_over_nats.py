"""Proposing over NATS."""

import pytest
from tests.governance.api import SCOPE, Api, proposal

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts.governance import PROPOSE_SUBJECT, ProposeReply, ProposeRequest


async def propose(bus: Bus, *proposals: object) -> ProposeReply:
    request = ProposeRequest.model_validate({"scope": SCOPE, "proposed_by": "worker", "proposals": proposals})
    return await bus.request(PROPOSE_SUBJECT, request, ProposeReply)


async def test_a_batch_is_answered_in_order(api: Api, bus: Bus) -> None:
    reply = await propose(bus, proposal(1), proposal(2), proposal(1))
    assert [outcome.outcome for outcome in reply.outcomes] == ["created", "created", "repeated"]


async def test_an_empty_batch_is_refused_with_the_field(api: Api, bus: Bus) -> None:
    request = ProposeRequest.model_construct(scope=SCOPE, proposed_by="worker", proposals=())
    with pytest.raises(RequestRefused) as refused:
        await bus.request(PROPOSE_SUBJECT, request, ProposeReply)
    assert refused.value.problem.errors[0].field == "proposals"
