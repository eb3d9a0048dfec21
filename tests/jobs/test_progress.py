"""Progress as it is stored: percentages said, derived from counts, and rolled up from children."""

from typing import Any

import orjson
import pytest

from wayside_events.jobs import Children, Progress
from wayside_jobs.domain.groups import Census
from wayside_jobs.domain.job import NO_PROGRESS
from wayside_jobs.domain.progress import children_of, completed, merged, rolled_up
from wayside_jobs.domain.values import Json


def after(*said: Progress | Children) -> dict[str, Any]:
    """What is stored when these were said one after another."""
    known: Json = NO_PROGRESS
    for news in said:
        known = merged(known, news) if isinstance(news, Progress) else rolled_up(known, news)
    fields: dict[str, Any] = orjson.loads(known)
    return fields


def children(percent: float) -> Children:
    return Children(total=2, queued=0, running=2, completed=0, failed=0, canceled=0, percent=percent)


def shown(*said: Progress | Children) -> tuple[Any, Any]:
    fields = after(*said)
    return fields.get("percent"), fields.get("percent_source")


def test_a_percentage_nobody_said_follows_from_the_counts() -> None:
    assert shown(Progress(current=1, total=3)) == (33.33, "counts")
    assert shown(Progress(total=4), Progress(current=1), Progress(current=3)) == (75, "counts")


@pytest.mark.parametrize("total", [0, None])
def test_without_a_total_there_is_no_percentage(total: float | None) -> None:
    assert shown(Progress(current=5, total=total)) == (None, None)


def test_a_percentage_that_was_said_counts_and_the_counts_do_not() -> None:
    assert shown(Progress(percent=10, current=9, total=10)) == (10, None)
    assert shown(Progress(percent=10), Progress(current=9, total=10)) == (10, None)


def test_a_derived_percentage_gives_way_to_one_that_is_said_but_never_goes_back() -> None:
    assert shown(Progress(current=1, total=2), Progress(percent=80)) == (80, None)
    assert shown(Progress(current=1, total=2), Progress(percent=20)) == (50, None)
    assert shown(Progress(current=8, total=10), Progress(current=2)) == (80, "counts")
    assert shown(Progress(current=1, total=2), Progress(total=100)) == (50, "counts")


def test_counts_do_not_end_a_job() -> None:
    assert shown(Progress(current=7, total=7)) == (99, "counts")
    assert shown(Progress(current=-1, total=7)) == (0, "counts")


def test_children_move_a_parent_that_says_no_percentage_and_never_back() -> None:
    assert shown(children(40)) == (40, "children")
    assert shown(children(40), children(20)) == (40, "children")
    assert shown(Progress(message="go"), children(100)) == (99, "children")


@pytest.mark.parametrize("own", [Progress(percent=10), Progress(current=1, total=10)])
def test_a_parents_own_percentage_wins_over_its_children(own: Progress) -> None:
    assert shown(own, children(40))[0] == 10
    assert shown(children(5), own, children(40))[0] == 10
    assert after(own, children(40))["children"]["percent"] == 40


def test_a_runner_cannot_say_what_the_service_writes() -> None:
    said = Progress.model_validate(
        {"percent_source": "children", "children": children(3).model_dump(), "phase": "x"}
    )
    assert after(said) == {"phase": "x"}
    assert after(children(3), said)["children"]["percent"] == 3


def test_completion_is_a_hundred_whatever_was_shown() -> None:
    known = rolled_up(NO_PROGRESS, children(40))
    fields = orjson.loads(completed(known))
    assert children_of(known) == children(40)
    assert (fields["percent"], "percent_source" in fields, "children" in fields) == (100, False, True)


def test_the_mean_of_children_counts_who_has_ended_as_done_and_who_waits_as_not_begun() -> None:
    census = Census()
    for status, number, percents in (
        ("queued", 1, None),
        ("running", 2, 100.0),
        ("completed", 1, None),
        ("failed", 1, None),
    ):
        census.add("p", status, number, percents)
    assert census.children() == {
        "p": Children(total=5, queued=1, running=2, completed=1, failed=1, canceled=0, percent=60)
    }
