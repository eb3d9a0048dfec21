"""Server-sent events, byte by byte."""

from wayside_gateway.sse.wire import chunk, chunked, plain, preamble
from wayside_gateway.streams.frame import Frame


def test_a_frame_has_event_data_and_last_its_id() -> None:
    frame = Frame("analysis.job.log", b'{"a":1}', sequence=7, cursor="e-7")
    assert plain(frame) == b'event: analysis.job.log\ndata: {"a":1}\nid: e-7\n\n'


def test_a_frame_without_a_cursor_leaves_the_clients_alone() -> None:
    assert plain(Frame("wayside.ping", b"{}")) == b"event: wayside.ping\ndata: {}\n\n"


def test_each_line_of_data_is_a_field() -> None:
    frame = Frame("x", b"one\ntwo\r\nthree\rfour")
    assert plain(frame) == b"event: x\ndata: one\ndata: two\ndata: three\ndata: four\n\n"


def test_a_frame_may_set_the_time_to_wait() -> None:
    assert plain(Frame("x", b"{}", retry_ms=5)).startswith(b"retry: 5\nevent: x\n")


def test_a_chunk_is_its_size_in_hexadecimal_and_its_bytes() -> None:
    assert chunk(b"0123456789abcdef") == b"10\r\n0123456789abcdef\r\n"
    frame = Frame("x", b"{}")
    assert chunked(frame) == chunk(plain(frame))


def test_the_size_counts_bytes_not_characters() -> None:
    assert chunk("ä".encode()) == b"2\r\n\xc3\xa4\r\n"


def test_the_first_lines_dispatch_nothing() -> None:
    assert preamble("e-7", 2000) == b"retry: 2000\nid: e-7\n\n"
    assert preamble(None, 2000) == b"retry: 2000\n\n"
