from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from cwe_links.demo.outcome import Outcome
from cwe_links.demo.screen import Screen
from wayside_events.edges import SuggestionProposedData
from wayside_events.identifiers import new_id
from wayside_events.jobs import LogEntry, LogLevel, Progress

PHASES = ("load", "compare")


def suggestion(number: int) -> SuggestionProposedData:
    return SuggestionProposedData(
        suggestion_id=new_id(),
        from_node_id=f"CWE-{number}",
        to_node_id="CWE-79",
        relationship_type="ChildOf",
        confidence=0.9,
        evidence_count=1,
        reasoning="share: " + "script, " * 40,
        source_model="test",
        proposed_by="worker",
    )


def shown(*, terminal: bool) -> str:
    console = Console(file=StringIO(), force_terminal=terminal, width=100, color_system=None)
    screen = Screen(console)
    view = screen.view(PHASES)
    with screen.showing(view):
        view.take_status("running")
        view.take_progress(Progress(percent=10, phase="load", current=938, total=938, unit="weaknesses"))
        view.take_log(
            [
                LogEntry(
                    seq=1, time=datetime.now(UTC), level=LogLevel.INFO, message="read", context={"rows": 1200}
                )
            ]
        )
        for percent in range(20, 60):
            view.take_progress(
                Progress(percent=percent, phase="compare", current=percent, total=100, unit="rows")
            )
        for number in range(300):
            view.take_suggestion(suggestion(number))
        view.take_status("completed")
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_without_a_terminal_there_are_only_plain_lines_and_few_of_them() -> None:
    text = shown(terminal=False)
    assert "\x1b" not in text
    assert "info: read: 1,200 rows" in text
    assert " 50.0 %  compare  50 of 100 rows" in text
    assert "250 suggestions" in text
    assert len(text.splitlines()) < 20


def test_without_a_terminal_a_long_line_stays_one_line() -> None:
    assert any(len(line) > 200 for line in shown(terminal=False).splitlines())


def test_on_a_terminal_the_last_picture_shows_phases_progress_and_the_latest_suggestions() -> None:
    picture = shown(terminal=True).rpartition("\x1b[2K")[2]
    assert "✓  load     938 of 938 weaknesses" in picture
    assert "100 %  completed" in picture
    assert "300 suggestions" in picture
    assert "CWE-299 ChildOf CWE-79" in picture


def test_an_outcome_with_a_shortfall_is_not_ok() -> None:
    outcome = Outcome()
    outcome.expect(True, "not noted")
    assert outcome.ok
    outcome.expect(False, "noted")
    assert (outcome.ok, outcome.shortfalls) == (False, ["noted"])
    assert '"ok": false' in outcome.to_json()
