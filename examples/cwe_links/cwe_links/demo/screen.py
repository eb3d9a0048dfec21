"""What the demo shows: a live picture on a terminal, plain lines anywhere else."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydantic import JsonValue
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from wayside_events.edges import SuggestionProposedData
from wayside_events.jobs import LogEntry, Progress

PLAIN_WIDTH = 120
SUGGESTIONS_SHOWN = 6
LOGS_SHOWN = 4
BAR_WIDTH = 30
# Without a terminal: a line for every so many per cent, and for every so many suggestions after the first few.
PLAIN_STEP_PERCENT = 10
PLAIN_SUGGESTIONS = (3, 250)


STATUS_STYLE = {"running": "bold cyan", "completed": "bold green", "failed": "bold red", "canceled": "yellow"}


class Screen:
    """Prints what happens; one of its methods for each thing the demo has to say."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(highlight=False)
        self.live = console.is_terminal
        self.console = (
            console if self.live else Console(file=console.file, width=PLAIN_WIDTH, highlight=False)
        )

    def heading(self, text: str) -> None:
        """Begin a part of the story."""
        self.console.print()
        self.console.print(Text(text, style="bold"))

    def line(self, text: str) -> None:
        """Say one thing."""
        self.console.print(Text(text), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table; the first column is words, the others are right-aligned."""
        table = Table(box=SIMPLE_HEAD if self.live else None, pad_edge=False)
        for place, column in enumerate(columns):
            table.add_column(column, justify="right" if place else "left")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(table)

    def view(self, phases: Sequence[str]) -> "JobView":
        """A view of a job with these phases, to be shown with `showing`."""
        return JobView(phases) if self.live else PlainJobView(phases, self)

    @contextmanager
    def showing(self, view: "JobView") -> Iterator[None]:
        """Show a view while the context lasts, and leave it as it then is."""
        if not self.live:
            yield
            return
        with Live(console=self.console, refresh_per_second=10, get_renderable=lambda: draw(view)):
            yield


class JobView:
    """A job as the stream has shown it so far; the events go in here to be seen."""

    def __init__(self, phases: Sequence[str]) -> None:
        self.phases = phases
        self.status = "queued"
        self.percent = 0.0
        self.phase: str | None = None
        # What each phase last said it had done.
        self.done: dict[str, str] = {}
        self.logs: deque[LogEntry] = deque(maxlen=LOGS_SHOWN)
        self.suggestions = 0
        self.latest: deque[SuggestionProposedData] = deque(maxlen=SUGGESTIONS_SHOWN)

    def take_status(self, status: str) -> None:
        """The job's status changed; one that is queued again starts from the beginning."""
        self.status = status
        if status == "queued":
            self.percent, self.phase = 0.0, None
            self.done.clear()

    def take_progress(self, progress: Progress) -> None:
        """The job came further."""
        self.percent = progress.percent if progress.percent is not None else self.percent
        self.phase = progress.phase or self.phase
        if self.phase and progress.current is not None:
            self.done[self.phase] = counted(progress)

    def take_log(self, entries: Sequence[LogEntry]) -> None:
        """The job logged something."""
        self.logs.extend(entries)

    def take_suggestion(self, suggestion: SuggestionProposedData) -> None:
        """A suggestion arrived."""
        self.suggestions += 1
        self.latest.append(suggestion)


class PlainJobView(JobView):
    """The same as lines, and only those worth a line."""

    def __init__(self, phases: Sequence[str], screen: Screen) -> None:
        super().__init__(phases)
        self._screen = screen
        self._last_step: tuple[str | None, int] = (None, -1)

    def take_status(self, status: str) -> None:
        """A line for each status."""
        super().take_status(status)
        self._screen.line(f"job {status}")

    def take_progress(self, progress: Progress) -> None:
        """A line for each new phase, and for every so many per cent."""
        super().take_progress(progress)
        step = (self.phase, int(self.percent // PLAIN_STEP_PERCENT))
        if step != self._last_step:
            self._last_step = step
            self._screen.line(
                f"{self.percent:5.1f} %  {self.phase or ''}  {self.done.get(self.phase or '', '')}"
            )

    def take_log(self, entries: Sequence[LogEntry]) -> None:
        """A line for each entry."""
        super().take_log(entries)
        for entry in entries:
            self._screen.line(f"{entry.level.value}: {logged(entry)}")

    def take_suggestion(self, suggestion: SuggestionProposedData) -> None:
        """A line for each of the first, and then a count now and then."""
        super().take_suggestion(suggestion)
        first, every = PLAIN_SUGGESTIONS
        if self.suggestions <= first:
            self._screen.line(f"suggestion: {claim(suggestion)}")
        elif self.suggestions % every == 0:
            self._screen.line(f"{self.suggestions} suggestions")


def draw(view: JobView) -> RenderableType:
    """The live picture: phases, total progress, logs, and the latest suggestions."""
    parts: list[RenderableType] = [_phases(view), _total(view)]
    parts += [Text(f"  {logged(entry)}", style="dim", no_wrap=True) for entry in view.logs]
    if view.suggestions:
        parts.append(Text(f"\n{view.suggestions:,} suggestions", style="bold"))
        parts.append(_latest(view))
    return Group(*parts)


def counted(progress: Progress) -> str:
    """How far, in words: "512 of 938 weaknesses"."""
    of = f" of {progress.total:,.0f}" if progress.total is not None else ""
    return f"{progress.current or 0:,.0f}{of} {progress.unit or ''}".rstrip()


def logged(entry: LogEntry) -> str:
    """A log entry with its context: "catalogue read: 938 weaknesses"."""
    context = ", ".join(f"{_number(value)} {name}" for name, value in entry.context.items())
    return f"{entry.message}: {context}" if context else entry.message


def claim(suggestion: SuggestionProposedData) -> str:
    """A suggestion in one line."""
    link = f"{suggestion.from_node_id} {suggestion.relationship_type} {suggestion.to_node_id}"
    return f"{link}  {suggestion.confidence:.3f}  {suggestion.reasoning or ''}"


def _number(value: JsonValue) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _phases(view: JobView) -> Table:
    table = Table.grid(padding=(0, 2))
    places = {phase: place for place, phase in enumerate(view.phases)}
    now = places.get(view.phase or "", -1)
    for place, phase in enumerate(view.phases):
        finished = place < now or view.status == "completed"
        mark, style = ("✓", "green") if finished else ("●", "bold") if place == now else ("·", "dim")
        table.add_row(Text(f"  {mark}", style=style), Text(phase, style=style), view.done.get(phase, ""))
    return table


def _total(view: JobView) -> Table:
    table = Table.grid(padding=(0, 2))
    percent = 100.0 if view.status == "completed" else view.percent
    bar = ProgressBar(total=100, completed=percent, width=BAR_WIDTH)
    table.add_row(
        "  ", bar, f"{percent:3.0f} %", Text(view.status, style=STATUS_STYLE.get(view.status, "bold"))
    )
    return table


def _latest(view: JobView) -> Table:
    table = Table.grid(padding=(0, 2))
    for suggestion in view.latest:
        link = f"{suggestion.from_node_id} {suggestion.relationship_type} {suggestion.to_node_id}"
        reasoning = Text(suggestion.reasoning or "", style="dim", no_wrap=True, overflow="ellipsis")
        table.add_row(f"  {link}", f"{suggestion.confidence:.3f}", reasoning)
    return table
