"""The slots of a worker, and who has them: running handlers, claims on their way, parents that come back."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

CLAIM_LIMIT = 1_000


class Slots:
    """How many slots there are and who has them; belongs to one event loop.

    A handler may give its slot free while it waits for its children. To have it back it comes before new claims, and
    waits until neither a handler nor a claim that is not answered yet has it: never do more run than there are slots.
    `on_change` is called when there may be something to claim, or somebody waits for a slot that a claim has.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.running = 0
        self.abandoned = 0
        self.on_change: Callable[[], None] = _ignore
        self._overdrawn = 0
        self._parked: dict[object, int] = {}
        self._returning: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """Slots that nothing is running in, no claim was made for, and nobody wants back."""
        return max(self.total - self.running - sum(self._parked.values()) - len(self._returning), 0)

    @property
    def has_surplus(self) -> bool:
        """Whether more runs than may: claims that were thought lost have been answered after all."""
        return self.running - self._overdrawn >= self.total

    @property
    def parked(self) -> int:
        """Claims that are not answered yet and not thought lost."""
        return len(self._parked)

    @property
    def is_wanted_back(self) -> bool:
        """Whether somebody waits for a slot that claims have."""
        return bool(self._returning) and bool(self._parked)

    def park(self, claim: object) -> int:
        """Give a claim all free slots, as many as one may ask for; returns how many."""
        self._parked[claim] = min(self.free, CLAIM_LIMIT)
        return self._parked[claim]

    def unpark(self, claim: object) -> None:
        """A claim was answered or given up; call `settle` when its jobs have their slots."""
        self._parked.pop(claim, None)

    def forget_parked(self) -> None:
        """Think all claims lost, so that others are made; should they be answered after all, that is surplus."""
        self._parked.clear()
        self.settle()

    def take(self) -> "Seat":
        """Take a slot for a handler that begins."""
        self.running += 1
        return Seat(self)

    def give(self) -> None:
        """Give a slot free."""
        self.running -= 1
        self._overdrawn = min(self._overdrawn, max(self.running - self.total, 0))
        self.settle()

    def overdraw(self) -> None:
        """Take a slot whether or not there is one, for a handler that has to go on at once."""
        self.running += 1
        self._overdrawn = max(self.running - self.total, 0)

    async def take_back(self) -> None:
        """Wait for a slot, before any new claim; when cancelled, have one all the same."""
        if self._has_room():
            self.running += 1
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._returning.append(waiting)
        self.on_change()
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.cancelled():
                with contextlib.suppress(ValueError):
                    self._returning.remove(waiting)
                self.overdraw()
            raise

    def settle(self) -> None:
        """Hand slots to those who want them back, and say that there may be something to claim."""
        while self._returning and self._has_room():
            waiting = self._returning.popleft()
            if not waiting.done():
                self.running += 1
                waiting.set_result(None)
        self.on_change()

    def _has_room(self) -> bool:
        return self.running + sum(self._parked.values()) < self.total


class Seat:
    """The slot of one handler."""

    __slots__ = ("_is_held", "_slots")

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._is_held = True

    def leave(self) -> None:
        """Give the slot free; nothing happens when it is free already."""
        if self._is_held:
            self._is_held = False
            self._slots.give()

    async def take_back(self) -> None:
        """Wait for a slot; nothing happens when there is one."""
        if not self._is_held:
            self._is_held = True
            await self._slots.take_back()

    def insist(self) -> None:
        """Have a slot at once: the handler goes on, whether or not there is one."""
        if not self._is_held:
            self._is_held = True
            self._slots.overdraw()


def _ignore() -> None:
    pass
