"""The command `demo`, for the `wayside` command to attach; what it does is imported when it is called."""

# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Attach the command to an application."""
    app.command()(demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Exit afterwards; the last line is one JSON object.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where everything is kept. Default: the user's data folder.", envvar="WAYSIDE_DATA_DIR"
        ),
    ] = None,
    subset: Annotated[
        int | None, typer.Option(min=50, help="Only the first so many weaknesses, for a quick look.")
    ] = None,
    chunk_delay: Annotated[
        float,
        typer.Option(min=0, max=10, help="Seconds to pause before each chunk of work, to watch longer."),
    ] = 0,
) -> None:
    """Run everything on this machine and the main job on the CWE catalogue: infer, watch, review, query."""
    from cwe_links.contract import CweLinksInput
    from cwe_links.demo.command import run_demo

    run_demo(data_dir, CweLinksInput(subset=subset, chunk_delay_seconds=chunk_delay), once=once)
