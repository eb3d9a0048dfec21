"""How much is measured."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    jobs: int = 50_000
    peer_jobs: int = 20_000
    pickups: int = 500
    progress_seconds: float = 20.0
    stored_jobs: int = 1_000_000
    requests: int = 2_000
    memory_warm_up: int = 20_000
    memory_jobs: int = 1_000_000
    memory_seconds: float = 300.0
    slots: int = 1000
    batches_in_flight: int = 3
    shares_system: bool = False

    def scaled(self, factor: float) -> "Plan":
        """The same with other counts of jobs."""
        return replace(
            self,
            jobs=max(int(self.jobs * factor), 1),
            peer_jobs=max(int(self.peer_jobs * factor), 1),
            stored_jobs=max(int(self.stored_jobs * factor), 1),
            memory_warm_up=max(int(self.memory_warm_up * factor), 1),
            memory_jobs=max(int(self.memory_jobs * factor), 1),
        )


QUICK = Plan(
    jobs=2_000,
    peer_jobs=1_000,
    pickups=80,
    progress_seconds=2.0,
    stored_jobs=100_000,
    requests=400,
    memory_warm_up=1_000,
    memory_jobs=2_000,
    memory_seconds=30.0,
    shares_system=True,
)
"""What fits into a minute."""
