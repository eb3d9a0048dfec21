"""How much is measured."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    proposals: int = 200_000
    batches_in_flight: int = 4
    stored_suggestions: int = 1_000_000
    requests: int = 2_000
    approvals: int = 1_000
    bulk: int = 100_000
    edges: int = 1_000_000
    edges_of_a_hub: int = 50_000
    walks: int = 1_000
    shares_system: bool = False

    def scaled(self, factor: float) -> "Plan":
        """The same with other counts of rows."""
        return replace(
            self,
            proposals=max(int(self.proposals * factor), 1_000),
            stored_suggestions=max(int(self.stored_suggestions * factor), 1_000),
            bulk=max(int(self.bulk * factor), 1_000),
            edges=max(int(self.edges * factor), 1_000),
        )


QUICK = Plan(
    proposals=20_000,
    stored_suggestions=50_000,
    requests=300,
    approvals=100,
    bulk=5_000,
    edges=50_000,
    edges_of_a_hub=5_000,
    walks=200,
    shares_system=True,
)
"""What fits into a minute."""
