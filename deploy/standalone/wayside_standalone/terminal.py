"""What a person at the terminal sees: tables, errors with the end of the log that matters, warnings as they come."""

import errno
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from wayside_standalone.errors import StandaloneError, StartFailed, UnusableDirectory
from wayside_standalone.logs import tail
from wayside_standalone.state import StackState
from wayside_standalone.supervisor import Status, logger

_OF_THE_MACHINE = frozenset({"logger", "request_id", "service", "span_id", "trace_id"})

STYLES = {Status.READY: "green", Status.STARTING: "yellow", Status.WAITING: "red", Status.STOPPED: "dim"}


def show_parts(console: Console, state: StackState) -> None:
    """Print the parts of a stack, and the end of the log of each that has failed."""
    table = Table(
        "part", "status", "address", "pid", "restarts", box=None, header_style="dim", pad_edge=False
    )
    for part in state.parts:
        status = Text(part.status, STYLES[part.status])
        table.add_row(part.name, status, part.url or "-", str(part.pid or "-"), str(part.restarts or ""))
    console.print(table)
    for part in state.parts:
        match part.status:
            case Status.WAITING:
                console.print(log_panel(part.name, part.log, tail(part.log)))
            case Status.STARTING:
                console.print(Text(f"{part.name} is starting; its log is {part.log}"), soft_wrap=True)
            case _:
                continue


def show_line(console: Console, name: str, value: str) -> None:
    """Print a value that may be longer than the line so that it can still be copied in one piece."""
    console.print(Text.assemble((f"{name:<9}", "dim"), value), soft_wrap=True)


def log_panel(name: str, log: Path, text: str) -> Panel:
    """The end of a log in a frame."""
    lines = "\n".join(map(plain_line, text.splitlines()))
    return Panel(Text(lines), title=f"the end of the log of {name}", subtitle=str(log), border_style="red")


def plain_line(line: str) -> str:
    """Return a line of a log for people: one that is JSON, as services write them, as time, level, what, and the rest."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    if not isinstance(said, dict) or "event" not in said:
        return line
    time = str(said.pop("timestamp", "")).partition("T")[2][:8]
    level, event, trace = said.pop("level", ""), said.pop("event"), said.pop("exception", None)
    rest = [f"{name}={value}" for name, value in said.items() if name not in _OF_THE_MACHINE]
    text = " ".join(filter(None, [time, str(level), str(event), *rest]))
    return f"{text}\n{trace}" if trace else text


def show_error(error: StandaloneError) -> None:
    """Print an error for a person."""
    console = Console(stderr=True)
    if isinstance(error, StartFailed) and error.tail:
        console.print(log_panel(error.name, error.log, error.tail))
    console.print(Text(f"wayside: {error}", "red"), soft_wrap=True)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Turn an expected error into a sentence on stderr and the exit status 1."""
    try:
        yield
    except StandaloneError as error:
        show_error(error)
        raise typer.Exit(1) from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        show_error(UnusableDirectory(error))
        raise typer.Exit(1) from error


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Show what the supervisor has to say, such as a service that keeps failing, as it happens."""
    handler = RichHandler(console=Console(stderr=True), level=logging.WARNING, show_path=False)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
