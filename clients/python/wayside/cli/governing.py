"""What the commands of suggestions and policies do; `suggestions` and `policies` have their options."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from wayside.cli import claims, measures
from wayside.cli.commands import read_json
from wayside.cli.gateway import client_for, fail, run, said
from wayside.cli.options import Talk
from wayside.cli.printing import PAGE_LIMIT, print_list, print_one
from wayside.client.client import Client
from wayside.client.governance import SuggestionFilter
from wayside.errors import ProblemError
from wayside_events.contracts.governance import DecisionReply, Policy, PolicyDocument, Simulation
from wayside_events.contracts.problems import field_errors, summary

Said = Mapping[str, Any]


class Which(NamedTuple):
    """A policy by its name in a scope, or by its id."""

    name: str
    scope: str | None


def list_suggestions(talk: Talk, wanted: Said, *, limit: int) -> None:
    """Print suggestions."""
    query = cast("SuggestionFilter", {**wanted, "limit": min(limit, PAGE_LIMIT)})
    print_list(
        talk,
        lambda client: client.suggestions.list(**query),
        claims.suggestions_table,
        limit=limit,
        nothing="No suggestions.",
    )


def show_suggestion(talk: Talk, suggestion_id: str) -> None:
    """Print a suggestion."""
    print_one(talk, lambda client: client.suggestions.get(suggestion_id), claims.suggestion_details)


def explain_suggestion(talk: Talk, suggestion_id: str) -> None:
    """Print what speaks for or against a suggestion."""
    print_one(talk, lambda client: client.suggestions.explain(suggestion_id), claims.explanation)


def decide(talk: Talk, verdict: str, suggestion_ids: Sequence[str], options: Said) -> None:
    """Decide suggestions one after the other; one that is refused stops no other, and makes the status 1."""

    async def work() -> None:
        refused = False
        async with client_for(talk.url, talk.token) as client:
            for suggestion_id in suggestion_ids:
                try:
                    reply = await _decide(client, verdict, suggestion_id, options)
                except ProblemError as error:
                    refused = True
                    typer.secho(f"wayside: {suggestion_id}: {said(error.problem)}", fg="red", err=True)
                    continue
                _print_decision(reply, as_json=talk.as_json)
        raise typer.Exit(1 if refused else 0)

    run(work())


async def _decide(client: Client, verdict: str, suggestion_id: str, options: Said) -> DecisionReply:
    suggestion = await client.suggestions.get(suggestion_id)
    act = {
        "approve": client.suggestions.approve,
        "reject": client.suggestions.reject,
        "undo": client.suggestions.undo,
    }[verdict]
    return await cast("Any", act)(suggestion, **options)  # type: ignore[no-any-return]


def _print_decision(reply: DecisionReply, *, as_json: bool) -> None:
    if as_json:
        typer.echo(reply.model_dump_json(exclude_none=True))
        return
    console = Console()
    suggestion = reply.suggestion
    line = Text(f"{suggestion.id}  ", style="dim").append_text(claims.status_text(suggestion.status))
    console.print(line.append("  ").append_text(claims.claim_text(suggestion)), soft_wrap=True)
    for linked in reply.linked:
        console.print(
            Text(f"{linked.suggestion_id}  ", style="dim").append_text(claims.status_text(linked.status)),
            soft_wrap=True,
        )


def list_policies(talk: Talk, scope: str | None, *, limit: int) -> None:
    """Print policies by name."""
    print_list(
        talk,
        lambda client: client.policies.list(scope=scope, limit=min(limit, PAGE_LIMIT)),
        measures.policies_table,
        limit=limit,
        nothing="No policies: people decide everything.",
    )


def show_policy(talk: Talk, which: Which) -> None:
    """Print a policy."""
    print_one(talk, lambda client: _policy(client, which), measures.policy_details)


def put_policy(talk: Talk, which: Which, document: str, options: Said) -> None:
    """Keep a version of a policy, and print the policy."""
    wanted = _document(document)
    scope = which.scope or ""
    print_one(
        talk,
        lambda client: client.policies.put(which.name, wanted, scope=scope, **options),
        measures.policy_details,
    )


def switch_policy(talk: Talk, which: Which, reason: str | None, *, enables: bool) -> None:
    """Enable a policy or disable it, and print it."""

    async def ask(client: Client) -> Policy:
        policy = await _policy(client, which)
        switch = client.policies.enable if enables else client.policies.disable
        return await switch(policy.id, reason=reason)

    print_one(talk, ask, measures.policy_details)


def simulate(talk: Talk, which: Which, document: str | None, *, limit: int) -> None:
    """Print what a policy, or a document, would have done."""
    draft = None if document is None else _document(document)
    if not which.name and (draft is None or which.scope is None):
        fail("name a policy, or give a --document and the --scope to try it in")

    async def ask(client: Client) -> Simulation:
        if which.name:
            policy = await _policy(client, which)
            return await client.policies.simulate(policy.id, document=draft, limit=limit)
        assert draft is not None
        assert which.scope is not None
        return await client.policies.simulate_draft(draft, scope=which.scope, limit=limit)

    print_one(talk, ask, measures.simulation)


async def _policy(client: Client, which: Which) -> Policy:
    try:
        policy_id = str(UUID(which.name))
    except ValueError:
        return await client.policies.named(which.name, scope=which.scope)
    return await client.policies.get(policy_id)


def _document(text: str) -> PolicyDocument:
    try:
        return PolicyDocument.model_validate(read_json(text, "--document"))
    except ValidationError as error:
        fail(f"--document: {summary(field_errors(error))}")
