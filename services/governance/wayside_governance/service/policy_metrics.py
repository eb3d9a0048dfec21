"""What is measured of policies."""

from collections import Counter as Tally
from collections.abc import Iterable
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter


class Looked(StrEnum):
    """What became of a suggestion that the policies of its scope looked at."""

    DECIDED = "decided"  # a policy approved or rejected
    HELD_OUT = "held_out"  # left to people, to check the policy by
    NOT_FIRED = "not_fired"  # no policy's conditions hold
    CONTESTED = "contested"  # one policy would approve, another reject: left to people
    REFUSED = "refused"  # the decision was not allowed, such as a second edge of a functional type
    FAILED = "failed"  # it could not be evaluated: left to people


class PolicyMetrics:
    """Counters of one application, in its registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._looked = Counter(
            "wayside_policy_evaluations",
            "Suggestions that policies looked at, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self.suspensions = Counter(
            "wayside_policy_suspensions", "Policies that their breakers stopped.", registry=registry
        )
        self.unreadable = Counter(
            "wayside_policy_unreadable",
            "Times a policy did nothing because its document cannot be read.",
            registry=registry,
        )
        for outcome in Looked:
            self._looked.labels(outcome)

    def count(self, outcomes: Iterable[Looked]) -> None:
        """Count what became of a batch."""
        for outcome, number in Tally(outcomes).items():
            self._looked.labels(outcome).inc(number)
