"""`wayside job-types`: list, show."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import Limit, Talk, spread

app = typer.Typer(help="Job types, as workers registered them: list, show.", no_args_is_help=True)


@app.command("list")
@spread
def list_job_types(limit: Limit = 200, *, talk: Talk) -> None:
    """List job types by name."""
    from wayside.cli import operating

    operating.list_job_types(talk, limit=limit)


@app.command("show")
@spread
def show_job_type(name: Annotated[str, typer.Argument(help="The job type's name.")], *, talk: Talk) -> None:
    """Show a job type: its queue, attempts, times and limits."""
    from wayside.cli import operating

    operating.show_job_type(talk, name)
