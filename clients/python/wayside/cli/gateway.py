"""Which gateway a command talks to, and how its errors look."""

import asyncio
from collections.abc import Coroutine
from importlib.metadata import entry_points
from typing import Any, NoReturn

import typer
from pydantic import ValidationError

from wayside.client.client import Client
from wayside.errors import ProblemError, Unauthorized, WaysideError
from wayside_events.contracts.problems import Problem, field_errors, summary

GATEWAYS = "wayside.gateways"
"""The entry-point group of running stacks: each is a function `() -> (url, token) | None` for one on this machine."""


def client_for(url: str | None, token: str | None) -> Client:
    """Return a client for what was named, or for the stack that runs on this machine."""
    if url is None or token is None:
        found = _running_stack()
        if found is not None and url in (None, found[0]):
            url, token = found[0], token or found[1]
    if url is None:
        fail(
            "no gateway: give --url and --token, set WAYSIDE_URL and WAYSIDE_TOKEN, or start one with `wayside up`"
        )
    return Client(url, token=token, retry_seconds=5)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end; errors of Wayside are a sentence and status 1, Ctrl-C is no error."""
    try:
        asyncio.run(work)
    except Unauthorized as error:
        fail(f"{said(error.problem)}. Is the token still valid? See `wayside token`.")
    except ProblemError as error:
        fail(said(error.problem))
    except (WaysideError, TimeoutError) as error:
        fail(str(error) or "it took too long")
    except ValidationError as error:
        fail(summary(field_errors(error)))
    except ValueError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def fail(message: str) -> NoReturn:
    """Say what is wrong and exit."""
    typer.secho(f"wayside: {message}", fg="red", err=True)
    raise typer.Exit(1)


def said(problem: Problem) -> str:
    """What went wrong, and where; the code, for those who look for it, at the end."""
    details = [f"{error.field}: {error.message}" for error in problem.errors]
    more = [
        detail
        for detail, error in zip(details, problem.errors, strict=True)
        if error.message not in problem.detail
    ]
    return " ".join([problem.detail, *more]).rstrip(".") + f" ({problem.code})"


def _running_stack() -> tuple[str, str] | None:
    for entry_point in entry_points(group=GATEWAYS):
        found: tuple[str, str] | None = entry_point.load()()
        if found is not None:
            return found
    return None
