"""Trying of policies: what one would have done against what people decided, and what it would do now."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wayside_events.contracts.governance import (
    Confusion,
    Disagreement,
    PolicyAction,
    PolicyDocument,
    PolicyOutcome,
    Simulation,
)
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.calibration import Tally
from wayside_governance.domain.policies import Candidate, Evaluation, Subject, evaluate
from wayside_governance.service.calibrating import share_of
from wayside_governance.service.measuring import measure
from wayside_governance.service.policies import check_document
from wayside_governance.store import policies as stored
from wayside_governance.store.policies import Judged
from wayside_service.database import Database

BREATH: Final = 500
"""After how many evaluations other requests have a turn."""

PENDING_LIMIT: Final = 5_000
"""On how many suggestions that wait a policy is tried."""

SHOWN_DISAGREEMENTS: Final = 20

_ONLY_READ: Final = {"isolation": "repeatable_read", "readonly": True}


@dataclass(frozen=True, slots=True)
class Tried:
    """A claim that people judged, and what a policy made of it."""

    judged: Judged
    evaluation: Evaluation
    agreed: bool

    @property
    def fires(self) -> bool:
        """Whether the policy would have acted, had it not been held out."""
        return self.evaluation.outcome is not PolicyOutcome.NOT_FIRED


@dataclass(frozen=True, slots=True)
class Simulator:
    """Tries policies without deciding anything."""

    database: Database

    async def run(self, scope: ScopeName, policy: Subject, limit: int) -> Simulation:
        """Try a policy on the latest `limit` claims that people judged, and on what waits; raises `InvalidPolicy`."""
        check_document(policy.document)
        async with self.database.transaction(**_ONLY_READ) as connection:
            history = await stored.history(connection, scope, limit + 1)
            waiting = await stored.waiting(connection, scope, PENDING_LIMIT)
            measured = (await measure(connection, scope, [policy], waiting))[policy.id]
        tried = await _tried(policy, history[-limit:])
        now = Counter[PolicyOutcome]()
        for number, candidate in enumerate(waiting):
            await _breathe(number)
            now[evaluate(policy, candidate, measured).outcome] += 1
        return _simulation(tried, now, is_truncated=len(history) > limit)


async def _tried(policy: Subject, history: Sequence[Judged]) -> list[Tried]:
    """Evaluate each claim with no more than was known before it was judged."""
    known: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
    tried: list[Tried] = []
    for number, judged in enumerate(history):
        await _breathe(number)
        agreed = judged.is_accepted is (policy.document.action is PolicyAction.APPROVE)
        tried.append(Tried(judged, evaluate(policy, judged.candidate, known), agreed))
        for pair in _measured_on(policy.document, judged.candidate):
            known[pair] = known[pair].plus(agreed)
    return tried


def _measured_on(document: PolicyDocument, candidate: Candidate) -> Iterator[tuple[str, str]]:
    for source, stated in candidate.maxima.items():
        if document.min_confidence <= stated <= document.max_confidence:
            yield candidate.relationship_type, source


async def _breathe(number: int) -> None:
    if number % BREATH == 0:
        await asyncio.sleep(0)


def _simulation(tried: Sequence[Tried], now: Counter[PolicyOutcome], *, is_truncated: bool) -> Simulation:
    counts = Counter((one.fires, one.agreed) for one in tried)
    confusion = Confusion(
        true_positive=counts[True, True],
        false_positive=counts[True, False],
        false_negative=counts[False, True],
        true_negative=counts[False, False],
    )
    precision = Tally(confusion.true_positive, confusion.true_positive + confusion.false_positive)
    recall = Tally(confusion.true_positive, confusion.true_positive + confusion.false_negative)
    wrong = [one for one in tried if one.fires and not one.agreed]
    return Simulation(
        judged=len(tried),
        confusion=confusion,
        precision=share_of(precision) if precision.total else None,
        recall=share_of(recall) if recall.total else None,
        wrong=tuple(_disagreement(one) for one in wrong[-SHOWN_DISAGREEMENTS:]),
        pending=now.total(),
        would_act=now[PolicyOutcome.FIRED],
        would_hold_out=now[PolicyOutcome.HELD_OUT],
        truncated=is_truncated or now.total() == PENDING_LIMIT,
    )


def _disagreement(one: Tried) -> Disagreement:
    candidate = one.judged.candidate
    return Disagreement(
        suggestion_id=candidate.id,
        relationship_type=candidate.relationship_type,
        confidence=candidate.confidence,
        decided="accepted" if one.judged.is_accepted else "rejected",
        reasons=one.evaluation.reasons,
    )
