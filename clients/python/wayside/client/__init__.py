"""A client of the gateway: jobs, suggestions, the graph, and streams of events."""

from wayside.client.client import Client

__all__ = ["Client"]
