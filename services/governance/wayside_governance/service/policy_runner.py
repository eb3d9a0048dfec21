"""Lets policies decide: each suggestion is looked at by all policies of its scope, and decided through the one engine.

It runs on every instance. Who looks at a suggestion has locked it, and who acts for a policy holds its row shared, so
that a policy that was disabled decides nothing any more. Whatever is in doubt is left to people.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from wayside_events.contracts.governance import PolicyAction, PolicyState, Verdict
from wayside_events.edges import PolicySuspended, PolicySuspendedData, SuggestionStatus
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.errors import GovernanceError
from wayside_governance.domain.planning import Result
from wayside_governance.domain.policies import (
    Choice,
    Subject,
    Trip,
    choose,
    concerns,
    evaluate,
    qualifies,
    tripped,
)
from wayside_governance.domain.policy_states import PolicyStanding
from wayside_governance.domain.verdicts import PolicyVersion, Wanted
from wayside_governance.service.deciding import Decider
from wayside_governance.service.measuring import checks_of, measure, measure_pairs
from wayside_governance.service.policy_audit import record
from wayside_governance.service.policy_metrics import Looked, PolicyMetrics
from wayside_governance.store import policies as stored
from wayside_governance.store.policies import Acting, Waiting
from wayside_service.database import Connection, Database
from wayside_service.errors import Unavailable
from wayside_service.outbox import add_events
from wayside_service.tracing import current_traceparent

BATCH: Final = 500
"""How many suggestions are looked at in one transaction."""

WALK_BATCH: Final = 1_000
"""How far a walk over what waits goes in one transaction."""

POLL_SECONDS: Final = 2.0
"""How long at most until what other instances took in, and what people said of policies, is noticed."""

WALK_MARGIN: Final = timedelta(minutes=1)
"""How old a proposal can be that is committed after a policy was enabled, and took no notice of it."""

JUDGED_LOOKED_AT: Final = 1_000
"""Of how many judgements, the latest, it is seen whether a policy may act on more than before."""

log = structlog.get_logger("wayside_governance.policies")


@dataclass(frozen=True, slots=True)
class Acts:
    """The policies of a scope that may act, and those that have to stop first."""

    acting: Sequence[Acting]
    tripped: Sequence[Acting]


Take = Callable[[Connection, Acts], Awaitable[Sequence[Waiting]]]


class PolicyRunner:
    """Evaluates what policies have not looked at, and stops policies that people disagree with."""

    def __init__(self, database: Database, decider: Decider, metrics: PolicyMetrics) -> None:
        self._database = database
        self._decider = decider
        self._metrics = metrics
        self._woken = asyncio.Event()
        self._requalified_at: dict[EntityId, float] = {}

    def wake(self) -> None:
        """Say that there may be something to look at."""
        self._woken.set()

    async def run(self) -> None:
        """Look, for ever: on at once while there is more."""
        while True:
            self._woken.clear()
            if await self._attempt():
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def look(self) -> bool:
        """Take a batch of each scope, and go on with walks; returns whether there is more."""
        async with self._database.transaction() as connection:
            await stored.walk_again(connection, WALK_MARGIN)
            scopes = await stored.scopes_with_policies(connection)
        return any([await self._attempt_in(scope) for scope in scopes])

    async def _attempt(self) -> bool:
        try:
            return await self.look()
        except Unavailable as error:
            log.info("policies_postponed", error=str(error))
        except Exception:
            log.exception("policies_failed")
        return False

    async def _attempt_in(self, scope: ScopeName) -> bool:
        """Look in a scope; a failure there holds up no other scope."""
        try:
            return await self._look_in(scope)
        except Unavailable:
            raise
        except Exception:
            log.exception("policies_failed", scope=scope)
        return False

    async def _look_in(self, scope: ScopeName) -> bool:
        acts, has_more = await self._queued(scope)
        for acting in acts.tripped:
            await self._suspend(acting)
        for acting in acts.acting:
            if acting.is_walking:
                has_more |= await self._walk(acting)
            elif self._is_time_to_requalify(acting.subject):
                has_more |= await self._requalify(acting)
        return has_more

    async def _queued(self, scope: ScopeName) -> tuple[Acts, bool]:
        """Look at a batch of what is new or has new evidence."""
        taken: Sequence[Waiting] = ()

        async def take(connection: Connection, _: Acts) -> Sequence[Waiting]:
            nonlocal taken
            taken = await stored.take_unevaluated(connection, scope, BATCH)
            return taken

        acts = await self._try_batch(scope, take, is_queued=True)
        if acts is None:
            await self._in_halves(scope, [one.candidate.id for one in taken])
        return acts or Acts((), ()), len(taken) == BATCH

    async def _walk(self, policy: Acting) -> bool:
        """Go a step on in a policy's walk over what waits; returns whether there is more, for this instance."""
        wanted: list[EntityId] = []
        place = after = None

        async def take(connection: Connection, _: Acts) -> Sequence[Waiting]:
            nonlocal wanted, place, after
            place = await stored.place_of_walk(connection, policy.subject.id)
            if place is None:
                return ()
            wanted, after = await stored.walk_on(connection, policy, place, WALK_BATCH)
            await stored.move_walk(connection, policy.subject.id, after)
            return await stored.lock_waiting(connection, wanted)

        if await self._try_batch(policy.scope, take, is_queued=False) is None:
            await self._in_halves(policy.scope, wanted)
            async with self._database.transaction() as connection:
                await stored.move_walk(connection, policy.subject.id, after)
        return place is not None and after is not None

    async def _in_halves(self, scope: ScopeName, suggestion_ids: Sequence[EntityId]) -> None:
        """Find those that cannot be evaluated: the others are, and those are left to people."""

        async def take(connection: Connection, _: Acts) -> Sequence[Waiting]:
            return await stored.lock_waiting(connection, suggestion_ids)

        if await self._try_batch(scope, take, is_queued=True) is not None:
            return
        if len(suggestion_ids) > 1:
            middle = len(suggestion_ids) // 2
            await self._in_halves(scope, suggestion_ids[:middle])
            await self._in_halves(scope, suggestion_ids[middle:])
            return
        log.error("suggestion_left_to_people", scope=scope, suggestion_ids=suggestion_ids)
        async with self._database.transaction() as connection:
            await stored.write_evaluated(connection, [(one, None, None) for one in suggestion_ids])
        self._metrics.count([Looked.FAILED])

    async def _try_batch(self, scope: ScopeName, take: Take, *, is_queued: bool) -> Acts | None:
        """Look at a batch; `None` when that failed after something was taken, which is looked at in parts then."""
        has_taken = False

        async def noted(connection: Connection, acts: Acts) -> Sequence[Waiting]:
            nonlocal has_taken
            waiting = await take(connection, acts)
            has_taken = bool(waiting)
            return waiting

        try:
            return await self._batch(scope, noted, is_queued=is_queued)
        except Unavailable:
            raise
        except Exception as error:
            if not has_taken:
                raise
            log.warning("policy_batch_failed", scope=scope, error=repr(error))
        return None

    async def _batch(self, scope: ScopeName, take: Take, *, is_queued: bool) -> Acts:
        """Look at what `take` locks, all in one transaction."""
        async with self._database.transaction() as connection:
            acts = await self._hold(connection, scope)
            waiting = await take(connection, acts)
            looked, results = await self._decide(connection, scope, acts.acting, waiting, is_queued=is_queued)
        self._metrics.count(looked)
        self._decider.committed(results)
        return acts

    async def _hold(self, connection: Connection, scope: ScopeName) -> Acts:
        acting, unreadable = await stored.hold_acting(connection, scope)
        for name in unreadable:
            log.error("policy_unreadable", scope=scope, policy=name)
            self._metrics.unreadable.inc()
        trips = [one for one in acting if await _trip(connection, one.subject, one.enabled_at)]
        return Acts([one for one in acting if one not in trips], trips)

    async def _decide(
        self,
        connection: Connection,
        scope: ScopeName,
        acting: Sequence[Acting],
        waiting: Sequence[Waiting],
        *,
        is_queued: bool,
    ) -> tuple[list[Looked], list[Result]]:
        if not waiting:
            return [], []
        policies = [one.subject for one in acting]
        choices = await _choices(connection, scope, policies, waiting)
        left = [pair for pair in zip(waiting, choices, strict=True) if not _acts(pair[1])]
        await stored.write_evaluated(connection, _evaluated(left, is_queued=is_queued))
        looked = [_left(choice) for _, choice in left]
        chosen = [(one, choice.policy) for one, choice in zip(waiting, choices, strict=True) if _acts(choice)]
        wanted = [_wanted(one, policy) for one, policy in chosen if policy]
        results = await self._decider.decide(connection, wanted) if wanted else []
        await _leave_refused(connection, wanted, results)
        return looked + [_became(result) for result in results], results

    async def _suspend(self, policy: Acting) -> None:
        """Stop a policy, on whichever instance comes first."""
        async with self._database.transaction() as connection:
            before = await stored.lock(connection, policy.subject.id)
            if not _is_as_seen(before, policy) or before is None:
                return
            trip = await _trip(connection, policy.subject, policy.enabled_at)
            if trip is None:
                return
            after = before.suspend(trip, policy.subject.reviewer, datetime.now(UTC))
            await stored.write(connection, after)
            details = {"cause": trip.cause.value, "detail": trip.detail}
            await record(connection, after, "policy.suspend", details)
            await add_events(connection, [_suspended(after, trip)])
        self._decider.wake()
        self._metrics.suspensions.inc()
        log.warning("policy_suspended", scope=after.scope, policy=after.name, detail=trip.detail)

    def _is_time_to_requalify(self, policy: Subject) -> bool:
        now = time.monotonic()
        if policy.document.measured is None or now - self._requalified_at.get(policy.id, 0.0) < POLL_SECONDS:
            return False
        self._requalified_at[policy.id] = now
        return True

    async def _requalify(self, policy: Acting) -> bool:
        """Let a measured policy look at all that waits, once people's decisions let it act on more than before."""
        async with self._database.transaction() as connection:
            document = policy.subject.document
            judged = await stored.newly_judged(connection, policy.scope, JUDGED_LOOKED_AT)
            pairs = [pair for pair in judged if concerns(document, *pair)]
            measured = await measure_pairs(connection, policy.scope, policy.subject, pairs)
            by_pair = {"\n".join(pair): qualifies(document, tally) for pair, tally in measured.items()}
            now = frozenset(pair for pair, does in by_pair.items() if does)
            known = (policy.qualified - by_pair.keys()) | now
            if known == policy.qualified:
                return False
            is_more = not known <= policy.qualified
            await stored.note_qualified(connection, policy.subject.id, known, is_more=is_more)
        return is_more


async def _trip(connection: Connection, policy: Subject, since: datetime) -> Trip | None:
    return tripped(policy.document, await checks_of(connection, policy, since))


async def _choices(
    connection: Connection, scope: ScopeName, policies: Sequence[Subject], waiting: Sequence[Waiting]
) -> list[Choice]:
    candidates = [one.candidate for one in waiting]
    measured = await measure(connection, scope, policies, candidates)
    return [
        choose([(policy, evaluate(policy, candidate, measured[policy.id])) for policy in policies])
        for candidate in candidates
    ]


def _acts(choice: Choice) -> bool:
    return choice.policy is not None and not choice.is_held_out


def _evaluated(
    left: Iterable[tuple[Waiting, Choice]], *, is_queued: bool
) -> Iterable[tuple[str, str | None, str | None]]:
    """Yield what is to be written of suggestions that are left to people; of a walk only what changes."""
    for one, choice in left:
        held = (choice.policy.id, choice.policy.version_name) if choice.policy else (None, None)
        if is_queued or held != (one.held_out_by, one.held_out_version):
            yield one.candidate.id, *held


def _left(choice: Choice) -> Looked:
    if choice.is_held_out:
        return Looked.HELD_OUT
    return Looked.CONTESTED if choice.is_contested else Looked.NOT_FIRED


def _wanted(one: Waiting, policy: Subject) -> Wanted:
    is_approval = policy.document.action is PolicyAction.APPROVE
    return Wanted(
        suggestion_id=one.candidate.id,
        verdict=Verdict.APPROVE if is_approval else Verdict.REJECT,
        reviewed_by=policy.reviewer,
        revision=one.revision,
        reason_code=policy.document.reason_code,
        policy=PolicyVersion(policy.id, policy.version_name),
    )


async def _leave_refused(connection: Connection, wanted: Sequence[Wanted], results: Sequence[Result]) -> None:
    """Look no more at what a policy may not decide, or may only endorse."""
    left: list[tuple[str, str | None, str | None]] = []
    for one, result in zip(wanted, results, strict=True):
        if isinstance(result, GovernanceError):
            log.info(
                "policy_refused", suggestion_id=one.suggestion_id, policy=one.reviewed_by, code=result.code
            )
            left.append((one.suggestion_id, None, None))
        elif result.after.status is SuggestionStatus.PENDING:
            left.append((one.suggestion_id, None, None))
    await stored.write_evaluated(connection, left)


def _became(result: Result) -> Looked:
    return Looked.REFUSED if isinstance(result, GovernanceError) else Looked.DECIDED


def _is_as_seen(policy: PolicyStanding | None, seen: Acting) -> bool:
    return (
        policy is not None
        and policy.state is PolicyState.ENABLED
        and (policy.version, policy.enabled_at) == (seen.subject.version, seen.enabled_at)
    )


def _suspended(policy: PolicyStanding, trip: Trip) -> PolicySuspended:
    return PolicySuspended.of(
        PolicySuspendedData(
            policy_id=policy.id,
            name=policy.name,
            version=policy.version,
            cause=trip.cause.value,
            detail=trip.detail,
            checked=trip.held_out.total,
            agreed=trip.held_out.hits,
            promised=trip.promised,
        ),
        scope=policy.scope,
        revision=policy.revision,
        time=policy.changed_at,
        traceparent=current_traceparent(),
    )
