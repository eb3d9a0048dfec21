"""`wayside queues`: list, show, pause, resume, limit. Queues belong to all scopes."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import Limit, Talk, spread

app = typer.Typer(help="Queues: list, show, pause, resume, limit.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The queue's name.")]
OfScope = Annotated[
    str | None,
    typer.Option("--scope", "-s", help="Count only the jobs of this scope. Default: of all you may see."),
]


@app.command("list")
@spread
def list_queues(scope: OfScope = None, limit: Limit = 200, *, talk: Talk) -> None:
    """List queues by name, with what waits and runs."""
    from wayside.cli import operating

    operating.list_queues(talk, scope, limit=limit)


@app.command("show")
@spread
def show_queue(name: Name, scope: OfScope = None, *, talk: Talk) -> None:
    """Show a queue: what waits and runs of each job type, and how it went lately."""
    from wayside.cli import operating

    operating.show_queue(talk, name, scope)


@app.command("pause")
@spread
def pause_queue(
    name: Name,
    reason: Annotated[str | None, typer.Option(help="Why; everybody who sees the queue sees it.")] = None,
    *,
    talk: Talk,
) -> None:
    """Give out none of a queue's jobs from now on; those that run go on. Takes the role operator in all scopes."""
    from wayside.cli import operating

    operating.set_queue(talk, lambda client: client.queues.pause(name, reason=reason))


@app.command("resume")
@spread
def resume_queue(name: Name, *, talk: Talk) -> None:
    """Give out a queue's jobs again. Takes the role operator in all scopes."""
    from wayside.cli import operating

    operating.set_queue(talk, lambda client: client.queues.resume(name))


@app.command("limit")
@spread
def limit_queue(
    name: Name,
    total: Annotated[
        int | None,
        typer.Option("--total", min=1, help="How many jobs may run at once, of all scopes together."),
    ] = None,
    per_scope: Annotated[
        int | None, typer.Option("--per-scope", min=1, help="How many jobs of each scope may run at once.")
    ] = None,
    *,
    talk: Talk,
) -> None:
    """Set a queue's limits in place of those it had; without options it has none. Takes the role admin in all scopes."""
    from wayside.cli import operating

    operating.set_queue(
        talk,
        lambda client: client.queues.limit(
            name, concurrency_limit=total, concurrency_limit_per_scope=per_scope
        ),
    )
