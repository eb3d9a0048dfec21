"""Running the parts of a measurement, and saying what they found."""

import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import orjson
from rich.console import Console

from benchmarks.child import ChildFailed
from benchmarks.outcome import Outcome
from benchmarks.system import System, running_system
from benchmarks.table import table
from benchmarks.workspace import workspace
from wayside_standalone.errors import StandaloneError
from wayside_standalone.logs import tail

P = TypeVar("P")
Part: TypeAlias = Callable[[System, P], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Report:
    """What is shown in the end: a table, and one line of JSON with these figures."""

    title: str
    figures: Sequence[str]
    console: Console

    def show(self, outcomes: Mapping[str, Outcome]) -> int:
        """Print both; returns the exit status, 1 when anything was not as it must be."""
        self.console.print(table(self.title, outcomes))
        line = summary(self.figures, outcomes)
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
        return 0 if line["verified"] else 1


async def run(
    groups: Sequence[Sequence[str]],
    parts: Mapping[str, Part[P]],
    plan: P,
    *,
    services: Sequence[str],
    console: Console,
) -> dict[str, Outcome]:
    """Measure the parts; those of a group share a system, of which the first service is the one measured."""
    outcomes: dict[str, Outcome] = {}
    with workspace() as folder:
        for names in groups:
            try:
                async with running_system(folder, *services) as system:
                    for name in names:
                        console.print(f"[dim]{name}: load {os.getloadavg()[0]:.1f} …[/]")
                        outcomes[name] = await measured(parts[name], system, plan)
            except (ChildFailed, StandaloneError) as error:
                outcomes |= {name: Outcome({}, faults=[str(error)]) for name in names}
    return outcomes


async def measured(part: Part[P], system: System, plan: P) -> Outcome:
    """Run one part; whatever goes wrong is its fault, in words, with what the service has to say."""
    try:
        return await part(system, plan)
    except Exception as error:  # noqa: BLE001 - the other parts are measured all the same
        said = "".join(traceback.format_exception_only(error)).strip()
        return Outcome({}, faults=[f"{said}\nThe end of the service's log:\n{tail(system.log)}"])


def summary(figures: Sequence[str], outcomes: Mapping[str, Outcome]) -> dict[str, object]:
    """The JSON line; a figure that was not measured is null."""
    line: dict[str, object] = dict.fromkeys(figures)
    for outcome in outcomes.values():
        line |= outcome.figures
    return {**line, "verified": not any(outcome.faults for outcome in outcomes.values())}
