"""Group commit: what arrives while a transaction is under way becomes the next one together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import count, repeat
from typing import Generic, NamedTuple, TypeVar

import structlog

from wayside_jobs.domain.errors import JobsError, SimultaneousChange
from wayside_service.errors import Unavailable

I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741

_TRIES = 4
"""How often one item is tried when others change the same rows at the same moment."""

BATCH_SIZE = 16 * 2**20
"""The size of one batch, unless a single item is larger: PostgreSQL needs a few times that for its transaction."""

WAITING_SIZE = 128 * 2**20
WAITING_LIMIT = 50_000
"""What may wait; who comes then is told to come again."""

log = structlog.get_logger("wayside_jobs.grouping")


class _Call(Generic[O]):
    """The answers to one `submit`, complete when none is missing."""

    def __init__(self, count: int) -> None:
        self.answers: list[O | Exception] = [Unavailable()] * count
        self.missing = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answer(self, index: int, answer: O | Exception) -> None:
        self.answers[index] = answer
        self.missing -= 1
        if self.missing == 0 and not self.done.done():
            self.done.set_result(None)


class _Item(NamedTuple, Generic[I, O]):
    """One value to serve: the call it is a part of, its place there, and its size."""

    value: I
    call: _Call[O]
    place: int
    size: int


class Group(Generic[I, O]):
    """Passes items on to `serve` in batches, in order, one batch at a time, and never waits to fill one.

    `serve` returns an answer or an error for each. When it fails as a whole, its halves are served, and theirs, so
    that only the culprit is refused; while something is unavailable, all are. So `serve` must do all or nothing:
    `split` tells apart, in order, what it cannot do at once. `size_of` says how much memory an item takes, about.
    """

    def __init__(
        self,
        name: str,
        serve: Callable[[Sequence[I]], Awaitable[Sequence[O | Exception]]],
        *,
        limit: int,
        size_of: Callable[[I], int] = lambda _: 0,
        split: Callable[[Sequence[I]], Sequence[Sequence[I]]] = lambda items: [items],
    ) -> None:
        self._name = name
        self._serve = serve
        self._limit = limit
        self._size_of = size_of
        self._split = split
        self._size = 0
        self._waiting: deque[_Item[I, O]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, items: Sequence[I]) -> list[O | Exception]:
        """Serve `items` and return an answer or an error for each; they are served even if the caller leaves.

        Raises `Unavailable` while too much waits.
        """
        if not items:
            return []
        if len(self._waiting) >= WAITING_LIMIT or self._size >= WAITING_SIZE:
            raise Unavailable("Too much waits to be written.")
        sizes = list(map(self._size_of, items))
        self._size += sum(sizes)
        call: _Call[O] = _Call(len(items))
        self._waiting.extend(map(_Item, items, repeat(call), count(), sizes))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)
        await call.done
        return call.answers

    async def close(self) -> None:
        """Wait until everything is served."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._next_batch()
                answers: list[O | Exception] = []
                for together in self._split([item.value for item in batch]):
                    answers += await self._answers(together)
                for item, answer in zip(batch, answers, strict=True):
                    item.call.answer(item.place, answer)
        finally:
            self._task = None

    def _next_batch(self) -> list[_Item[I, O]]:
        batch: list[_Item[I, O]] = []
        size = 0
        while self._waiting and len(batch) < self._limit:
            if batch and size + self._waiting[0].size > BATCH_SIZE:
                break
            item = self._waiting.popleft()
            size += item.size
            batch.append(item)
        self._size -= size
        return batch

    async def _answers(self, items: Sequence[I]) -> Sequence[O | Exception]:
        if len(items) == 1:
            return [await self._alone(items[0])]
        try:
            return await self._serve(items)
        except Unavailable as error:
            return [error] * len(items)
        except Exception as error:  # noqa: BLE001 - one item must not fail the others, whatever it does
            log.info("batch_split", group=self._name, size=len(items), error=repr(error))
        middle = len(items) // 2
        return [*await self._answers(items[:middle]), *await self._answers(items[middle:])]

    async def _alone(self, item: I) -> O | Exception:
        failure: Exception = Unavailable()
        for _ in range(_TRIES):
            try:
                return (await self._serve([item]))[0]
            except SimultaneousChange as error:
                failure = error
            except (JobsError, Unavailable) as error:
                return error
            except Exception as error:
                log.exception("item_failed", group=self._name)
                return error
        return failure
