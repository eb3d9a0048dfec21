"""The proposer process: proposes over NATS, many batches at once. Usage: proposer <batches in flight>; told {count, run, first}.

Proposal number n is always the same claim. Who is told the same numbers twice repeats itself, word for word.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator

from pydantic import JsonValue

from benchmarks.speech import orders, say
from benchmarks.system import SCOPE
from wayside.settings import nats_settings
from wayside_events.bus import Bus
from wayside_events.contracts.governance import PROPOSE_SUBJECT, ProposeReply, ProposeRequest

REQUEST_SECONDS = 60
BATCH = 1_000
NODES = 50_000
"""Claims are between so many nodes."""

STEP = 7_919
"""How far the other end of a claim is from one with the number before: a prime, so that pairs come late again."""


def proposal(number: int, run: str) -> JsonValue:
    """A proposal of the size that an analysis makes: reasoning in words, a little evidence."""
    start = number % NODES
    end = (start + 1 + (number // NODES) * STEP % (NODES - 1)) % NODES
    confidence = round(number * 0.618_033_988_749 % 1, 4)
    return {
        "from_node_id": f"node-{start}",
        "to_node_id": f"node-{end}",
        "relationship_type": f"type-{number % 7}",
        "confidence": confidence,
        "strength": round(confidence * 0.9, 4),
        "reasoning": f"share: term-{number % 997}, term-{number % 991}, term-{number % 983}",
        "evidence": {"terms": [f"term-{number % 997}", f"term-{number % 991}"], "similarity": confidence},
        "source_model": f"model-{number % 3}",
        "analysis_run_id": run,
    }


async def propose(bus: Bus, first: int, count: int, run: str, in_flight: int) -> dict[str, object]:
    """Propose in batches, so many at the same time; returns when it began and ended (ns), and the outcomes by name."""
    starts = iter(range(first, first + count, BATCH))
    end = first + count
    outcomes: Counter[str] = Counter()
    began = time.monotonic_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(_propose_each(bus, starts, end, run, outcomes))
    return {"began": began, "ended": time.monotonic_ns(), "outcomes": dict(outcomes)}


async def _propose_each(bus: Bus, starts: Iterator[int], end: int, run: str, outcomes: Counter[str]) -> None:
    for start in starts:
        proposals = tuple(proposal(number, run) for number in range(start, min(start + BATCH, end)))
        request = ProposeRequest(scope=SCOPE, proposed_by="bench-runner", proposals=proposals)
        reply = await bus.request(PROPOSE_SUBJECT, request, ProposeReply, timeout_seconds=REQUEST_SECONDS)
        outcomes.update(outcome.outcome.value for outcome in reply.outcomes)


async def main() -> None:
    """Propose what the parent tells until it closes the line."""
    in_flight = int(sys.argv[1])
    async with Bus.connected(nats_settings(name="proposer")) as bus:
        say(started=True)
        async for order in orders():
            said = await propose(bus, order["first"], order["count"], order["run"], in_flight)
            say(proposed=said)


if __name__ == "__main__":
    asyncio.run(main())
