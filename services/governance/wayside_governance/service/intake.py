"""Taking of proposals: a batch is one transaction; what became of each is answered in its place."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

import structlog
from pydantic import JsonValue

from wayside_events.contracts.governance import Intake, ProposalOutcome
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import ScopeName, new_id
from wayside_governance.domain.errors import GovernanceError, InvalidProposal, NotStorable
from wayside_governance.domain.evidence import NO_CONTENT, Claim, fingerprint
from wayside_governance.domain.intake import Step, create, receive
from wayside_governance.domain.rules import Settings
from wayside_governance.domain.suggestion import Suggestion
from wayside_governance.metrics import GovernanceMetrics
from wayside_governance.service.problems import item_problem
from wayside_governance.service.proposals import (
    Received,
    Sender,
    ends_of,
    merge_contents,
    read_proposal,
    refuse_unknown,
)
from wayside_governance.service.proposed import announce
from wayside_governance.service.rules import KnownSettings
from wayside_governance.store import intake as stored
from wayside_service.database import Connection, Database
from wayside_service.outbox import add_events

BREATH = 100
"""After how many proposals other requests have a turn."""

Steps = dict[Claim, list[Step]]

log = structlog.get_logger("wayside_governance.intake")


@dataclass(frozen=True, slots=True)
class IntakeService:
    """Takes proposals. `wake` says that events were committed; `known` is what scopes have laid down."""

    database: Database
    wake: Callable[[], None]
    metrics: GovernanceMetrics = field(default_factory=GovernanceMetrics)
    known: KnownSettings = field(default_factory=KnownSettings)

    async def propose(
        self,
        scope: ScopeName,
        proposed_by: str,
        proposals: Sequence[JsonValue],
        *,
        on_behalf_of: str | None = None,
    ) -> tuple[ProposalOutcome, ...]:
        """Store what is valid and return one outcome per proposal, in order."""
        sender = Sender(scope, proposed_by, datetime.now(UTC), on_behalf_of)
        outcomes: dict[int, ProposalOutcome] = {}
        received: list[Received] = []
        for position, value in enumerate(proposals):
            if position % BREATH == 0:
                await asyncio.sleep(0)
            try:
                received.append(read_proposal(value, position, sender))
            except InvalidProposal as error:
                outcomes[position] = _refused(error)
        if received:
            outcomes.update(await self._take_or_split(received, sender))
            self.wake()
        answer = tuple(outcomes[position] for position in range(len(proposals)))
        self.metrics.count_proposals(answer)
        return answer

    async def _take_or_split(self, received: list[Received], sender: Sender) -> dict[int, ProposalOutcome]:
        """Take all at once; when the database refuses one of them, take the halves, until it stands alone."""
        try:
            return await self._take(received, sender)
        except NotStorable as error:
            if len(received) == 1:
                log.warning("proposal_not_storable", error=repr(error.__cause__), claim=received[0].claim)
                return {received[0].position: _refused(error)}
        middle = len(received) // 2
        outcomes = await self._take_or_split(received[:middle], sender)
        return outcomes | await self._take_or_split(received[middle:], sender)

    async def _take(self, received: list[Received], sender: Sender) -> dict[int, ProposalOutcome]:
        async with self.database.transaction() as connection:
            with stored.refusals():
                settings = await self.known.of(connection, sender.scope)
                refused: dict[int, InvalidProposal] = {}
                if settings.refuses_unknown_nodes:
                    known = await stored.known_nodes(connection, sender.scope, ends_of(received))
                    received, refused = refuse_unknown(received, known)
                by_claim = _grouped(received)
                steps = await _store(connection, by_claim, sender, _expiry(settings, sender))
        outcomes = {
            one.position: ProposalOutcome(
                outcome=step.outcome, suggestion_id=step.after.id, revision=step.after.revision
            )
            for claim, given in by_claim.items()
            for one, step in zip(given, steps[claim], strict=True)
        }
        return outcomes | {position: _refused(error) for position, error in refused.items()}


def _expiry(settings: Settings, sender: Sender) -> datetime | None:
    """Return until when what begins to wait now may wait."""
    seconds = settings.pending_ttl_seconds
    return None if seconds is None else sender.at + timedelta(seconds=seconds)


async def _store(
    connection: Connection, by_claim: dict[Claim, list[Received]], sender: Sender, expires_at: datetime | None
) -> Steps:
    """Store what proposals do to their claims, tell of it, and return the steps."""
    contents = merge_contents(chain.from_iterable(by_claim.values()))
    await stored.merge_nodes(connection, sender.scope, contents, sender.at)
    new = await _insert(connection, by_claim, sender, expires_at)
    found = {claim: given for claim, given in by_claim.items() if claim not in new}
    added = await _add(connection, found, sender, expires_at)
    await _keep_evidence(connection, new | added, sender)
    await stored.keep_content(connection, {step.after.id for step in _each(added) if step.keeps_evidence})
    suppressed = Counter(step.after.id for step in _each(added) if step.outcome is Intake.SUPPRESSED)
    await stored.note_suppressed(connection, suppressed, sender.names, sender.at)
    await add_events(connection, announce(_each(new | added), sender.at))
    return new | added


def _each(steps: Steps) -> Iterable[Step]:
    return chain.from_iterable(steps.values())


def _grouped(received: Sequence[Received]) -> dict[Claim, list[Received]]:
    """Return the proposals by claim, in the order in which claims are locked."""
    by_claim: defaultdict[Claim, list[Received]] = defaultdict(list)
    for one in received:
        by_claim[one.claim].append(one)
    return {claim: by_claim[claim] for claim in sorted(by_claim)}


async def _insert(
    connection: Connection,
    by_claim: Mapping[Claim, list[Received]],
    sender: Sender,
    expires_at: datetime | None,
) -> Steps:
    """Insert the claims that are new and return their steps; the suggestions of the others are locked by it."""
    steps = {claim: _steps_of_new(claim, given) for claim, given in by_claim.items()}
    suggestions = [taken[-1].after for taken in steps.values()]
    inserted = await stored.insert_suggestions(connection, sender.scope, suggestions, sender.at, expires_at)
    return {claim: taken for claim, taken in steps.items() if taken[-1].after.id in inserted}


async def _add(
    connection: Connection,
    by_claim: Mapping[Claim, list[Received]],
    sender: Sender,
    expires_at: datetime | None,
) -> Steps:
    """Decide what proposals do to suggestions that are there, write those, and return the steps."""
    currents = await stored.locked_suggestions(connection, sender.scope, by_claim)
    known = await _known_digests(connection, by_claim, currents)
    prints = await _Fingerprints.of(connection, sender.scope, currents)
    steps = {
        claim: _steps_from(currents[claim], given, known[currents[claim].id], prints)
        for claim, given in by_claim.items()
    }
    changed = [taken[-1].after for claim, taken in steps.items() if taken[-1].after is not currents[claim]]
    reopened = {
        taken[-1].after.id
        for taken in steps.values()
        if any(step.outcome is Intake.REOPENED for step in taken)
    }
    await stored.update_suggestions(connection, changed, reopened, expires_at)
    return steps


def _steps_of_new(claim: Claim, given: Sequence[Received]) -> list[Step]:
    first, *more = given
    step = create(new_id(), claim, first.evidence)
    steps = [step]
    if not more:
        return steps
    known = {first.evidence.digest}
    for one in more:
        step = receive(step.after, one.evidence, known=known, fingerprint=b"")
        known.add(one.evidence.digest)
        steps.append(step)
    return steps


def _steps_from(
    current: Suggestion, given: Sequence[Received], known: set[bytes], prints: "_Fingerprints"
) -> list[Step]:
    steps: list[Step] = []
    for one in given:
        step = receive(current, one.evidence, known=known, fingerprint=prints.of_proposal(one))
        if step.keeps_evidence:
            known.add(one.evidence.digest)
        current = step.after
        steps.append(step)
    return steps


async def _known_digests(
    connection: Connection, by_claim: Mapping[Claim, list[Received]], currents: Mapping[Claim, Suggestion]
) -> defaultdict[str, set[bytes]]:
    pairs = {(currents[claim].id, one.evidence.digest) for claim, given in by_claim.items() for one in given}
    known: defaultdict[str, set[bytes]] = defaultdict(set)
    for suggestion_id, digest in await stored.known_evidence(connection, pairs):
        known[suggestion_id].add(digest)
    return known


@dataclass(frozen=True, slots=True)
class _Fingerprints:
    """The fingerprints of proposals, by what is known of their nodes now; only rejected claims need any."""

    hashes: Mapping[str, bytes]

    @classmethod
    async def of(
        cls, connection: Connection, scope: str, currents: Mapping[Claim, Suggestion]
    ) -> "_Fingerprints":
        ends = {
            node_id
            for claim, current in currents.items()
            if current.status is SuggestionStatus.REJECTED
            for node_id in (claim.from_node_id, claim.to_node_id)
        }
        return cls(await stored.content_hashes(connection, scope, ends))

    def of_proposal(self, one: Received) -> bytes:
        return fingerprint(
            self.hashes.get(one.claim.from_node_id, NO_CONTENT),
            self.hashes.get(one.claim.to_node_id, NO_CONTENT),
            one.evidence.payload_hash,
        )


async def _keep_evidence(connection: Connection, steps: Steps, sender: Sender) -> None:
    pieces = [stored.Piece(step.after.id, step.evidence) for step in _each(steps) if step.keeps_evidence]
    await stored.insert_evidence(connection, pieces, sender.at)


def _refused(error: GovernanceError) -> ProposalOutcome:
    return ProposalOutcome(outcome=Intake.INVALID, problem=item_problem(error))
