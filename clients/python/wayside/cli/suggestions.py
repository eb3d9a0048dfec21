"""`wayside suggestions`: list, show, explain, approve, reject, undo; and `wayside review`."""

# ruff: noqa: PLC0415

from typing import Annotated

import typer

from wayside.cli.options import Claims, Limit, Talk, spread

app = typer.Typer(
    help="Suggestions: list them, show and explain one, approve, reject, undo.", no_args_is_help=True
)

SuggestionId = Annotated[str, typer.Argument(help="The suggestion's id.")]
SuggestionIds = Annotated[list[str], typer.Argument(help="The ids of suggestions.")]
Note = Annotated[str | None, typer.Option("--note", help="What else there is to say; kept for ever.")]


@app.command("list")
@spread
def list_suggestions(
    claims: Claims,
    status: Annotated[
        list[str] | None, typer.Option(help="Only these, repeatable: pending, approved, rejected, …")
    ] = None,
    order: Annotated[str, typer.Option(help="confidence, newest or oldest.")] = "newest",
    limit: Limit = 20,
    *,
    talk: Talk,
) -> None:
    """List suggestions, the newest first."""
    from wayside.cli import governing

    wanted = {**claims.filter, "scope": claims.scope, "status": status, "order": order}
    governing.list_suggestions(talk, wanted, limit=limit)


@app.command("show")
@spread
def show_suggestion(suggestion_id: SuggestionId, *, talk: Talk) -> None:
    """Show a suggestion with its evidence and the decisions on it."""
    from wayside.cli import governing

    governing.show_suggestion(talk, suggestion_id)


@app.command("explain")
@spread
def explain_suggestion(suggestion_id: SuggestionId, *, talk: Talk) -> None:
    """Show what speaks for or against a suggestion: both nodes, similar claims, rivals, policies."""
    from wayside.cli import governing

    governing.explain_suggestion(talk, suggestion_id)


@app.command("approve")
@spread
def approve_suggestions(
    suggestion_ids: SuggestionIds,
    note: Note = None,
    rivals: Annotated[
        str, typer.Option(help="What becomes of rivals that wait: keep, or supersede.")
    ] = "keep",
    *,
    talk: Talk,
) -> None:
    """Approve suggestions as they are now: their edges exist from then on."""
    from wayside.cli import governing

    governing.decide(talk, "approve", suggestion_ids, {"note": note, "rivals": rivals})


@app.command("reject")
@spread
def reject_suggestions(
    suggestion_ids: SuggestionIds,
    reason: Annotated[str, typer.Option("--reason", "-r", help="A reason code of the scope.")],
    note: Note = None,
    *,
    talk: Talk,
) -> None:
    """Reject suggestions as they are now; the same evidence asks no second time."""
    from wayside.cli import governing

    governing.decide(talk, "reject", suggestion_ids, {"reason_code": reason, "note": note})


@app.command("undo")
@spread
def undo_decisions(suggestion_ids: SuggestionIds, note: Note = None, *, talk: Talk) -> None:
    """Take back the latest decision on suggestions: they wait again."""
    from wayside.cli import governing

    governing.decide(talk, "undo", suggestion_ids, {"note": note})


@spread
def review(
    claims: Claims,
    order: Annotated[str, typer.Option(help="uncertain, confidence, newest or impact.")] = "uncertain",
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=100, help="How many cards to keep from others.")
    ] = 10,
    *,
    talk: Talk,
) -> None:
    """Review suggestions card by card, by single keys: approve, reject, skip, undo, quit."""
    from wayside.cli import reviewing

    reviewing.review(talk, claims, order=order, batch=batch)
