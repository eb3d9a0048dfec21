"""What the client has of governance, on the real services: review, policies, the graph, records, rules."""

from collections.abc import AsyncIterator, Sequence

import pytest
from tests.e2e.cluster import Cluster

from wayside import Client, Conflict, NotFound, Proposal
from wayside_events.contracts.governance import (
    ImportOutcome,
    PolicyAction,
    PolicyDocument,
    PolicyState,
    PutSettingsRequest,
    PutTypeRequest,
    Suggestion,
)

pytestmark = pytest.mark.timeout(120)

SCOPE = "library"


@pytest.fixture
async def machine(services: Cluster) -> AsyncIterator[Client]:
    """Who proposes, and administers."""
    token = services.token(subject="machine", scope=SCOPE)
    async with Client(services.gateway[0].url, token=token) as client:
        yield client


@pytest.fixture
async def rita(services: Cluster) -> AsyncIterator[Client]:
    """Who decides."""
    token = services.token("admin", subject="rita", scope=SCOPE)
    async with Client(services.gateway[0].url, token=token) as client:
        yield client


async def proposed(
    machine: Client, name: str, count: int = 1, *, kind: str = "cites"
) -> Sequence[Suggestion]:
    """Propose claims that are of one test only, and return their suggestions."""
    proposals = [
        Proposal(
            from_node_id=name,
            to_node_id=f"{name}/{number}",
            relationship_type=kind,
            confidence=0.5 + number / 100,
            source_model=name,
            reasoning="same words",
        )
        for number in range(count)
    ]
    outcomes = await machine.suggestions.propose(proposals, scope=SCOPE)
    return [await machine.suggestions.get(str(one.suggestion_id)) for one in outcomes]


async def test_a_suggestion_is_explained_decided_as_it_was_seen_and_undone(
    machine: Client, rita: Client
) -> None:
    await machine.relationship_types.put("part_of", PutTypeRequest(is_functional=True), scope=SCOPE)
    first, rival = await proposed(machine, "book", 2, kind="part_of")
    explained = await rita.suggestions.explain(first.id)
    assert (explained.from_node.id, [one.id for one in explained.rivals]) == ("book", [rival.id])
    assert [one.id async for one in rita.suggestions.rivals(first.id, limit=1)] == [rival.id]

    approved = await rita.suggestions.approve(first, rivals="supersede", note="of course")
    assert [one.suggestion_id for one in approved.linked] == [rival.id]
    with pytest.raises(Conflict) as conflict:
        await rita.suggestions.reject(first, reason_code="not_related")
    assert conflict.value.problem.code == "stale_revision"
    undone = await rita.suggestions.undo(approved.suggestion)
    assert undone.suggestion.status == "pending"


async def test_a_reviewer_claims_cards_keeps_skips_and_gives_them_back(machine: Client, rita: Client) -> None:
    await proposed(machine, "shelf", 3)
    batch = await rita.reviews.claim(scope=SCOPE, count=3, filter={"source_model": "shelf"}, order="newest")
    assert (len(batch.items), batch.held_by_others, batch.claim_id is None) == (3, 0, False)
    claim_id = str(batch.claim_id)
    assert len((await rita.reviews.renew(claim_id, ttl_seconds=60)).cards) == 3
    decided, skipped, given_back = batch.items
    await rita.suggestions.reject(decided, reason_code="not_related")
    await rita.reviews.skip(claim_id, [skipped.id])
    assert [card.id for card in (await rita.reviews.cards(claim_id)).items] == [given_back.id]
    assert claim_id in [claim.claim_id async for claim in rita.reviews.list(scope=SCOPE)]
    assert (await rita.reviews.release(claim_id)).cards == ()
    again = await rita.reviews.claim(scope=SCOPE, filter={"source_model": "shelf"})
    assert [card.id for card in again.items] == [given_back.id]


async def test_a_policy_is_put_tried_switched_and_its_versions_stay(machine: Client) -> None:
    document = PolicyDocument(
        action=PolicyAction.APPROVE, relationship_types=("nothing",), min_confidence=0.8
    )
    draft = await machine.policies.simulate_draft(document, scope=SCOPE, limit=10)
    assert draft.would_act == 0
    policy = await machine.policies.put("sure", document, scope=SCOPE, if_version=0)
    with pytest.raises(Conflict):
        await machine.policies.put("sure", document, scope=SCOPE, if_version=0)
    stricter = document.model_copy(update={"min_confidence": 0.9})
    await machine.policies.put("sure", stricter, scope=SCOPE, if_version=policy.version)
    assert [one.version async for one in machine.policies.versions(policy.id, limit=1)] == [2, 1]
    assert (await machine.policies.version(policy.id, 1)).document == document
    assert (await machine.policies.enable(policy.id)).state is PolicyState.ENABLED
    assert (await machine.policies.disable(policy.id)).state is PolicyState.DISABLED
    assert (await machine.policies.simulate(policy.id, document=document)).would_act == 0
    assert (await machine.policies.named("sure", scope=SCOPE)).id == policy.id
    await machine.policies.delete(policy.id)
    assert [one async for one in machine.policies.list(scope=SCOPE)] == []


async def test_the_graph_is_walked_and_exported_and_what_happened_is_on_record(
    machine: Client, rita: Client, services: Cluster
) -> None:
    suggestions = await proposed(machine, "hub", 3)
    for one in suggestions[:2]:
        await rita.suggestions.approve(one)
    around = await rita.graph.neighborhood("hub", include="suggested", direction="out")
    assert sorted(edge.status for edge in around.edges) == ["approved", "approved", "suggested"]
    path = await rita.graph.path("hub/0", "hub/1", max_steps=2, relationship_type=["cites"])
    assert [node.id for node in path.nodes] == ["hub/0", "hub", "hub/1"]
    graphml = b"".join([chunk async for chunk in rita.graph.export("graphml", from_node_id="hub")])
    assert graphml.count(b"<edge ") == 2
    assert len([edge async for edge in rita.edges.list(from_node_id="hub", created_by="rita", limit=1)]) == 2

    report = await rita.reports.calibration(source_model="hub", bins=4)
    assert [group.accepted.count for group in report.groups] == [2]
    checked = await rita.audit.verify()
    known = await rita.audit.verify(position=checked.head.position, hash=checked.head.hash)
    assert (known.is_intact, known.has_known_head) == (True, True)
    entries = [entry.action async for entry in rita.audit.list(actor="rita", subject=suggestions[0].id)]
    assert entries == ["suggestion.approve"]

    lines = [
        line async for line in rita.decisions.export(reviewed_by="rita", in_force=True, verdict=["approve"])
    ]
    assert [line.to_node_id for line in lines] == ["hub/0", "hub/1"]
    after = [
        line
        async for line in rita.decisions.export(reviewed_by="rita", verdict="approve", after=lines[0].after)
    ]
    assert lines[1] in after
    token = services.token(subject="anna", scope="copy")
    async with Client(services.gateway[0].url, token=token) as anna:
        first = [one.outcome async for one in anna.decisions.import_([*lines, b"{"])]
        again = [one.outcome async for one in anna.decisions.import_(lines)]
        assert len([edge async for edge in anna.edges.list()]) == 2
    assert first == [ImportOutcome.DECIDED, ImportOutcome.DECIDED, ImportOutcome.INVALID]
    assert again == [ImportOutcome.REPEATED] * 2


async def test_many_are_decided_at_once_as_they_were_counted_and_taken_back(
    machine: Client, rita: Client
) -> None:
    await proposed(machine, "heap", 3)
    wanted = {"source_model": "heap"}
    preview = await rita.bulks.preview("approve", scope=SCOPE, filter=wanted)
    done = await rita.bulks.apply(preview, filter=wanted)
    assert (preview.matched, done.decided, done.state) == (3, 3, "done")
    assert (await rita.bulks.get(done.id)).decided == 3
    assert [one async for one in rita.bulks.failures(done.id)] == []
    undone = await rita.bulks.undo(done.id)
    assert undone.decided == 3
    assert {undone.id, done.id} <= {one.id async for one in rita.bulks.list(limit=1)}
    suggestion = await rita.suggestions.get(done.items[0].suggestion_id)
    assert (
        await rita.bulks.decide("reject", [suggestion], scope=SCOPE, reason_code="not_related")
    ).decided == 1


async def test_rules_are_read_and_set(machine: Client) -> None:
    before = await machine.governance_settings.get()
    after = await machine.governance_settings.put(PutSettingsRequest(pending_ttl_seconds=86_400))
    assert (after.revision, after.pending_ttl_seconds) == (before.revision + 1, 86_400)
    await machine.relationship_types.put("cited_by_two", PutTypeRequest(required_approvals=2))
    assert "cited_by_two" in [one.name async for one in machine.relationship_types.list(limit=1)]
    await machine.relationship_types.delete("cited_by_two")
    with pytest.raises(NotFound):
        await machine.relationship_types.get("cited_by_two")
