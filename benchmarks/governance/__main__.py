"""The command: `python -m benchmarks.governance [--quick] [--only parts] [--scale x] [--json]`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.command import Part, Report, run
from benchmarks.governance import bulk, graph, intake, queries
from benchmarks.governance.plan import QUICK, Plan

PARTS: dict[str, Part[Plan]] = {
    "intake": intake.measure,
    "bulk": bulk.measure,
    "queries": queries.measure,
    "graph": graph.measure,
}

FIGURES = (
    "intake_per_s",
    "list_p99_ms",
    "approve_p95_ms",
    "bulk_100k_s",
    "neighborhood_p95_ms",
)


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Measure little, in under a minute.")] = False,
    only: Annotated[str, typer.Option(help=f"Parts, comma-separated, of {', '.join(PARTS)}.")] = "",
    scale: Annotated[float, typer.Option(help="Multiply the numbers of rows.", min=0.0001)] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print nothing but the JSON line.")] = False,
) -> None:
    """Measure governance on this machine."""
    named = {name.strip() for name in only.split(",") if name.strip()}
    if unknown := named - PARTS.keys():
        raise typer.BadParameter(f"there is no part {', '.join(sorted(unknown))}", param_hint="--only")
    chosen = [name for name in PARTS if name in (named or PARTS)]
    plan = (QUICK if quick else Plan()).scaled(scale)
    groups = [chosen] if plan.shares_system else [[name] for name in chosen]
    report = Report("Wayside governance", FIGURES, Console(quiet=json))
    outcomes = asyncio.run(run(groups, PARTS, plan, services=["governance", "jobs"], console=report.console))
    raise typer.Exit(report.show(outcomes))


if __name__ == "__main__":
    typer.run(main)
