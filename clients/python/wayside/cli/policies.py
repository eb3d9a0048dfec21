"""`wayside policies`: list, show, put, simulate, enable, disable."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import Limit, Scope, Talk, spread

app = typer.Typer(
    help="Policies: list, show, put, simulate, enable and disable what decides without a person.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The policy's name, or its id.")]
Reason = Annotated[str | None, typer.Option(help="Why; a policy that was suspended needs one.")]


@app.command("list")
@spread
def list_policies(scope: Scope = None, limit: Limit = 50, *, talk: Talk) -> None:
    """List policies by name."""
    from wayside.cli import governing

    governing.list_policies(talk, scope, limit=limit)


@app.command("show")
@spread
def show_policy(name: Name, scope: Scope = None, *, talk: Talk) -> None:
    """Show a policy: what it does on which conditions, and why it is suspended, if it is."""
    from wayside.cli import governing

    governing.show_policy(talk, governing.Which(name, scope))


@app.command("put")
@spread
def put_policy(
    name: Annotated[str, typer.Argument(help="The policy's name.")],
    document: Annotated[
        str, typer.Option("--document", "-d", help="JSON, @file, or - for the standard input.")
    ],
    scope: Annotated[str, typer.Option("--scope", "-s", envvar="WAYSIDE_SCOPE", help="The tenant.")],
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    if_version: Annotated[
        int | None, typer.Option(min=0, help="Only if this is the present version; 0 for a new policy.")
    ] = None,
    *,
    talk: Talk,
) -> None:
    """Keep a new version of a policy, or a new policy, which is disabled at first."""
    from wayside.cli import governing

    wanted = {"description": description, "if_version": if_version}
    governing.put_policy(talk, governing.Which(name, scope), document, wanted)


@app.command("simulate")
@spread
def simulate_policy(
    name: Annotated[str | None, typer.Argument(help="The policy's name, or its id.")] = None,
    document: Annotated[
        str | None,
        typer.Option("--document", "-d", help="Another document: JSON, @file, or - for the standard input."),
    ] = None,
    scope: Scope = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=20_000, help="How many judgements to try it on.")
    ] = 5_000,
    *,
    talk: Talk,
) -> None:
    """Show what a policy would have done against what people decided; nothing is changed."""
    from wayside.cli import governing

    governing.simulate(talk, governing.Which(name or "", scope), document, limit=limit)


@app.command("enable")
@spread
def enable_policy(name: Name, scope: Scope = None, reason: Reason = None, *, talk: Talk) -> None:
    """Let a policy decide, also what waits already."""
    from wayside.cli import governing

    governing.switch_policy(talk, governing.Which(name, scope), reason, enables=True)


@app.command("disable")
@spread
def disable_policy(name: Name, scope: Scope = None, reason: Reason = None, *, talk: Talk) -> None:
    """Stop a policy."""
    from wayside.cli import governing

    governing.switch_policy(talk, governing.Which(name, scope), reason, enables=False)
