"""JSON as text, page tokens, and who may see what; pure."""

import pytest
from pydantic import JsonValue
from tests.jobs.samples import JOB_ID, NOW

from wayside_events.identifiers import EntityId
from wayside_jobs.domain.errors import InvalidPage, InvalidValue
from wayside_jobs.domain.values import json_text
from wayside_jobs.domain.wanted import Position


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "", "ä\u2028", [], {}, {"a": [None, {"b": "c"}]}])
def test_json_is_encoded_compactly(value: object) -> None:
    assert json_text(value, "x", 100).replace(" ", "") == json_text(value, "x", 100)  # type: ignore[arg-type]


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidValue):
        json_text("\ud800", "x", 100)


@pytest.mark.parametrize("levels", [101, 250, 1_000])
def test_what_is_nested_more_deeply_than_readers_can_parse_is_refused(levels: int) -> None:
    value: list[JsonValue] = []
    for _ in range(levels - 1):
        value = [value]
    with pytest.raises(InvalidValue):
        json_text({"a": value}, "x", 10_000)


def test_many_values_side_by_side_are_not_deep() -> None:
    assert json_text([[]] * 1_000, "x", 10_000)


def test_a_place_in_a_list_is_read_as_it_was_written() -> None:
    place = Position(NOW, EntityId(JOB_ID))
    assert Position.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "x", "????", "bm90IGEgcGFnZQ", "MjAyNi0wMS0wMVQwMDowMDowMCBhYmM", "é"])
def test_any_other_text_is_no_place(text: str) -> None:
    with pytest.raises(InvalidPage):
        Position.parse(text)
