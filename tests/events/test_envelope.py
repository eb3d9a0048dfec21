"""Moments as requests and events write them."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from wayside_events.envelope import Timestamp

TIMESTAMP: TypeAdapter[datetime] = TypeAdapter(Timestamp)


def test_a_moment_is_read_as_utc() -> None:
    read = TIMESTAMP.validate_python("2026-01-01T01:00:00+01:00")
    assert (read, read.tzinfo) == (datetime(2026, 1, 1, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
    ],
)
def test_a_moment_that_utc_cannot_express_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TIMESTAMP.validate_python(text)
