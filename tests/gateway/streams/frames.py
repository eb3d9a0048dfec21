"""Frames and sinks for tests of single parts."""

import asyncio

from wayside_gateway.streams.frame import Encoder, Frame
from wayside_gateway.streams.lanes import LaneLimits
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.subscription import Subscription
from wayside_gateway.streams.wanted import Wanted

PROGRESS, LOG = "analysis.job.progress", "analysis.job.log"


def event(sequence: int, name: str = LOG, job: str = "a", data: bytes = b"{}", *, revision: int = 0) -> Frame:
    return Frame(
        name, data, sequence=sequence, cursor=f"e-{sequence}", entity_id=job, revision=revision or sequence
    )


def encode(frame: Frame) -> bytes:
    return b"%d " % frame.sequence


class Sink:
    """Takes bytes while it is open."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_writable = True
        self.is_aborted = False

    @property
    def encoder(self) -> Encoder:
        return encode

    @property
    def sequences(self) -> list[int]:
        return [int(one) for one in b"".join(self.written).split()]

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def drained(self) -> None:
        while not self.is_writable:
            await asyncio.sleep(0)

    def abort(self) -> None:
        self.is_aborted = True


def subscription(sink: Sink, wanted: Wanted | None = None, **limits: int) -> Subscription:
    return Subscription(wanted or Wanted(), sink, LaneLimits(**limits), Stats())
