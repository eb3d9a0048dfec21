"""Counts of what the hub does; plain numbers, read by the metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class Stats:
    """Totals since the start."""

    deliveries: int = 0  # frames handed to clients
    conflated: int = 0  # progress frames a newer one superseded while they waited for a slow client
    slow_closes: int = 0  # clients closed because too much waited for them
    replays: int = 0  # streams that began with a read of stored events
    reads: int = 0  # pages read from the stream for clients that came back
    resumed_from_history: int = 0  # streams that began with events still in memory
    resets: int = 0  # times all clients of a scope were told to fetch state again
    repairs: int = 0  # holes in a live feed that were filled
