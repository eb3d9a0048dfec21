"""Claiming: never more work than free slots, and never a free slot without a claim for it."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence

from wayside.reporting.attempt import AttemptKey
from wayside.reporting.grant import Grant
from wayside.runner.runner import Runner
from wayside.worker.slots import Slots
from wayside_events.bus import BusError, BusUnavailable
from wayside_events.contracts.jobs import (
    WITHDRAW_SUBJECT,
    ClaimRequest,
    WithdrawReply,
    WithdrawRequest,
)

logger = logging.getLogger("wayside.worker")

ANSWER_MARGIN_SECONDS = 5.0
RETRY_SECONDS = 1.0
WITHDRAW_SECONDS = 2.0
REFUSED_SECONDS = 5.0
TAKE_BACK_SECONDS = 0.5
PARKED_LIMIT = 16
"""Claims that wait at the same time; more would each ask for the last slot that became free."""


class Claimer:
    """Claims as long as it may; each claim waits at the jobs service until there is work or its time is over."""

    def __init__(
        self,
        runner: Runner,
        slots: Slots,
        request: ClaimRequest,
        *,
        accept: Callable[[Grant], None],
        give_back: Callable[[Grant], None],
        may_claim: Callable[[], bool],
    ) -> None:
        self._runner = runner
        self._slots = slots
        self._request = request
        self._accept = accept
        self._give_back = give_back
        self._may_claim = may_claim
        self._loop = asyncio.get_running_loop()
        self._handing = threading.Lock()
        self._waiting: set[object] = set()
        self._surrendered: set[object] = set()
        self._is_suspended = False
        self._changed = asyncio.Event()
        self._claims: set[asyncio.Task[None]] = set()
        self._taking_back: asyncio.Task[None] | None = None
        slots.on_change = self._changed.set

    async def run(self) -> None:
        """Claim until cancelled; claims that wait then go on to wait, see `withdraw`."""
        await self._runner.started.wait()
        stop = self._runner.bus.on_resume(self._on_resume)
        try:
            while True:
                while self._has_room and self._may_claim():
                    self._start_claim()
                if self._slots.is_wanted_back and self._taking_back is None:
                    self._taking_back = asyncio.create_task(self._take_back(), name="take-back")
                self._changed.clear()
                await self._changed.wait()
        finally:
            stop()

    def changed(self) -> None:
        """A slot became free: look again."""
        self._changed.set()

    def surrender(self) -> list[AttemptKey]:
        """Begin nothing of what the claims that wait will bring, and claim nothing more until `resume`.

        Returns the attempts that this runner has. It and `resume` are for a thread that finds the event loop blocked.
        """
        with self._handing:
            self._is_suspended = True
            self._surrendered |= self._waiting
            return self._runner.attempt_keys

    def resume(self) -> None:
        """Claim again."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        self._is_suspended = False
        self._changed.set()

    @property
    def _has_room(self) -> bool:
        return bool(self._slots.free) and self._slots.parked < PARKED_LIMIT and not self._is_suspended

    async def withdraw(self) -> None:
        """Have the waiting claims answered, and wait for that: what they bring is this runner's, to be given back."""
        if not self._claims:
            return
        await self._have_answered()
        await asyncio.wait(self._claims)

    async def close(self) -> None:
        """Wait for no claim any more."""
        tasks = [*self._claims, *([self._taking_back] if self._taking_back else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _have_answered(self) -> None:
        with contextlib.suppress(BusError):
            request = WithdrawRequest(runner=self._runner.name)
            await self._runner.ask(WITHDRAW_SUBJECT, request, WithdrawReply, timeout_seconds=WITHDRAW_SECONDS)

    async def _take_back(self) -> None:
        """Have claims answered that wait with slots which parents want back from their children."""
        try:
            while self._slots.is_wanted_back and self._claims:
                await self._have_answered()
                # A claim that another instance holds, or that is still on its way there, may need to be asked again.
                await asyncio.wait(self._claims, timeout=TAKE_BACK_SECONDS)
        finally:
            self._taking_back = None

    def _start_claim(self) -> None:
        token = object()
        self._waiting.add(token)
        task = asyncio.create_task(self._claim(token, self._slots.park(token)), name="claim")
        self._claims.add(task)
        task.add_done_callback(self._claims.discard)

    async def _claim(self, token: object, slots: int) -> None:
        grants: Sequence[Grant] = ()
        try:
            grants = await self._ask(slots)
        finally:
            self._slots.unpark(token)
            with self._handing:
                receive = self._give_back if token in self._surrendered else self._accept
                self._waiting.discard(token)
                self._surrendered.discard(token)
                for grant in grants:
                    receive(grant)
            self._slots.settle()

    async def _ask(self, slots: int) -> Sequence[Grant]:
        request = self._request.model_copy(update={"slots": slots})
        patience = request.wait_ms / 1000 + ANSWER_MARGIN_SECONDS
        pause = RETRY_SECONDS
        try:
            return await self._runner.claim(request, timeout_seconds=patience)
        except BusUnavailable as error:
            logger.info("no claim can be made: %s", error)
        except BusError as error:
            logger.error("the claim was refused: %s", error)  # noqa: TRY400 - the reason says it all
            pause = REFUSED_SECONDS
        await self._runner.wait_for_resume(pause)
        return ()

    def _on_resume(self) -> None:
        self._slots.forget_parked()
