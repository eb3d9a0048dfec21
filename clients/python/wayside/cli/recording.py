"""What the commands of audit, graph, calibration and decisions do; `records` has their options."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import typer
from rich.console import Console

from wayside.cli import claims, measures
from wayside.cli.gateway import client_for, fail, run, said
from wayside.cli.options import Talk
from wayside.cli.printing import PAGE_LIMIT, print_list, print_one
from wayside.client.graph import WalkOptions
from wayside.client.records import AuditFilter, DecisionFilter, ReportFilter
from wayside_events.contracts.governance import CalibrationReport, DecisionImported, ImportOutcome

Wanted = Mapping[str, Any]

_BAD = (ImportOutcome.INVALID, ImportOutcome.REFUSED)


def list_entries(talk: Talk, wanted: Wanted, *, limit: int) -> None:
    """Print what was done."""
    query = cast("AuditFilter", {**wanted, "limit": min(limit, PAGE_LIMIT)})
    print_list(
        talk,
        lambda client: client.audit.list(**query),
        measures.entries_table,
        limit=limit,
        nothing="Nothing.",
    )


def verify(talk: Talk, scope: str | None, position: int | None, known: str | None) -> None:
    """Print whether a chain holds; ends with status 1 when it does not."""
    if (position is None) != (known is None):
        fail("--position and --hash belong together")

    async def work() -> None:
        async with client_for(talk.url, talk.token) as client:
            found = await client.audit.verify(scope=scope, position=position, hash=known)
        if talk.as_json:
            typer.echo(found.model_dump_json(exclude_none=True))
        else:
            Console().print(measures.verification(found), soft_wrap=True)
        raise typer.Exit(0 if found.is_intact and found.has_known_head is not False else 1)

    run(work())


def around(talk: Talk, node: str, wanted: Wanted) -> None:
    """Print the edges around a node."""
    query = cast("WalkOptions", wanted)
    print_one(talk, lambda client: client.graph.neighborhood(node, **query), claims.surroundings)


def calibration(talk: Talk, wanted: Wanted) -> None:
    """Print a calibration report."""
    query = cast("ReportFilter", wanted)
    width = Console().width

    def shown(report: CalibrationReport) -> Any:  # noqa: ANN401 - anything rich prints
        return measures.calibration(report, width) if report.groups else "Nobody has judged anything yet."

    print_one(talk, lambda client: client.reports.calibration(**query), shown)


def export_decisions(talk: Talk, wanted: Wanted) -> None:
    """Print decisions as lines."""
    query = cast("DecisionFilter", wanted)

    async def work() -> None:
        async with client_for(talk.url, talk.token) as client:
            async for line in client.decisions.export(**query):
                typer.echo(line.model_dump_json(exclude_none=True))

    run(work())


def import_decisions(talk: Talk, file: str, scope: str | None) -> None:
    """Import lines; print how many became what, and each that was invalid or refused."""

    async def work() -> None:
        counts: Counter[ImportOutcome] = Counter()
        async with client_for(talk.url, talk.token) as client:
            number = 0
            async for answer in client.decisions.import_(_lines(file), scope=scope):
                number += 1
                counts[answer.outcome] += 1
                _print_outcome(number, answer, as_json=talk.as_json)
        if not talk.as_json:
            typer.echo(
                ", ".join(
                    f"{counts[one]:,} {one.value.replace('_', ' ')}" for one in ImportOutcome if counts[one]
                )
                or "No lines."
            )
        raise typer.Exit(1 if any(counts[outcome] for outcome in _BAD) else 0)

    run(work())


def _print_outcome(number: int, answer: DecisionImported, *, as_json: bool) -> None:
    if as_json:
        typer.echo(answer.model_dump_json(exclude_none=True))
    elif answer.problem is not None:
        typer.secho(f"line {number}: {said(answer.problem)}", fg="red", err=True)


def _lines(file: str) -> Iterator[bytes]:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).expanduser().open("rb") as opened:
            yield from (line for line in map(bytes.strip, opened) if line)
    except OSError as error:
        fail(str(error))
