"""The parser of server-sent events: WHATWG HTML §9.2.6, however the bytes are split."""

import itertools

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


def test_a_stream_may_be_cut_at_every_byte() -> None:
    for cut in range(len(STREAM)):
        assert parse(STREAM[:cut], STREAM[cut:]) == EXPECTED, cut


LINES = st.lists(st.sampled_from(["data: a", "data", "id: 7", "event: e", ": c", "", "x: y"]), max_size=12)


@given(lines=LINES, end=st.sampled_from(["\n", "\r", "\r\n"]), cuts=st.sets(st.integers(0, 120), max_size=6))
def test_every_line_end_means_the_same_however_it_is_split(
    lines: list[str], end: str, cuts: set[int]
) -> None:
    text = "".join(line + end for line in lines).encode()
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    chunks = [text[start:stop] for start, stop in itertools.pairwise(edges)]
    assert parse(*chunks) == parse("".join(line + "\n" for line in lines).encode())


def test_the_last_id_and_the_retry_time_are_known_without_an_event() -> None:
    parser = EventParser()
    assert parser.feed(b"retry: 250\nid: 1-9\n\n") == []
    assert (parser.last_event_id, parser.retry_ms) == ("1-9", 250)


def test_an_id_counts_only_when_its_block_is_complete() -> None:
    parser = EventParser()
    parser.feed(b"id: 1-8\n\nid: 1-9\ndata: {}\n")
    assert parser.last_event_id == "1-8"
    parser.feed(b"\n")
    assert parser.last_event_id == "1-9"


def test_an_id_with_a_null_or_a_retry_that_is_no_number_changes_nothing() -> None:
    parser = EventParser()
    parser.feed("id: 1-9\nretry: 250\nid: 1\0\nretry: -1\nretry: ²\n\n".encode())
    assert (parser.last_event_id, parser.retry_ms) == ("1-9", 250)


def test_bytes_that_are_no_utf_8_become_replacement_characters() -> None:
    assert parse(b"data: \xff\n\n") == [ServerSentEvent("message", "\ufffd")]
