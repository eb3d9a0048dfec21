"""Claiming: never more work than free slots, and never a free slot without a claim for it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from wayside.runner.runner import Runner
from wayside_events.bus import BusError, BusUnavailable
from wayside_events.contracts.jobs import (
    CLAIM_SUBJECT,
    WITHDRAW_SUBJECT,
    Assignment,
    ClaimReply,
    ClaimRequest,
    WithdrawReply,
    WithdrawRequest,
)

logger = logging.getLogger("wayside.worker")

ANSWER_MARGIN_SECONDS = 5.0
RETRY_SECONDS = 1.0
WITHDRAW_SECONDS = 2.0
REFUSED_SECONDS = 5.0
CLAIM_LIMIT = 1_000
PARKED_LIMIT = 16
"""Claims that wait at the same time; more would each ask for the last slot that became free."""


class Slots:
    """How many slots there are and who has them: running handlers, or claims that are not answered yet."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.running = 0
        self._parked: dict[object, int] = {}

    @property
    def free(self) -> int:
        """Slots that nothing is running in and no claim was made for."""
        return max(self.total - self.running - sum(self._parked.values()), 0)

    @property
    def has_surplus(self) -> bool:
        """Whether more runs than may: claims that were thought lost have been answered after all."""
        return self.running >= self.total

    @property
    def parked(self) -> int:
        """Claims that are not answered yet and not thought lost."""
        return len(self._parked)

    def park(self, claim: object) -> int:
        """Give a claim all free slots, as many as one may ask for; returns how many."""
        self._parked[claim] = min(self.free, CLAIM_LIMIT)
        return self._parked[claim]

    def unpark(self, claim: object) -> None:
        """A claim was answered or given up."""
        self._parked.pop(claim, None)

    def forget_parked(self) -> None:
        """Think all claims lost, so that others are made; should they be answered after all, that is surplus."""
        self._parked.clear()


class Claimer:
    """Claims as long as it may; each claim waits at the jobs service until there is work or its time is over."""

    def __init__(
        self,
        runner: Runner,
        slots: Slots,
        request: ClaimRequest,
        *,
        accept: Callable[[Assignment], None],
        may_claim: Callable[[], bool],
    ) -> None:
        self._runner = runner
        self._slots = slots
        self._request = request
        self._accept = accept
        self._may_claim = may_claim
        self._changed = asyncio.Event()
        self._claims: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Claim until cancelled; claims that wait then go on to wait, see `withdraw`."""
        await self._runner.started.wait()
        stop = self._runner.bus.on_resume(self._on_resume)
        try:
            while True:
                while self._slots.free and self._slots.parked < PARKED_LIMIT and self._may_claim():
                    self._start_claim()
                self._changed.clear()
                await self._changed.wait()
        finally:
            stop()

    def changed(self) -> None:
        """A slot became free: look again."""
        self._changed.set()

    async def withdraw(self) -> None:
        """Have the waiting claims answered, and wait for that: what they bring is this runner's, to be given back."""
        if not self._claims:
            return
        with contextlib.suppress(BusError):
            request = WithdrawRequest(runner=self._runner.name)
            await self._runner.ask(WITHDRAW_SUBJECT, request, WithdrawReply, timeout_seconds=WITHDRAW_SECONDS)
        await asyncio.wait(self._claims)

    async def close(self) -> None:
        """Wait for no claim any more."""
        for claim in self._claims:
            claim.cancel()
        await asyncio.gather(*self._claims, return_exceptions=True)

    def _start_claim(self) -> None:
        token = object()
        task = asyncio.create_task(self._claim(token, self._slots.park(token)), name="claim")
        self._claims.add(task)
        task.add_done_callback(self._claims.discard)

    async def _claim(self, token: object, slots: int) -> None:
        try:
            assignments = await self._ask(slots)
        finally:
            self._slots.unpark(token)
            self._changed.set()
        for assignment in assignments:
            self._accept(assignment)

    async def _ask(self, slots: int) -> Sequence[Assignment]:
        request = self._request.model_copy(update={"slots": slots})
        patience = request.wait_ms / 1000 + ANSWER_MARGIN_SECONDS
        pause = RETRY_SECONDS
        try:
            reply = await self._runner.ask(CLAIM_SUBJECT, request, ClaimReply, timeout_seconds=patience)
        except BusUnavailable as error:
            logger.info("no claim can be made: %s", error)
        except BusError as error:
            logger.error("the claim was refused: %s", error)  # noqa: TRY400 - the reason says it all
            pause = REFUSED_SECONDS
        else:
            return reply.assignments
        await self._runner.wait_for_resume(pause)
        return ()

    def _on_resume(self) -> None:
        self._slots.forget_parked()
        self._changed.set()
