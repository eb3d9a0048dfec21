"""Pages of lists."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside_events.identifiers import new_id
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.domain.wanted import Order, Position
from wayside_governance.service.pages import read_page, write_page

moments = st.datetimes(timezones=st.just(UTC))


@given(st.floats(0, 1))
def test_a_page_by_confidence_begins_where_it_says(confidence: float) -> None:
    position = Position(confidence, new_id())
    assert read_page(write_page(Order.CONFIDENCE, position), Order.CONFIDENCE) == position


@given(moments)
def test_a_page_by_time_begins_where_it_says_to_the_microsecond(moment: datetime) -> None:
    position = Position(moment, new_id())
    assert read_page(write_page(Order.NEWEST, position), Order.NEWEST) == position


def test_no_position_is_no_page() -> None:
    assert write_page(Order.NEWEST, None) is None
    assert read_page(None, Order.NEWEST) is None


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_nothing_else_is_a_page(text: str) -> None:
    with pytest.raises(InvalidPage):
        read_page(text, Order.NEWEST)
