"""Lines of a body that is read as it comes, in bounded memory."""

from collections.abc import AsyncIterator

LINE_LIMIT_BYTES = 1024 * 1024


class LineTooLong(ValueError):
    """A line of a body is over the limit; it was passed over."""

    def __init__(self) -> None:
        super().__init__(f"A line may have at most {LINE_LIMIT_BYTES} bytes")


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes | LineTooLong]:
    """Yield lines that are not blank; for one over the limit, a `LineTooLong` in its place."""
    rest = bytearray()
    is_too_long = False
    async for chunk in chunks:
        *ended, last = chunk.split(b"\n")
        for part in ended:
            rest += part
            if line := _line(rest, is_too_long):
                yield line
            rest.clear()
            is_too_long = False
        if is_too_long or len(rest) + len(last) > LINE_LIMIT_BYTES:
            is_too_long = True
            rest.clear()
        else:
            rest += last
    if line := _line(rest, is_too_long):
        yield line


def _line(content: bytearray, is_too_long: bool) -> bytes | LineTooLong | None:
    if is_too_long or len(content) > LINE_LIMIT_BYTES:
        return LineTooLong()
    return bytes(content).strip() or None
