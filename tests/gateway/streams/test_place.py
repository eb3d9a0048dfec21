"""Where a client is, as the ids of frames say it."""

import pytest

from wayside_events.cursor import Cursor, InvalidCursor
from wayside_gateway.streams.place import Place


@pytest.mark.parametrize("text", ["a1-0", "a1-7", "a1-7~1", "a1-7~12"])
def test_a_place_is_read_as_it_is_written(text: str) -> None:
    assert str(Place.parse(text)) == text


def test_a_cursor_is_a_place() -> None:
    assert Place.parse("a1-7") == Place(Cursor("a1", 7))
    assert Place.parse("a1-7~3") == Place(Cursor("a1", 7), 3)


@pytest.mark.parametrize(
    "text", ["", "~1", "a1-7~", "a1-7~0", "a1-7~x", "a1-7~1~2", "a1~1-7", "a1-7~1\n", "a1-7~" + "9" * 19]
)
def test_anything_else_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(InvalidCursor) as refused:
        Place.parse(text)
    assert refused.value.text == text
