"""The command: `python -m benchmarks.jobs [--quick] [--peers] [--only parts] [--scale x] [--json]`."""

import asyncio
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Annotated

import orjson
import typer
from rich.console import Console

from benchmarks.jobs import memory, pickup, progress, queries, throughput
from benchmarks.jobs.child import ChildFailed
from benchmarks.jobs.outcome import QUICK, Outcome, Plan
from benchmarks.jobs.peers import measure as other_queues
from benchmarks.jobs.system import System, running_system
from benchmarks.jobs.table import table
from benchmarks.jobs.workspace import workspace
from wayside_standalone.errors import StandaloneError
from wayside_standalone.logs import tail

Part = Callable[[System, Plan], Awaitable[Outcome]]

PARTS: dict[str, Part] = {
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
    console = Console(quiet=json)
    plan = (QUICK if quick else Plan()).scaled(scale)
    outcomes = asyncio.run(run(chosen, plan, console))
    console.print(table(outcomes))
    line = summary(outcomes)
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    raise typer.Exit(0 if line["verified"] else 1)


async def run(chosen: list[str], plan: Plan, console: Console) -> dict[str, Outcome]:
    """Measure the parts, each on a system of its own unless there is no time for that."""
    groups = [chosen] if plan.shares_system else [[name] for name in chosen]
    outcomes: dict[str, Outcome] = {}
    with workspace() as folder:
        for names in groups:
            try:
                async with running_system(folder) as system:
                    for name in names:
                        console.print(f"[dim]{name}: load {os.getloadavg()[0]:.1f} …[/]")
                        outcomes[name] = await measured(PARTS[name], system, plan)
            except (ChildFailed, StandaloneError) as error:
                outcomes |= {name: Outcome({}, faults=[str(error)]) for name in names}
    return outcomes


async def measured(part: Part, system: System, plan: Plan) -> Outcome:
    """Run one part; whatever goes wrong is its fault, in words, with what the service has to say."""
    try:
        return await part(system, plan)
    except Exception as error:  # noqa: BLE001 - the other parts are measured all the same
        said = "".join(traceback.format_exception_only(error)).strip()
        return Outcome({}, faults=[f"{said}\nThe end of the service's log:\n{tail(system.log)}"])


def summary(outcomes: dict[str, Outcome]) -> dict[str, object]:
    """The JSON line; a figure that was not measured is null."""
    line: dict[str, object] = dict.fromkeys(FIGURES)
    for outcome in outcomes.values():
        line |= outcome.figures
    return {**line, "verified": not any(outcome.faults for outcome in outcomes.values())}


if __name__ == "__main__":
    typer.run(main)
