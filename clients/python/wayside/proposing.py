"""Proposals on their way to governance: completed, split into requests, and sent until they are answered."""

import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from pydantic import JsonValue

from wayside.errors import error_of
from wayside.reporting.encoding import size_of
from wayside.runner.runner import Runner
from wayside_events.bus import BusUnavailable, RequestRefused
from wayside_events.contracts import governance
from wayside_events.contracts.governance import (
    PROPOSE_SUBJECT,
    Intake,
    ProposalOutcome,
    ProposeReply,
    ProposeRequest,
)
from wayside_events.contracts.jobs import AssignedJob
from wayside_events.contracts.problems import Problem, problem_type

logger = logging.getLogger("wayside.runner")

BATCH_PROPOSALS = 1_000
REQUEST_TIMEOUT_SECONDS = 30.0
RETRY_SECONDS = 1.0


class Proposal(governance.Proposal):
    """One machine's evidence for one claim; `source_model` is by default the type of the job that proposes it."""

    source_model: str = ""


class Proposer:
    """Proposes on behalf of one job."""

    def __init__(self, runner: Runner, job: AssignedJob, *, proposed_by: str) -> None:
        self._runner = runner
        self._job = job
        self._proposed_by = proposed_by

    async def propose(self, proposals: Iterable[governance.Proposal]) -> list[ProposalOutcome]:
        """Send in as few requests as possible and return one outcome for each, in order.

        While governance cannot be reached it waits and tries again; evidence that arrived although its answer was
        lost is then answered `repeated`. A proposal that is too large for a request is answered `invalid` here.
        Raises a `ProblemError` when governance refuses the request as such.
        """
        items = [self._complete(proposal) for proposal in proposals]
        outcomes: list[ProposalOutcome] = []
        async for answered in self._answers(items):
            outcomes += answered
        return outcomes

    def _complete(self, proposal: governance.Proposal) -> dict[str, JsonValue]:
        item: dict[str, JsonValue] = proposal.model_dump(mode="json", exclude_none=True)
        item["source_model"] = proposal.source_model or self._job.type
        item.setdefault("analysis_run_id", self._job.id)
        return item

    async def _answers(
        self, items: Sequence[dict[str, JsonValue]]
    ) -> AsyncIterator[Sequence[ProposalOutcome]]:
        limit = self._runner.request_bytes
        for batch in batches(items, max_bytes=limit):
            if size_of(batch[0]) > limit:
                yield [_too_large(size_of(batch[0]), limit)]
            else:
                yield await self._send(batch)

    async def _send(self, batch: Sequence[dict[str, JsonValue]]) -> Sequence[ProposalOutcome]:
        body = ProposeRequest.model_construct(
            scope=self._job.scope,
            proposed_by=self._proposed_by,
            on_behalf_of=self._job.created_by,
            proposals=tuple(batch),
            traceparent=self._job.traceparent,
        )
        while True:
            try:
                reply = await self._runner.ask(
                    PROPOSE_SUBJECT, body, ProposeReply, timeout_seconds=REQUEST_TIMEOUT_SECONDS
                )
            except BusUnavailable as error:
                logger.info("%d proposals wait: %s", len(batch), error)
            except RequestRefused as error:
                raise error_of(error.problem) from error
            else:
                return reply.outcomes
            await self._runner.wait_for_resume(RETRY_SECONDS)


def batches(
    items: Sequence[dict[str, JsonValue]], *, max_bytes: int
) -> Iterator[Sequence[dict[str, JsonValue]]]:
    """Split in order into batches of at most 1,000 items and `max_bytes`; one too large alone is a batch of its own."""
    batch: list[dict[str, JsonValue]] = []
    size = 0
    for item in items:
        item_size = size_of(item) + 1
        if batch and (len(batch) == BATCH_PROPOSALS or size + item_size > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item_size
    if batch:
        yield batch


def _too_large(size: int, limit: int) -> ProposalOutcome:
    detail = f"The proposal has {size:,} bytes as JSON; a request takes {limit:,}."
    code = "payload_too_large"
    problem = Problem(
        type=problem_type(code), title="Payload too large", status=413, code=code, detail=detail
    )
    return ProposalOutcome(outcome=Intake.INVALID, problem=problem)
