"""The `wayside` command: jobs and events at a gateway, and what other distributions add to it."""

from wayside.cli.app import main

__all__ = ["main"]
