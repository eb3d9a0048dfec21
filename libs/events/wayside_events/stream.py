"""The one stream that keeps every event: its name, what it stores and its limits."""

from dataclasses import dataclass

STREAM_NAME = "WAYSIDE_EVENTS"
STREAM_SUBJECTS = ("analysis.job.>", "edges.>")

BATCH_LIMIT = 1_000
"""Messages in one atomic publish batch, the limit of NATS 2.12; also used for one Direct Get batch."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a deployment may set of the stream.

    `duplicate_window_seconds` is how long the server remembers message ids; the relay checks what is stored
    when it takes over, so the window only has to outlast a retried publish.
    """

    max_age_seconds: float = 3 * 24 * 3600
    max_bytes: int = 8 * 1024**3
    duplicate_window_seconds: float = 120
    replicas: int = 1
