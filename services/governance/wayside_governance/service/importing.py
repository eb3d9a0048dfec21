"""Importing decisions that were made elsewhere: a batch is one transaction; what became of each line is answered."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

import structlog

from wayside_events.contracts.governance import DecisionImported, ImportOutcome, Verdict
from wayside_events.contracts.problems import Problem
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.audit import Entry
from wayside_governance.domain.errors import (
    IllegalTransition,
    InvalidProposal,
    NotStorable,
    StaleRevision,
)
from wayside_governance.domain.evidence import Claim
from wayside_governance.domain.intake import Step
from wayside_governance.domain.planning import Result
from wayside_governance.domain.suggestion import Suggestion
from wayside_governance.domain.verdicts import Outcome, Wanted
from wayside_governance.service.deciding import Decider
from wayside_governance.service.imported import ImportLine, Limits, batches_of_one_kind, read_line
from wayside_governance.service.intake import BREATH
from wayside_governance.service.problems import item_problem
from wayside_governance.service.proposals import ends_of, refuse_unknown
from wayside_governance.service.proposed import announce
from wayside_governance.store import audit, intake, moving, rules
from wayside_service.database import Connection
from wayside_service.errors import ERROR_STATUSES, InvalidInput, MalformedJson, TooLarge
from wayside_service.outbox import add_events
from wayside_service.problems import problem_of

_LEFT_ALONE: Final = (StaleRevision, IllegalTransition)

log = structlog.get_logger("wayside_governance.importing")

Answers = dict[int, DecisionImported]


@dataclass(frozen=True, slots=True)
class Import:
    """One import: by whom, into which scope, and its name in the audit."""

    id: EntityId
    scope: ScopeName
    imported_by: str


def too_long(error: ValueError) -> DecisionImported:
    """Return the answer to a line that was not taken in."""
    return _invalid(problem_of(TooLarge(str(error)), ERROR_STATUSES))


@dataclass(slots=True)
class _Batch:
    """A batch under way: its lines, the suggestions of their claims, what is wanted of which, and what is answered already."""

    lines: Sequence[ImportLine]
    answers: Answers = field(default_factory=dict)
    found: dict[Claim, Suggestion] = field(default_factory=dict)
    wanted: dict[int, Wanted] = field(default_factory=dict)
    created: int = 0

    @property
    def open(self) -> list[ImportLine]:
        """The lines that have no answer yet."""
        return [line for line in self.lines if line.position not in self.answers]

    def leave(self, line: ImportLine, outcome: ImportOutcome) -> None:
        """Answer a line that changes nothing."""
        seen = self.found.get(line.claim)
        self.answers[line.position] = (
            DecisionImported(outcome=outcome) if seen is None else _answer(outcome, seen)
        )


@dataclass(frozen=True, slots=True)
class ImportService:
    """Takes decisions that were made elsewhere, in the order of the lines."""

    decider: Decider

    async def take(self, into: Import, lines: Sequence[bytes]) -> list[DecisionImported]:
        """Import what is valid and return one outcome for each line, in order."""
        limits = Limits(into.scope, datetime.now(UTC))
        answers: Answers = {}
        valid: list[ImportLine] = []
        for position, raw in enumerate(lines):
            if position % BREATH == 0:
                await asyncio.sleep(0)
            try:
                valid.append(read_line(raw, position, limits))
            except InvalidProposal as error:
                answers[position] = _invalid(item_problem(error))
            except (MalformedJson, InvalidInput) as error:
                answers[position] = _invalid(problem_of(error, ERROR_STATUSES))
        for batch in batches_of_one_kind(valid):
            answers |= await self._take_or_split(into, batch, limits.now)
        return [answers[position] for position in range(len(lines))]

    async def _take_or_split(self, into: Import, lines: Sequence[ImportLine], at: datetime) -> Answers:
        """Take all at once; when the database refuses one of them, take the halves, until it stands alone."""
        try:
            return await self._take(into, lines, at)
        except NotStorable as error:
            if len(lines) == 1:
                log.warning("decision_not_storable", error=repr(error.__cause__), claim=lines[0].claim)
                return {lines[0].position: _invalid(item_problem(error))}
        middle = len(lines) // 2
        answers = await self._take_or_split(into, lines[:middle], at)
        return answers | await self._take_or_split(into, lines[middle:], at)

    async def _take(self, into: Import, lines: Sequence[ImportLine], at: datetime) -> Answers:
        batch = _Batch(lines)
        results: list[Result] = []
        async with self.decider.database.transaction() as connection:
            with intake.refusals():
                await _leave_needless(connection, into.scope, batch)
                await _find(connection, into.scope, batch, at)
                await _plan(connection, batch)
                results = await self._decide(connection, into, batch)
        self.decider.committed(results)
        if batch.created:
            self.decider.wake()
        return batch.answers

    async def _decide(self, connection: Connection, into: Import, batch: _Batch) -> list[Result]:
        if not batch.wanted:
            return []
        results = await self.decider.decide(connection, list(batch.wanted.values()))
        lines = {line.position: line for line in batch.lines}
        for position, result in zip(batch.wanted, results, strict=True):
            batch.answers[position] = _answered(result, batch.found[lines[position].claim])
        await audit.append(connection, [_entry(into, batch, results)])
        return results


async def _leave_needless(connection: Connection, scope: ScopeName, batch: _Batch) -> None:
    """Leave endorsements alone of types that one approval is enough for: it comes in a line of its own."""
    endorsing = [line for line in batch.lines if line.decision.verdict is Verdict.ENDORSE]
    names = {line.claim.relationship_type for line in endorsing}
    of_two = await moving.types_of_two_approvals(connection, scope, names)
    for line in endorsing:
        if line.claim.relationship_type not in of_two:
            batch.leave(line, ImportOutcome.LEFT_ALONE)


async def _find(connection: Connection, scope: ScopeName, batch: _Batch, at: datetime) -> None:
    """Find the suggestions of the claims and lock them; make those that are missing, as their sources proposed them."""
    lines = {line.claim: line for line in batch.open}
    if any(line.is_undo for line in lines.values()):
        batch.found |= await intake.locked_suggestions(connection, scope, lines)
        return
    settings = await rules.settings(connection, scope)
    if settings.refuses_unknown_nodes:
        await _refuse_unknown(connection, scope, batch)
        lines = {line.claim: line for line in batch.open}
    steps = {claim: lines[claim].steps() for claim in sorted(lines)}
    ttl = settings.pending_ttl_seconds
    expires_at = None if ttl is None else at + timedelta(seconds=ttl)
    suggestions = [taken[-1].after for taken in steps.values()]
    inserted = await intake.insert_suggestions(connection, scope, suggestions, at, expires_at)
    new = [taken for taken in steps.values() if taken[-1].after.id in inserted]
    batch.created = len(new)
    batch.found |= {taken[-1].after.claim: taken[-1].after for taken in new}
    await _tell(connection, new, at)
    known = [claim for claim in steps if claim not in batch.found]
    batch.found |= await intake.locked_suggestions(connection, scope, known)


async def _refuse_unknown(connection: Connection, scope: ScopeName, batch: _Batch) -> None:
    received = list(chain.from_iterable(line.received for line in batch.open))
    known = await intake.known_nodes(connection, scope, ends_of(received))
    _, refused = refuse_unknown(received, known)
    batch.answers |= {position: _invalid(item_problem(error)) for position, error in refused.items()}


async def _tell(connection: Connection, new: Sequence[Sequence[Step]], at: datetime) -> None:
    steps = list(chain.from_iterable(new))
    await intake.insert_evidence(connection, [intake.Piece(one.after.id, one.evidence) for one in steps], at)
    await add_events(connection, announce(steps, at))


async def _plan(connection: Connection, batch: _Batch) -> None:
    """Say what is wanted of each suggestion, and answer the lines that want nothing of it any more."""
    lines = [line for line in batch.open if line.claim in batch.found]
    ids = {line.position: batch.found[line.claim].id for line in lines}
    same = await moving.same_decisions(
        connection, [moving.Sought(line.position, ids[line.position], line.decision) for line in lines]
    )
    undone = await moving.same_decisions(
        connection,
        [
            moving.Sought(line.position, ids[line.position], line.decision.undoes)
            for line in lines
            if line.decision.undoes is not None
        ],
    )
    for line in batch.open:
        if line.position in same:
            batch.leave(line, ImportOutcome.REPEATED)
        elif _is_answered(line, batch.found, undone):
            batch.leave(line, ImportOutcome.LEFT_ALONE)
        else:
            batch.wanted[line.position] = line.wanted(ids[line.position], undoes=undone.get(line.position))


def _is_answered(line: ImportLine, found: Mapping[Claim, Suggestion], undone: Mapping[int, EntityId]) -> bool:
    if line.is_undo:
        return line.position not in undone
    return found[line.claim].status is not SuggestionStatus.PENDING


def _answered(result: Result, seen: Suggestion) -> DecisionImported:
    if isinstance(result, Outcome):
        return _answer(ImportOutcome.DECIDED, result.after)
    if isinstance(result, _LEFT_ALONE):
        return _answer(ImportOutcome.LEFT_ALONE, seen)
    return _answer(ImportOutcome.REFUSED, seen).model_copy(update={"problem": item_problem(result)})


def _answer(outcome: ImportOutcome, suggestion: Suggestion) -> DecisionImported:
    return DecisionImported(
        outcome=outcome,
        suggestion_id=suggestion.id,
        status=suggestion.status,
        revision=suggestion.revision,
    )


def _invalid(problem: Problem | None) -> DecisionImported:
    return DecisionImported(outcome=ImportOutcome.INVALID, problem=problem)


def _entry(into: Import, batch: _Batch, results: Sequence[Result]) -> Entry:
    """Return what the audit says of a batch; each decision in it has an entry of its own too."""
    outcomes = Counter(str(answer.outcome) for answer in batch.answers.values())
    at = next((one.decision.recorded_at for one in results if isinstance(one, Outcome)), datetime.now(UTC))
    details = {
        "lines": len(batch.lines),
        "created": batch.created,
        "outcomes": dict(sorted(outcomes.items())),
    }
    return Entry(into.scope, at, into.imported_by, "decisions.import", into.id, details)
