"""What is measured of the outbox."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class OutboxMetrics:
    """Metrics of one relay, in the application's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pending = Gauge("wayside_outbox_pending", "Events that wait to be published.", registry=registry)
        self.oldest_seconds = Gauge(
            "wayside_outbox_oldest_seconds", "Age of the oldest of them.", registry=registry
        )
        self.active = Gauge(
            "wayside_outbox_relay_active", "1 while this instance publishes.", registry=registry
        )
        self.published = Counter(
            "wayside_outbox_published", "Events the stream has stored.", registry=registry
        )
        self.superseded = Counter(
            "wayside_outbox_superseded", "Progress events left out for a newer one.", registry=registry
        )
        self.already_stored = Counter(
            "wayside_outbox_already_stored",
            "Events the stream had before, found at a take-over.",
            registry=registry,
        )
        self.failed = Counter(
            "wayside_outbox_failed", "Batches that could not be published.", registry=registry
        )
        self.dead = Counter("wayside_outbox_dead", "Events moved aside for good.", registry=registry)
        self.takeovers = Counter(
            "wayside_outbox_takeovers", "Times this instance became the active relay.", registry=registry
        )
        self.unwoken = Counter(
            "wayside_outbox_unwoken",
            "Times the backstop poll found events nobody woke it for.",
            registry=registry,
        )
