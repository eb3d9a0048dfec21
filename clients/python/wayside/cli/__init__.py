"""The `wayside` command: jobs, suggestions and events at a gateway, and what other distributions add to it."""

from wayside.cli.app import main

__all__ = ["main"]
