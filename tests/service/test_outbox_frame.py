import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside_events.bus import OutgoingMessage
from wayside_service.outbox.frame import (
    BYTES_LIMIT,
    EVENTS_LIMIT,
    UnreadableFrame,
    pack,
    pack_messages,
    portions,
    unpack,
)

words = st.text(st.characters(codec="ascii", exclude_categories=["Z", "C"]), min_size=1, max_size=40)
payloads = st.binary(max_size=200).map(lambda payload: payload.replace(b"\n", b""))


@given(st.lists(st.builds(OutgoingMessage, words, words, payloads), max_size=20))
def test_what_is_packed_is_unpacked(messages: list[OutgoingMessage]) -> None:
    assert unpack(pack_messages(messages), len(messages)) == messages


def test_a_payload_with_line_breaks_says_the_same_in_one_line() -> None:
    payload = b'{\n  "text": "a\\nb",\r\n  "n": 1\n}'
    (message,) = unpack(pack(["x.y.z.acme.a a:1"], [payload]), 1)
    assert orjson.loads(message.payload) == orjson.loads(payload)


@pytest.mark.parametrize("name", ["a b:1 c", "a\nb c:1", "a\n b:1", " b:1", "a ", "a", ""])
def test_a_name_that_would_shift_the_others_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="white space"):
        pack([name], [b"{}"])


@pytest.mark.parametrize(
    ("frame", "count"),
    [(b"", 1), (b"a a:1", 1), (b"a a:1\n{}", 2), (b"a\n{}", 1), (b"a a:1\n{}\n{}", 1), (b"\xff a:1\n{}", 1)],
)
def test_other_bytes_are_said_to_be_unreadable(frame: bytes, count: int) -> None:
    with pytest.raises(UnreadableFrame):
        unpack(frame, count)


@given(st.lists(st.integers(0, 2 * BYTES_LIMIT) | st.just(1), min_size=1, max_size=1_200))
def test_rows_are_within_their_limits_and_hold_everything_once(sizes: list[int]) -> None:
    parts = list(portions(sizes))
    assert [size for part in parts for size in sizes[part]] == sizes
    for part in parts:
        row = sizes[part]
        assert 0 < len(row) <= EVENTS_LIMIT
        assert len(row) == 1 or sum(row) <= BYTES_LIMIT
