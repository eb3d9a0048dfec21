"""What the commands of queues, workers and job types do."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from wayside.cli import listings
from wayside.cli.options import Talk
from wayside.cli.printing import PAGE_LIMIT, print_list, print_one
from wayside.client.client import Client
from wayside.client.operating import WorkerFilter
from wayside_events.contracts.jobs import QueueSettings


def list_queues(talk: Talk, scope: str | None, *, limit: int) -> None:
    """Print queues by name."""
    print_list(
        talk,
        lambda client: client.queues.list(scope=scope, limit=min(limit, PAGE_LIMIT)),
        listings.queues_table,
        limit=limit,
        nothing="No queues: no worker has registered a job type yet.",
    )


def show_queue(talk: Talk, name: str, scope: str | None) -> None:
    """Print a queue."""
    print_one(talk, lambda client: client.queues.get(name, scope=scope), listings.queue_details)


def set_queue(talk: Talk, ask: Callable[[Client], Awaitable[QueueSettings]]) -> None:
    """Do something with a queue, and print what holds for it then."""
    print_one(talk, ask, listings.settings_details)


def list_workers(talk: Talk, wanted: Mapping[str, Any], *, limit: int) -> None:
    """Print workers by name."""
    query = cast("WorkerFilter", {**wanted, "limit": min(limit, PAGE_LIMIT)})
    print_list(
        talk,
        lambda client: client.workers.list(**query),
        listings.workers_table,
        limit=limit,
        nothing="No workers.",
    )


def list_job_types(talk: Talk, *, limit: int) -> None:
    """Print job types by name."""
    print_list(
        talk,
        lambda client: client.job_types.list(limit=min(limit, PAGE_LIMIT)),
        listings.job_types_table,
        limit=limit,
        nothing="No job types: no worker has registered one yet.",
    )


def show_job_type(talk: Talk, name: str) -> None:
    """Print a job type."""
    print_one(talk, lambda client: client.job_types.get(name), listings.job_type_details)
