"""The same work through other queues: the same number of no-op jobs, a creator and one worker process, same machine."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, assert_never

from benchmarks.child import Child
from benchmarks.jobs.peers.environments import NotInstalled, environment
from benchmarks.jobs.peers.redis import RedisServer
from benchmarks.jobs.plan import Plan
from benchmarks.jobs.throughput import LEAST_SECONDS, patience, seconds
from benchmarks.outcome import Outcome, Value
from benchmarks.system import System
from benchmarks.workspace import MARK
from wayside_standalone.nats import NatsServer, NatsSettings


@dataclass(frozen=True, slots=True)
class Peer:
    """A queue, and the server it works on."""

    name: str
    server: Literal["postgres", "nats", "redis"]


PEERS = (Peer("pgqueuer", "postgres"), Peer("taskiq", "nats"), Peer("arq", "redis"), Peer("celery", "redis"))


async def measure(system: System, plan: Plan) -> Outcome:
    """Measure each: created and handled at the same time, then a backlog that is drained."""
    rates: dict[str, float] = {}
    details: dict[str, Value] = {"peer_jobs": plan.peer_jobs}
    faults: list[str] = []
    for peer in PEERS:
        try:
            contest = Contest(peer, system, plan.peer_jobs)
            await asyncio.to_thread(environment, peer.name)
            rates[peer.name] = await contest.together()
            details[f"{peer.name}_drained_per_s"] = await contest.drained()
            faults += contest.faults
        except NotInstalled as error:
            details[peer.name] = f"not measured: {error}"
        except Exception as error:  # noqa: BLE001 - the others are measured all the same
            faults.append(f"{peer.name}: {error}")
    return Outcome({"peers": rates}, details, faults)


class Contest:
    """Measures one peer, each time with empty servers."""

    def __init__(self, peer: Peer, system: System, count: int) -> None:
        self.faults: list[str] = []
        self._peer = peer
        self._system = system
        self._count = count

    async def together(self) -> float:
        """Create while the worker handles; returns jobs per second from the first create to the last handler."""
        with self._server() as address:
            async with self._child("create", address) as creator:
                await creator.hear("started", seconds=LEAST_SECONDS)
                async with self._child("work", address) as worker:
                    await worker.hear("started", seconds=LEAST_SECONDS)
                    created = await self._create(creator)
                    handled = await self._handled(worker)
                await self._check(address, handled["calls"])
        return self._rate(created["began"], handled["last"])

    async def drained(self) -> float:
        """Create all, then start the worker; returns jobs per second from its first handler to its last."""
        with self._server() as address:
            async with self._child("create", address) as creator:
                await creator.hear("started", seconds=LEAST_SECONDS)
                await self._create(creator)
            async with self._child("work", address) as worker:
                handled = await self._handled(worker)
            await self._check(address, handled["calls"])
        return self._rate(handled["first"], handled["last"])

    def _rate(self, began: int, ended: int) -> float:
        return round(self._count / seconds(began, ended), 1)

    async def _create(self, creator: Child) -> dict[str, int]:
        await creator.tell(create=True)
        created: dict[str, int] = await creator.hear("created", seconds=patience(self._count))
        return created

    async def _handled(self, worker: Child) -> dict[str, int]:
        handled: dict[str, int] = await worker.hear("handled", seconds=patience(self._count))
        return handled

    async def _check(self, address: str, calls: int) -> None:
        """Hold the count of the handler, and what the queue itself says, against the number of jobs."""
        async with self._child("left", address) as checker:
            left = await checker.hear("left", seconds=LEAST_SECONDS)
        if (calls, left) != (self._count, 0):
            self.faults.append(f"{self._peer.name}: {self._count} jobs, handled {calls}, left {left}")

    def _child(self, role: str, address: str) -> Child:
        name = self._peer.name
        python = environment(name) / "bin" / "python"
        argv = (python, "-m", f"benchmarks.jobs.peers.{name}", role, address, str(self._count))
        mark = {MARK: str(self._system.workspace)}
        return Child(f"{name} {role}", argv, mark, self._system.folder / f"{name}-{role}.log")

    @contextmanager
    def _server(self) -> Iterator[str]:
        """An empty server, or on PostgreSQL an empty database; yields its address."""
        name = f"{self._peer.name}_{secrets.token_hex(4)}"
        folder = self._system.folder / name
        match self._peer.server:
            case "postgres":
                self._system.postgres.execute(f"CREATE DATABASE {name};\nCHECKPOINT;")
                yield self._system.postgres.dsn(name)
            case "nats":
                with NatsServer(NatsSettings(folder)) as nats:
                    yield nats.url
            case "redis":
                with RedisServer(folder, self._system.workspace) as redis:
                    yield redis.url
            case _:
                assert_never(self._peer.server)
