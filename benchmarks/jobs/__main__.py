"""The command: `python -m benchmarks.jobs [--quick] [--peers] [--only parts] [--scale x] [--json]`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.command import Part, Report, run
from benchmarks.jobs import memory, pickup, progress, queries, throughput
from benchmarks.jobs.peers import measure as other_queues
from benchmarks.jobs.plan import QUICK, Plan

PARTS: dict[str, Part[Plan]] = {
    "pickup": pickup.measure,
    "throughput": throughput.measure,
    "progress": progress.measure,
    "memory": memory.measure,
    "queries": queries.measure,
    "peers": other_queues.measure,
}

FIGURES = (
    "jobs_per_s",
    "peers",
    "pickup_p50_ms",
    "pickup_p95_ms",
    "progress_calls_per_s",
    "progress_lag_p99_ms",
    "list_p99_ms",
    "get_p99_ms",
    "cancel_p99_ms",
    "rss_growth_mb",
)


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Measure little, in under a minute.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Measure other queues with the same work.")] = False,
    only: Annotated[str, typer.Option(help=f"Parts, comma-separated, of {', '.join(PARTS)}.")] = "",
    scale: Annotated[float, typer.Option(help="Multiply the numbers of jobs.", min=0.0001)] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print nothing but the JSON line.")] = False,
) -> None:
    """Measure the jobs service and its SDK on this machine."""
    named = {name.strip() for name in only.split(",") if name.strip()}
    if unknown := named - PARTS.keys():
        raise typer.BadParameter(f"there is no part {', '.join(sorted(unknown))}", param_hint="--only")
    wanted = (named or PARTS.keys() - {"peers"}) | ({"peers"} if peers else set())
    chosen = [name for name in PARTS if name in wanted]
    plan = (QUICK if quick else Plan()).scaled(scale)
    groups = [chosen] if plan.shares_system else [[name] for name in chosen]
    report = Report("Wayside jobs", FIGURES, Console(quiet=json))
    outcomes = asyncio.run(run(groups, PARTS, plan, services=["jobs"], console=report.console))
    raise typer.Exit(report.show(outcomes))


if __name__ == "__main__":
    typer.run(main)
