"""What the streams of this gateway do, in Prometheus' terms."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from wayside_gateway.live import Live


class StreamMetrics(Collector):
    """Reads the hub's own counts when it is scraped, so that counting costs the hub nothing more."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def collect(self) -> Iterator[Metric]:
        """Return all metrics as they are now."""
        live, stats = self._live, self._live.stats
        for name, text, value in (
            ("wayside_gateway_streams", "Streams open now.", len(live.connections)),
            ("wayside_gateway_feeds", "Scopes with a live feed now.", len(live.feeds)),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        for name, text, value in (
            ("deliveries", "Events handed to clients.", stats.deliveries),
            ("conflated", "Progress events that newer ones superseded for slow clients.", stats.conflated),
            ("slow_closes", "Clients cut because too much waited for them.", stats.slow_closes),
            ("replays", "Streams that began with a read of stored events.", stats.replays),
            ("replay_reads", "Pages of stored events read for returning clients.", stats.reads),
            ("history_resumes", "Streams that began from memory.", stats.resumed_from_history),
            ("resets", "Times the clients of a scope had to fetch state again.", stats.resets),
            ("repairs", "Holes in live feeds that were filled.", stats.repairs),
        ):
            yield CounterMetricFamily(f"wayside_gateway_{name}", text, value=value)
