"""What the `wayside` command has of governance, in this process, against the real services."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.e2e.cluster import Cluster
from typer.testing import CliRunner, Result

from wayside import Client, Proposal
from wayside.cli.app import new_app
from wayside_events.contracts.governance import NodeContent, Suggestion

pytestmark = pytest.mark.timeout(120)

SCOPE = "terminal"


async def wayside(services: Cluster, *arguments: str, keys: str | None = None, width: int = 120) -> Result:
    """Run a command as a reviewer who may do everything and proposed nothing; each has an event loop of its own."""
    environment = {
        "WAYSIDE_URL": services.gateway[0].url,
        "WAYSIDE_TOKEN": services.token(subject="rita", scope=SCOPE),
        "WAYSIDE_SCOPE": SCOPE,
        "COLUMNS": str(width),
    }
    return await asyncio.to_thread(CliRunner().invoke, new_app(), arguments, input=keys, env=environment)


async def proposed(services: Cluster, source: str, count: int) -> Sequence[Suggestion]:
    """Propose claims that are of one test only, and return their suggestions."""
    described = NodeContent(label=f"All about {source}", kind="weakness", content="What there is to know.")
    proposals = [
        Proposal(
            from_node_id=source,
            to_node_id=f"{source}-{number}",
            relationship_type="relates_to",
            confidence=0.9 - number / 100,
            source_model=source,
            reasoning="the same words",
            from_node=described,
        )
        for number in range(count)
    ]
    token = services.token(subject="machine", scope=SCOPE)
    async with Client(services.gateway[0].url, token=token) as machine:
        outcomes = await machine.suggestions.propose(proposals, scope=SCOPE)
        return [await machine.suggestions.get(str(one.suggestion_id)) for one in outcomes]


async def test_suggestions_are_listed_shown_explained_and_decided(services: Cluster) -> None:
    first, second = await proposed(services, "listed", 2)
    listed = await wayside(services, "suggestions", "list", "--source", "listed", width=80)
    assert (first.id in listed.stdout, "listed –relates_to→" in listed.stdout) == (True, True)
    assert max(map(len, listed.stdout.splitlines())) <= 80
    as_json = await wayside(services, "suggestions", "list", "--source", "listed", "--json")
    assert {json.loads(line)["id"] for line in as_json.stdout.splitlines()} == {first.id, second.id}

    decided = await wayside(services, "suggestions", "approve", first.id, second.id)
    assert (decided.exit_code, decided.stdout.count("approved")) == (0, 2)
    again = await wayside(services, "suggestions", "reject", first.id, "-r", "not_related")
    assert (again.exit_code, "illegal_transition" in again.stderr) == (1, True)
    shown = await wayside(services, "suggestions", "show", first.id)
    assert "by rita" in shown.stdout
    undone = await wayside(services, "suggestions", "undo", first.id)
    assert "pending" in undone.stdout
    explained = await wayside(services, "suggestions", "explain", first.id)
    assert ("All about listed" in explained.stdout, "1 approved, 0 rejected" in explained.stdout) == (
        True,
        True,
    )


async def test_a_review_goes_card_by_card_by_single_keys(services: Cluster) -> None:
    await proposed(services, "reviewed", 4)
    wanted = ("review", "--source", "reviewed", "--order", "confidence", "--batch", "3")
    reviewed = await wayside(services, *wanted, keys="a r1 u s a q")
    assert reviewed.exit_code == 0, reviewed.output
    assert "All about reviewed" in reviewed.stdout
    assert reviewed.stdout.splitlines()[-1] == "2 approved, 1 rejected, 1 skipped, 1 undone."
    rest = await wayside(services, *wanted, keys="a")
    assert rest.stdout.splitlines()[-1] == "1 approved."
    nothing = await wayside(services, *wanted)
    assert "Nothing waits for you." in nothing.stdout, nothing.stdout


async def test_policies_are_put_tried_switched_and_listed(services: Cluster, tmp_path: Path) -> None:
    document = tmp_path / "policy.json"
    document.write_text(
        json.dumps({"action": "approve", "min_confidence": 0.99, "source_models": ["nobody"]})
    )
    put = await wayside(services, "policies", "put", "sure", "-d", f"@{document}", "--if-version", "0")
    assert ("sure:1" in put.stdout, "confidence ≥ 0.99" in put.stdout) == (True, True)
    tried = await wayside(services, "policies", "simulate", "sure")
    assert "it would have done nothing" in tried.stdout
    draft = await wayside(services, "policies", "simulate", "-d", f"@{document}", "--json")
    assert json.loads(draft.stdout)["would_act"] == 0
    assert "enabled" in (await wayside(services, "policies", "enable", "sure")).stdout
    assert "enabled" in (await wayside(services, "policies", "list", width=80)).stdout
    assert "disabled" in (await wayside(services, "policies", "disable", "sure")).stdout
    assert "source nobody" in (await wayside(services, "policies", "show", "sure")).stdout
    wrong = await wayside(services, "policies", "put", "bad", "-d", '{"action": "approve", "hold_out": 2}')
    assert (wrong.exit_code, "/hold_out" in wrong.stderr) == (1, True)


async def test_what_is_on_record_is_shown_verified_and_moved(services: Cluster, tmp_path: Path) -> None:
    [suggestion] = await proposed(services, "recorded", 1)
    await wayside(services, "suggestions", "approve", suggestion.id)
    around = await wayside(services, "graph", "around", "recorded", width=80)
    assert ("recorded-0" in around.stdout, "2 nodes, 1 edge" in around.stdout) == (True, True)
    calibration = await wayside(services, "calibration", "--source", "recorded", width=80)
    assert "1 of 1" in calibration.stdout
    verified = await wayside(services, "audit", "verify")
    assert (verified.exit_code, "holds" in verified.stdout) == (0, True)
    cut = await wayside(services, "audit", "verify", "--position", "1", "--hash", "0" * 64)
    assert (cut.exit_code, "is not in it" in cut.stdout) == (1, True)
    listed = await wayside(services, "audit", "list", "--actor", "rita", "--json")
    assert json.loads(listed.stdout.splitlines()[0])["actor"] == "rita"

    exported = await wayside(services, "decisions", "export", "--by", "rita", "--verdict", "approve")
    moved = tmp_path / "decisions.ndjson"
    moved.write_text(exported.stdout + "{\n")
    imported = await wayside(services, "decisions", "import", str(moved))
    count = len(exported.stdout.splitlines())
    assert (imported.exit_code, imported.stdout) == (1, f"{count} repeated, 1 invalid\n")
    assert f"line {count + 1}: " in imported.stderr
