"""The demo told in order: start a job, watch it, review what it proposed, query the graph, measure."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cwe_links.contract import JOB_TYPE, PHASES, CweLinksInput, CweLinksResult
from cwe_links.demo import report
from cwe_links.demo.outcome import RECALL_FLOOR, Outcome
from cwe_links.demo.review import Decided, Reviewer
from cwe_links.demo.screen import Screen
from cwe_links.demo.watch import Watch, holds
from cwe_links.evaluate import acceptance, acceptance_by_rank, recall_at
from cwe_links.gold import Gold
from wayside import Client
from wayside.errors import InvalidRequest, WaysideError
from wayside_events.contracts.governance import Edge, Intake, Suggestion
from wayside_events.contracts.jobs import Job
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobStatus

SCOPE = "demo"
CENTER = "CWE-79"
TO_DECIDE = 60
DECISIONS_SHOWN = 8
RANK_GROUPS = 4
BANDS = tuple(tenth / 10 for tenth in range(1, 11))
PAGE = 200

UNKNOWN_TYPE = "unknown_job_type"
REGISTRATION_SECONDS, REGISTRATION_POLL_SECONDS = 60, 0.3
JOB_SECONDS = 600
ARRIVAL_SECONDS = 20

# What leaves a suggestion waiting for a decision, with an event.
ARRIVING = frozenset({Intake.CREATED, Intake.EVIDENCE_ADDED, Intake.REOPENED})


class DemoStopped(WaysideError):
    """The rest of the demo has nothing to go on."""


@dataclass(frozen=True)
class Cast:
    """Who takes part, each with a token of another subject."""

    # Creates the job and watches.
    operator: Client
    # Decides.
    reviewer: Client


class Story:
    """One run of the demo. Each part says on the screen what it does, and keeps in the outcome what it found."""

    def __init__(self, cast: Cast, gold: Gold, screen: Screen, outcome: Outcome) -> None:
        self._client = cast.operator
        self._reviewer = Reviewer(cast.reviewer, gold)
        self._gold = gold
        self._screen = screen
        self._outcome = outcome

    async def tell(self, request: CweLinksInput) -> None:
        """All of it; raises `WaysideError` where it cannot go on, within a group while streams are open."""
        before = await self._client.jobs.page(scope=SCOPE, limit=1)
        job = await self._create(request)
        self._screen.heading(f"Job {job.id}, followed over SSE")
        view = self._screen.view(PHASES)
        watch = Watch(self._client, job.id, after=before.cursor, view=view)
        try:
            async with watch.edges(SCOPE):
                with self._screen.showing(view):
                    result = await self._follow(watch, job.id)
                    waiting = await self._await_suggestions(watch, job.id, result)
                decided = await self._review()
                await self._check_decisions(watch, decided)
            await self._query(decided)
            self._measure(result, waiting)
        finally:
            self._outcome.events_seen = watch.ledger.events_seen
            self._outcome.shortfalls += watch.ledger.flaws

    async def _create(self, request: CweLinksInput) -> Job:
        """Create the job, as soon as the worker has registered its type."""
        deadline = asyncio.get_running_loop().time() + REGISTRATION_SECONDS
        while True:
            try:
                return await self._client.jobs.create(JOB_TYPE, scope=SCOPE, input=request.model_dump())
            except InvalidRequest as refusal:
                is_late = asyncio.get_running_loop().time() > deadline
                if is_late or refusal.problem.code != UNKNOWN_TYPE:
                    raise
            await asyncio.sleep(REGISTRATION_POLL_SECONDS)

    async def _follow(self, watch: Watch, job_id: EntityId) -> CweLinksResult:
        """Watch the job to its end, and compare what the stream showed with what the API says."""
        expect = self._outcome.expect
        in_time = True
        try:
            async with asyncio.timeout(JOB_SECONDS):
                await watch.job()
        except TimeoutError:
            in_time = False
        job = await self._client.jobs.get(job_id)
        self._outcome.job_status = job.status
        first, last = watch.ledger.first_revisions.get(job_id), watch.ledger.revisions.get(job_id)
        expect(in_time, f"the job's stream had not ended after {JOB_SECONDS} seconds")
        expect(first == 1, f"the job was first seen at revision {first}, not 1")
        expect(last == job.revision, f"the job is at revision {job.revision}, but was last seen at {last}")
        if job.status is not JobStatus.COMPLETED:
            msg = f"the job is {job.status}, not completed{f': {job.error.message}' if job.error else ''}"
            raise DemoStopped(msg)
        return CweLinksResult.model_validate(job.result)

    async def _await_suggestions(
        self, watch: Watch, job_id: EntityId, result: CweLinksResult
    ) -> list[Suggestion]:
        """List what the job proposed and what waits; each must have come over the stream as it is now."""
        expect = self._outcome.expect
        listing = self._client.suggestions.list(
            scope=SCOPE, status="pending", analysis_run_id=job_id, limit=PAGE
        )
        waiting = [suggestion async for suggestion in listing]
        seen = watch.ledger.revisions
        await holds(
            lambda: all(seen.get(one.id, 0) >= one.revision for one in waiting), seconds=ARRIVAL_SECONDS
        )
        missed = sum(seen.get(one.id) != one.revision for one in waiting)
        expected = sum(count for outcome, count in result.outcomes.items() if outcome in ARRIVING)
        invalid = result.outcomes.get(Intake.INVALID, 0)
        self._outcome.suggestions = len(watch.proposed)
        expect(not missed, f"{missed} suggestions did not come over the stream as they are")
        expect(
            len(waiting) == expected, f"{expected} suggestions should wait for a decision, {len(waiting)} do"
        )
        expect(not invalid, f"{invalid} proposals were invalid")
        expect(result.links == sum(result.outcomes.values()), "not every proposal was answered")
        return waiting

    async def _review(self) -> list[Decided]:
        """Decide the most confident of all that waits."""
        self._screen.heading(f"Review: the {TO_DECIDE} most confident, by an expert who knows the catalogue")
        queue = await self._client.suggestions.page(
            scope=SCOPE, status="pending", order="confidence", limit=TO_DECIDE
        )
        decided = []
        for suggestion in queue.items:
            decided.append(await self._reviewer.decide(suggestion))
            if len(decided) <= DECISIONS_SHOWN:
                self._screen.line(report.decision(decided[-1]))
        self._outcome.approved = sum(one.is_approved for one in decided)
        self._outcome.rejected = len(decided) - self._outcome.approved
        self._screen.line(f"… {len(decided)} decided: {report.decisions(decided)}")
        bands = acceptance_by_rank(report.verdicts(decided), RANK_GROUPS)
        self._screen.table(report.BAND_COLUMNS, report.band_rows(bands))
        return decided

    async def _check_decisions(self, watch: Watch, decided: Sequence[Decided]) -> None:
        """Every approval must be an edge and no rejection, and all of it must come over the stream."""
        expect = self._outcome.expect
        listing = self._client.edges.list(scope=SCOPE, limit=PAGE)
        edges = {edge.suggestion_id: edge async for edge in listing}
        approved = [one for one in decided if one.is_approved]
        found = [one for one in approved if _is_edge_of(edges.get(one.shown.id), one)]
        wrong = [one for one in decided if not one.is_approved and one.shown.id in edges]
        self._outcome.edges = len(found)
        expect(len(found) == len(approved), f"{len(approved) - len(found)} approved suggestions have no edge")
        expect(not wrong, f"{len(wrong)} rejected suggestions have an edge")
        awaited = {one.after.id: one.after.revision for one in decided}
        awaited |= {edge_id: 1 for one in approved if (edge_id := one.after.edge_id)}
        seen = watch.ledger.revisions
        arrived = await holds(
            lambda: all(seen.get(entity, 0) >= revision for entity, revision in awaited.items()),
            seconds=ARRIVAL_SECONDS,
        )
        expect(arrived, "not every decision and edge came over the stream")

    async def _query(self, decided: Sequence[Decided]) -> None:
        """Ask the graph around one weakness, and around the one with most approvals, without and with ghost edges."""
        ends = Counter(
            node
            for one in decided
            if one.is_approved
            for node in (one.shown.from_node_id, one.shown.to_node_id)
        )
        for node in dict.fromkeys([CENTER, *(busiest for busiest, _ in ends.most_common(1))]):
            plain = await self._client.graph.neighborhood(node, scope=SCOPE, depth=1)
            ghostly = await self._client.graph.neighborhood(node, scope=SCOPE, depth=1, include="suggested")
            approved = {edge.id for edge in ghostly.edges if edge.status == "approved"}
            ghosts = len(ghostly.edges) - len(approved)
            self._screen.heading(
                f"Graph around {node}: {len(plain.edges)} approved edges, and {ghosts} ghosts if asked"
            )
            self._screen.table(report.EDGE_COLUMNS, report.edge_rows(ghostly.edges))
            same = {edge.id for edge in plain.edges} == approved
            self._outcome.expect(same, f"ghost edges change the approved edges around {node}")

    def _measure(self, result: CweLinksResult, waiting: Sequence[Suggestion]) -> None:
        """Compare with the catalogue's own relations, which the inference never saw."""
        nearest = {
            f"CWE-{number}": [f"CWE-{other}" for other in others] for number, others in result.nearest.items()
        }
        gold = self._gold.among(nearest)
        recall = recall_at(nearest, gold, 10)
        self._outcome.recall_at_10 = recall
        self._outcome.expect(recall >= RECALL_FLOOR, f"recall@10 is {recall:.3f}, below {RECALL_FLOOR}")
        self._screen.heading(
            f"Against the catalogue's own {len(gold.relations):,} relations: recall@10 is {recall:.3f}"
        )
        related = [
            (one.confidence, bool(self._gold.between(one.from_node_id, one.to_node_id))) for one in waiting
        ]
        self._screen.line(f"What the same expert would say of all {len(waiting):,} suggestions of this run:")
        self._screen.table(report.BAND_COLUMNS, report.band_rows(acceptance(related, BANDS)))


def _is_edge_of(edge: Edge | None, decided: Decided) -> bool:
    return edge is not None and report.claim(edge) == report.claim(decided.shown)
