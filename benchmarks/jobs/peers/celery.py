"""Celery on Redis: one process that runs its tasks itself (`--pool solo`)."""

from typing import Any

from celery import Celery

from benchmarks.jobs.peers.tally import Tally, create_when_told, end_with_parent, play
from benchmarks.speech import say

WORKER = ("--quiet", "worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle")


async def create(address: str, count: int) -> None:
    """Create jobs over one connection, one after the other: it knows no other way."""
    noop = _task(_app(address), Tally(0))

    async def one_by_one() -> None:
        for number in range(count):
            noop.delay(number)

    await create_when_told(one_by_one)


async def work(address: str, count: int) -> None:
    """Handle them."""
    app = _app(address)
    _task(app, Tally(count))
    end_with_parent()
    say(started=True)
    app.worker_main(list(WORKER))


async def left(address: str, _count: int) -> None:
    """Say how many messages are in the queue or not acknowledged."""
    with _app(address).connection_for_read() as connection:
        redis = connection.default_channel.client
        say(left=redis.llen("celery") + redis.hlen("unacked"))


def _app(address: str) -> Any:  # noqa: ANN401 - celery has no types
    app = Celery("bench", broker=address, broker_connection_retry_on_startup=True)
    app.conf.worker_redirect_stdouts = False  # the parent listens
    return app


def _task(app: Any, tally: Tally) -> Any:  # noqa: ANN401 - celery has no types
    def noop(number: int) -> None:
        tally.add(number)

    return app.task(noop, name="noop")


if __name__ == "__main__":
    play({"create": create, "work": work, "left": left})
