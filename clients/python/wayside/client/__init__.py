"""A client of the gateway: jobs, queues, workers, suggestions, the graph, and streams of events."""

from wayside.client.client import Client

__all__ = ["Client"]
