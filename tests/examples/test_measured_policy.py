"""The whole loop on real input: propose, label a sample, let a policy act as far as that shows it to be right."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from cwe_links.evaluate import ExpertDecision, decide
from cwe_links.evaluate import Verdict as Expert
from cwe_links.gold import Gold
from cwe_links.inference import Inferred
from cwe_links.prose import Weakness
from cwe_links.worker import proposal
from wayside_events.contracts.governance import (
    MeasuredPrecision,
    PolicyAction,
    PolicyDocument,
    PutPolicyRequest,
    SwitchPolicyRequest,
    Verdict,
)
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.app import SCHEMA, migrations
from wayside_governance.domain.calibration import Tally
from wayside_governance.domain.policies import Subject
from wayside_governance.domain.verdicts import Wanted
from wayside_governance.service.deciding import Decider
from wayside_governance.service.intake import IntakeService
from wayside_governance.service.policies import PolicyService
from wayside_governance.service.policy_metrics import PolicyMetrics
from wayside_governance.service.policy_runner import PolicyRunner
from wayside_governance.service.rules import RuleService
from wayside_governance.service.simulating import Simulator
from wayside_governance.settings import GovernanceSettings
from wayside_service.auth import Principal, Role
from wayside_service.database import Database
from wayside_service.idempotency import Once

SCOPE = ScopeName("acme")
PROMISED = 0.75
LABELLED = 600
REASONS = ("indirect", "not_related")
ADMIN = Principal("ada", {SCOPE: frozenset({Role.ADMIN})}, datetime.now(UTC) + timedelta(days=1))


class Governance:
    """Governance without its doors."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.decider = Decider(database, nothing, REASONS)
        self.policies = PolicyService(
            database, nothing, Once(database), RuleService(database, dict.fromkeys(REASONS))
        )
        self.runner = PolicyRunner(database, self.decider, PolicyMetrics())

    async def propose(self, proposals: Sequence[Any]) -> list[EntityId]:
        intake = IntakeService(self.database, nothing)
        outcomes = [
            outcome
            for start in range(0, len(proposals), 1_000)
            for outcome in await intake.propose(SCOPE, "worker", proposals[start : start + 1_000])
        ]
        return [outcome.suggestion_id for outcome in outcomes if outcome.suggestion_id]

    async def label(self, truth: Mapping[EntityId, ExpertDecision], sample: Sequence[EntityId]) -> None:
        """Decide as a person would who knows the catalogue, one card after the other."""
        for start in range(0, len(sample), 200):
            await self.decider.decide_now([label(one, truth[one]) for one in sample[start : start + 200]])

    async def enable(self, name: str, document: PolicyDocument) -> EntityId:
        request = PutPolicyRequest(scope=SCOPE, name=name, document=document)
        policy, _ = await self.policies.put(ADMIN, request)
        await self.policies.enable(ADMIN, policy.id, SwitchPolicyRequest())
        while await self.runner.look():
            pass
        return policy.id

    async def ids(self, where: str) -> list[EntityId]:
        async with self.database.acquire() as connection:
            rows = await connection.fetch(f"SELECT id FROM suggestions WHERE {where}")
        return [EntityId(str(row["id"])) for row in rows]


def nothing() -> None:
    """Nobody has to be woken here."""


def label(suggestion_id: EntityId, said: ExpertDecision) -> Wanted:
    verdict = Verdict.APPROVE if said.verdict is Expert.APPROVE else Verdict.REJECT
    return Wanted(suggestion_id, verdict, "expert", revision=1, reason_code=said.reason_code, note=said.note)


@pytest.fixture
async def governance(database: str) -> AsyncIterator[Governance]:
    settings = GovernanceSettings(
        database_url=SecretStr(database), nats_url="nats://nowhere", jwt_secret=SecretStr("s" * 32)
    )
    opened = Database(settings, schema=SCHEMA, migrations=migrations())
    await opened.start()
    async with asyncio.timeout(30):
        await opened.ready()
    yield Governance(opened)
    await opened.close()


async def test_a_measured_policy_keeps_what_it_promised_where_a_threshold_would_not(
    governance: Governance, inferred: Inferred, weaknesses: tuple[Weakness, ...], gold: Gold
) -> None:
    prose = {weakness.id: weakness for weakness in weaknesses}
    proposals = [proposal(link, prose).model_dump(mode="json", exclude_none=True) for link in inferred.links]
    ids = await governance.propose(proposals)
    truth = {
        suggestion_id: decide(link.source, link.target, gold)
        for suggestion_id, link in zip(ids, inferred.links, strict=True)
    }
    await governance.label(truth, random.Random(7).sample(ids, LABELLED))

    threshold = PolicyDocument(action=PolicyAction.APPROVE, min_confidence=0.8)
    simulated = await Simulator(governance.database).run(
        SCOPE, Subject(EntityId("0" * 32), "threshold", 1, threshold), LABELLED
    )
    assert simulated.precision is not None
    assert simulated.precision.high < 0.6

    measured = MeasuredPrecision(min_precision=PROMISED, min_decisions=50)
    await governance.enable("sure", threshold.model_copy(update={"measured": measured}))
    assert await governance.ids("reviewed_by LIKE 'policy:%' OR held_out_by IS NOT NULL") == []

    unlikely = PolicyDocument(
        action=PolicyAction.REJECT, reason_code="not_related", max_confidence=0.4, measured=measured
    )
    policy_id = await governance.enable("unlikely", unlikely)
    decided = await governance.ids("reviewed_by = 'policy:unlikely'")
    held_out = await governance.ids("held_out_by IS NOT NULL AND status = 'pending'")
    right = Tally(sum(truth[one].verdict is Expert.REJECT for one in decided), len(decided))
    assert right.total > 300
    assert right.share >= PROMISED
    assert 0.05 < len(held_out) / (len(held_out) + right.total) < 0.17

    await governance.label(truth, held_out)
    await governance.runner.look()
    assert (await governance.policies.policy(ADMIN, policy_id)).state == "enabled"
