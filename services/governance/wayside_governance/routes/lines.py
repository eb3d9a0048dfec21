"""Lines of a body that is read as it comes, and of the answer to them, in bounded memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from tempfile import SpooledTemporaryFile

from aiohttp import web
from pydantic import BaseModel

from wayside_service.errors import BadRequest, RequestTimedOut, TooLarge, Unavailable
from wayside_service.http.binding import body_chunks
from wayside_service.http.route import LINES
from wayside_service.middleware import ERRORS
from wayside_service.problems import problem_of

LINE_LIMIT_BYTES = 1024 * 1024
BATCH_LIMIT = 1_000
BATCH_LIMIT_BYTES = 4 * 1024 * 1024
SPOOL_BYTES = 1024 * 1024
ANSWER_LIMIT_BYTES = 256 * 1024 * 1024
"""What may wait on disk for the end of a stream: the outcomes of some two million lines."""


class LineTooLong(ValueError):
    """A line of a body is over the limit; it was passed over."""

    def __init__(self) -> None:
        super().__init__(f"A line may have at most {LINE_LIMIT_BYTES} bytes")


Line = bytes | LineTooLong
Take = Callable[[Sequence[Line]], Awaitable[Sequence[BaseModel]]]
"""Takes a batch of lines, at most a thousand, and returns an outcome for each."""


async def answer_in_lines(request: web.Request, take: Take) -> web.StreamResponse:
    """Answer each line of the body by a line; should the service have to give up on the way, the last is a problem.

    The whole body is taken before the answer begins: many clients read no answer before they have sent all. Outcomes wait in
    a temporary file meanwhile, so memory stays bounded.
    """
    with SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
        try:
            async for batch in _batches(request):
                _leave_room(spool.tell())
                outcomes = await take(batch)
                spool.writelines(
                    outcome.model_dump_json(exclude_none=True).encode() + b"\n" for outcome in outcomes
                )
        except (Unavailable, BadRequest, RequestTimedOut, TooLarge) as error:
            if not spool.tell():
                raise
            problem = problem_of(error, request.app[ERRORS])
            assert problem is not None
            spool.write(b'{"problem":' + problem.model_dump_json(exclude_none=True).encode() + b"}\n")
        response = web.StreamResponse(headers={"Content-Type": LINES})
        await response.prepare(request)
        spool.seek(0)
        while chunk := spool.read(64 * 1024):
            await response.write(chunk)
        await response.write_eof()
        return response


def _leave_room(answer_bytes: int) -> None:
    if answer_bytes >= ANSWER_LIMIT_BYTES:
        raise TooLarge("The stream is too long for one answer; send what is left in another request.")


async def _batches(request: web.Request) -> AsyncIterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    async for line in lines_of(body_chunks(request)):
        batch.append(line)
        size += len(line) if isinstance(line, bytes) else 0
        if len(batch) == BATCH_LIMIT or size >= BATCH_LIMIT_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


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
