"""`wayside workers`: list."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import Limit, Talk, spread

app = typer.Typer(help="Workers: who runs jobs.", no_args_is_help=True)


@app.callback()
def workers() -> None:
    """Workers: who runs jobs."""


@app.command("list")
@spread
def list_workers(
    status: Annotated[
        list[str] | None, typer.Option(help="Only these, repeatable: active, draining, stopped, lost.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only those that serve this queue.")] = None,
    job_type: Annotated[
        str | None, typer.Option("--type", help="Only those that serve this job type.")
    ] = None,
    limit: Limit = 200,
    *,
    talk: Talk,
) -> None:
    """List workers by name, also those that stopped or fell silent within a day."""
    from wayside.cli import operating

    operating.list_workers(talk, {"status": status, "queue": queue, "job_type": job_type}, limit=limit)
