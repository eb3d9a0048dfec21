"""The table a person reads."""

from collections.abc import Mapping

from rich.table import Table

from benchmarks.outcome import Outcome, Value


def table(title: str, outcomes: Mapping[str, Outcome]) -> Table:
    """Lay out what was measured, part by part."""
    made = Table("part", "figure", "value", title=title, title_justify="left")
    for name, outcome in outcomes.items():
        for figure, value in outcome.figures.items():
            made.add_row(name, f"[bold]{figure}[/]", shown(value))
        for figure, value in outcome.details.items():
            made.add_row(name, figure, shown(value))
        for fault in outcome.faults:
            made.add_row(name, "[red]fault[/]", fault)
        made.add_section()
    return made


def shown(value: Value) -> str:
    """A value as text."""
    if isinstance(value, dict):
        return "\n".join(f"{name} {shown(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)
