"""Lines of a streamed body."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside_governance.routes.lines import LINE_LIMIT_BYTES, LineTooLong, lines_of


async def read(chunks: list[bytes]) -> list[bytes | LineTooLong]:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [line async for line in lines_of(stream())]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([], []),
        ([b"a"], [b"a"]),
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b\nc", b"d"], [b"ab", b"cd"]),
        ([b"\n\n  \na\r\n\n"], [b"a"]),
    ],
)
async def test_lines_are_found_however_the_body_is_cut(chunks: list[bytes], lines: list[bytes]) -> None:
    assert await read(chunks) == lines


@given(st.lists(st.binary(max_size=4)))
async def test_cutting_elsewhere_finds_the_same_lines(chunks: list[bytes]) -> None:
    assert await read(chunks) == await read([b"".join(chunks)])


async def test_a_line_over_the_limit_is_passed_over_and_the_next_is_read() -> None:
    piece = b"x" * (LINE_LIMIT_BYTES // 2 + 1)
    too_long, after = await read([piece, piece, piece, b"\nok\n"])
    assert isinstance(too_long, LineTooLong)
    assert after == b"ok"
