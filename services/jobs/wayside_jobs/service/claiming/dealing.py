"""Who of those that wait gets which job; pure."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from wayside_events.contracts.jobs import ClaimRequest
from wayside_jobs.domain.claims import ReadyJob

REPLY_BYTES = 900 * 1024
"""One answer at most, which must fit a message of 1 MiB; a single job is always smaller."""

BATCH_BYTES = 16 * REPLY_BYTES
"""All answers of one transaction at most."""

_ENVELOPE_BYTES = 640
"""An assignment without what is counted: names, ids, times, numbers and the token."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One claim that waits for work until `answer_at` (the event loop's time), or until it is withdrawn."""

    request: ClaimRequest
    answer_at: float
    future: asyncio.Future[list[bytes]]
    is_withdrawn: bool = False
    is_parked: bool = False
    """Whether there was nothing when it came."""


@dataclass(slots=True)
class Hand:
    """What one claim is given."""

    waiter: Waiter
    jobs: list[ReadyJob] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether no slot is free."""
        return len(self.jobs) >= self.waiter.request.slots

    def offer(self, item: ReadyJob) -> bool:
        """Take a job unless the answer would grow too large."""
        size = assignment_size(item)
        if self.jobs and self.size + size > REPLY_BYTES:
            return False
        self.jobs.append(item)
        self.size += size
        return True


def assignment_size(item: ReadyJob) -> int:
    """About how many bytes a job takes in an answer, and never less."""
    return item.size + _ENVELOPE_BYTES + len(item.scope) + len(item.type) + len(item.queue)


def deal(ready: Sequence[ReadyJob], waiters: Sequence[Waiter]) -> list[Hand]:
    """Give out jobs one at a time in turn, the most urgent to who waits longest; what does not fit is left."""
    hands = [Hand(waiter) for waiter in waiters]
    turn = deque(hands)
    given = 0
    for item in ready:
        if given > BATCH_BYTES:
            break
        for _ in range(len(turn)):
            hand = turn.popleft()
            taken = hand.offer(item)
            if not hand.is_full:
                turn.append(hand)
            if taken:
                given += item.size
                break
    return [hand for hand in hands if hand.jobs]
