"""A worker: claims jobs, runs their handlers, reports how they end."""

from wayside.worker.worker import Worker

__all__ = ["Worker"]
