"""What is measured."""

from tests.governance.api import Api, proposal


async def test_proposals_and_decisions_are_counted_by_what_became_of_them(api: Api, reviewer: Api) -> None:
    await api.propose(proposal(1), proposal(1), proposal(2, confidence=7))
    await reviewer.reject(await api.suggest(3))
    async with api.client.get("/metrics") as response:
        said = await response.text()
    assert 'wayside_proposals_total{outcome="created"} 2.0' in said
    assert 'wayside_proposals_total{outcome="invalid"} 1.0' in said
    assert 'wayside_proposals_total{outcome="suppressed"} 0.0' in said
    assert 'wayside_decisions_total{verdict="reject"} 1.0' in said
