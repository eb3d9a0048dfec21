"""What is measured of governance."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from wayside_events.contracts.governance import Intake, ProposalOutcome, Verdict


class GovernanceMetrics:
    """Counters of one application, in its registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._proposals = Counter(
            "wayside_proposals", "Proposals by what became of them.", ("outcome",), registry=registry
        )
        self._decisions = Counter(
            "wayside_decisions", "Decisions by verdict.", ("verdict",), registry=registry
        )
        for outcome in Intake:
            self._proposals.labels(outcome)
        for verdict in Verdict:
            self._decisions.labels(verdict)

    def count_proposals(self, outcomes: Iterable[ProposalOutcome]) -> None:
        """Count what became of a batch."""
        for outcome, count in Tally(one.outcome for one in outcomes).items():
            self._proposals.labels(outcome).inc(count)

    def count_decisions(self, verdicts: Iterable[Verdict]) -> None:
        """Count decisions that were recorded."""
        for verdict, count in Tally(verdicts).items():
            self._decisions.labels(verdict).inc(count)
