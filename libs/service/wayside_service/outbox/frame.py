"""How the events of one row of the outbox are written as bytes; pure.

The first line names them: `<NATS subject> <message id>` of each, with one space between all words. After it, each
payload is a line, so that two splits read a row. JSON has a raw newline only between its tokens, where any other
white space says the same: it is written as a space.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from wayside_events.bus import OutgoingMessage

EVENTS_LIMIT = 500
BYTES_LIMIT = 512 * 1024
"""What one row holds at most; a single event may be larger."""

_MESSAGE: Final = partial(tuple.__new__, OutgoingMessage)
"""`OutgoingMessage` of a tuple, without a Python call for each."""


class UnreadableFrame(ValueError):
    """The bytes of a row are not what `pack` writes."""


def pack(names: Sequence[str], payloads: Sequence[bytes]) -> bytes:
    """Write events, whose names are `<NATS subject> <message id>`, as one frame."""
    head = " ".join(names)
    words = head.split()
    if len(words) != 2 * len(payloads) or " ".join(words) != head:
        raise ValueError("a subject or message id of an event is empty or has white space")
    return b"\n".join([head.encode(), *[payload.replace(b"\n", b" ") for payload in payloads]])


def pack_messages(messages: Sequence[OutgoingMessage]) -> bytes:
    """Write messages as one frame."""
    names = [f"{message.subject} {message.message_id}" for message in messages]
    return pack(names, [message.payload for message in messages])


def unpack(frame: bytes, count: int) -> list[OutgoingMessage]:
    """Read the `count` events of a frame, in order; raises `UnreadableFrame`."""
    head, *payloads = frame.split(b"\n")
    try:
        words = head.decode().split(" ") if head else []
    except UnicodeDecodeError as error:
        raise UnreadableFrame("the names of its events are not text") from error
    if len(payloads) != count or len(words) != 2 * count:
        raise UnreadableFrame(f"{len(words)} words name {len(payloads)} payloads of {count} events")
    return list(map(_MESSAGE, zip(words[::2], words[1::2], payloads, strict=True)))


def portions(sizes: Sequence[int]) -> Iterator[slice]:
    """Divide events of these sizes, in order, into rows."""
    start = total = 0
    for position, size in enumerate(sizes):
        if position > start and (total + size > BYTES_LIMIT or position - start == EVENTS_LIMIT):
            yield slice(start, position)
            start, total = position, 0
        total += size
    yield slice(start, len(sizes))
