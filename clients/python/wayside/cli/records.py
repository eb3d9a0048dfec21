"""`wayside audit`, `wayside graph`, `wayside decisions` and `wayside calibration`."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import Limit, Scope, Talk, spread

audit = typer.Typer(help="The audit chain: list its entries, verify it.", no_args_is_help=True)
graph = typer.Typer(help="The graph of approved edges.", no_args_is_help=True)
decisions = typer.Typer(help="Decisions: export and import them as lines of JSON.", no_args_is_help=True)

Type = Annotated[list[str] | None, typer.Option("--type", help="Only these types, repeatable.")]
Since = Annotated[str | None, typer.Option(help="From a moment on, or within the last 30m, 2h, 7d.")]


@audit.command("list")
@spread
def list_entries(
    scope: Scope = None,
    actor: Annotated[str | None, typer.Option(help="Only what this user, service or policy did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as suggestion.approve.")] = None,
    limit: Limit = 20,
    *,
    talk: Talk,
) -> None:
    """List what was done in a scope, the latest first."""
    from wayside.cli import recording

    recording.list_entries(talk, {"scope": scope, "actor": actor, "action": action}, limit=limit)


@audit.command("verify")
@spread
def verify(
    scope: Scope = None,
    position: Annotated[
        int | None, typer.Option(min=0, help="A head known from outside: its position …")
    ] = None,
    hash: Annotated[str | None, typer.Option(help="… and its hash.")] = None,  # noqa: A002 - the option's name
    *,
    talk: Talk,
) -> None:
    """Recompute every hash of a scope's chain; exits with 1 when it is broken, or lacks the head that was given."""
    from wayside.cli import recording

    recording.verify(talk, scope, position, hash)


@graph.command("around")
@spread
def around(  # noqa: PLR0913 - options of a command
    node: Annotated[str, typer.Argument(help="The node's id.")],
    scope: Scope = None,
    depth: Annotated[int, typer.Option("--depth", min=1, max=4, help="How many steps.")] = 1,
    type: Type = None,  # noqa: A002 - the option's name
    suggested: Annotated[bool, typer.Option("--suggested", help="Also what waits for a decision.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="Nodes at most.")] = 100,
    *,
    talk: Talk,
) -> None:
    """Show the edges around a node."""
    from wayside.cli import recording

    wanted = {
        "scope": scope,
        "depth": depth,
        "relationship_type": type,
        "include": "suggested" if suggested else None,
        "limit": limit,
    }
    recording.around(talk, node, wanted)


@spread
def calibration(
    scope: Scope = None,
    type: Annotated[str | None, typer.Option(help="Only this type of relationship.")] = None,  # noqa: A002
    source: Annotated[str | None, typer.Option(help="Only this source model.")] = None,
    since: Since = None,
    *,
    talk: Talk,
) -> None:
    """Show how often people accept what machines are so and so sure of."""
    from wayside.cli import recording
    from wayside.cli.commands import moment_ago

    wanted = {
        "scope": scope,
        "relationship_type": type,
        "source_model": source,
        "since": moment_ago(since),
    }
    recording.calibration(talk, wanted)


@decisions.command("export")
@spread
def export_decisions(  # noqa: PLR0913 - options of a command
    scope: Scope = None,
    verdict: Annotated[list[str] | None, typer.Option(help="Only these, repeatable: approve, …")] = None,
    reviewed_by: Annotated[str | None, typer.Option("--by", help="Only those of this reviewer.")] = None,
    since: Since = None,
    in_force: Annotated[bool, typer.Option("--in-force", help="Leave out what was taken back.")] = False,
    after: Annotated[str | None, typer.Option(help="Go on behind a line: its `after`.")] = None,
    *,
    talk: Talk,
) -> None:
    """Print decisions, one JSON document a line, in the order they were recorded."""
    from wayside.cli import recording
    from wayside.cli.commands import moment_ago

    wanted = {
        "scope": scope,
        "verdict": verdict,
        "reviewed_by": reviewed_by,
        "since": moment_ago(since),
        "in_force": in_force,
        "after": after,
    }
    recording.export_decisions(talk, wanted)


@decisions.command("import")
@spread
def import_decisions(
    file: Annotated[
        str, typer.Argument(help="Lines as `wayside decisions export` prints them; - for the standard input.")
    ],
    scope: Scope = None,
    *,
    talk: Talk,
) -> None:
    """Import decisions that were made elsewhere; exits with 1 when a line was invalid or refused."""
    from wayside.cli import recording

    recording.import_decisions(talk, file, scope)
