"""The parser of server-sent events: WHATWG HTML §9.2.6, however the bytes are split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside.client.sse import EventParser, ServerSentEvent

STREAM = (
    "\ufeff: a comment\nretry: 1500\nid: 1-0\n\n"
    'id: 1-1\nevent: analysis.job.queued\ndata: {"a": 1}\n\n'
    "data\r\rdata:first\r\ndata: second\r\ndata:  third\r\n\r\n"
    "event: nothing\nid: 1-2\n\n"
    "id: bad\0id\nunknown: x\nretry: soon\ndata: ü€𝄞\n\n"
    "data: never finished\n"
).encode()

EXPECTED = [
    ServerSentEvent("analysis.job.queued", '{"a": 1}', "1-1"),
    ServerSentEvent("message", ""),
    ServerSentEvent("message", "first\nsecond\n third"),
    ServerSentEvent("message", "ü€𝄞"),
]


def parse(*chunks: bytes) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
def test_a_stream_reads_the_same_in_pieces_of_any_size(size: int) -> None:
    chunks = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert parse(*chunks) == EXPECTED


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_a_stream_may_be_cut_at_every_byte(cut: int) -> None:
    assert parse(STREAM[:cut], STREAM[cut:]) == EXPECTED


LINES = st.lists(st.sampled_from(["data: a", "data", "id: 7", "event: e", ": c", "", "x: y"]), max_size=12)


@given(lines=LINES, ends=st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=12), data=st.data())
def test_every_line_end_means_the_same_however_it_is_split(
    lines: list[str], ends: list[str], data: st.DataObject
) -> None:
    # A line end of CR and an empty line that ends in LF would together be one CRLF.
    ends = ["\r\n" if "\r" in ends else "\n"] * len(lines) if "\r" in ends and "\n" in ends else ends
    text = "".join(line + end for line, end in zip(lines, ends, strict=False)).encode()
    plain = "".join(line + "\n" for line in lines).encode()
    cut = data.draw(st.integers(0, len(text)))
    assert parse(text[:cut], text[cut:]) == parse(plain)


def test_the_last_id_and_the_retry_time_are_known_without_an_event() -> None:
    parser = EventParser()
    assert parser.feed(b"retry: 250\nid: 1-9\n\n") == []
    assert (parser.last_event_id, parser.retry_ms) == ("1-9", 250)


def test_an_id_with_a_null_or_a_retry_that_is_no_number_changes_nothing() -> None:
    parser = EventParser()
    parser.feed("id: 1-9\nretry: 250\nid: 1\0\nretry: -1\nretry: ²\n\n".encode())
    assert (parser.last_event_id, parser.retry_ms) == ("1-9", 250)


def test_bytes_that_are_no_utf_8_become_replacement_characters() -> None:
    assert parse(b"data: \xff\n\n") == [ServerSentEvent("message", "\ufffd")]
