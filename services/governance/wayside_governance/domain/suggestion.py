"""A suggestion, and its verbs: each returns the new value; the store repeats the guard on the revision."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

from wayside_events.contracts.governance import Verdict
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.confidence import combine
from wayside_governance.domain.errors import StaleRevision
from wayside_governance.domain.evidence import Claim, Evidence
from wayside_governance.domain.states import Verb, next_status

SOURCES_LIMIT = 64
"""Of how many source models a suggestion keeps the highest confidence: the surest ones count, the others no more."""

REMEMBERED_LIMIT = 1_000
"""How many fingerprints a suggestion remembers: of its latest evidence when it was rejected, and of older ones what there is room for."""


class Standing(NamedTuple):
    """What all evidence together says.

    `maxima` is each model's highest confidence, of the 64 surest models. From `strongest` on, fields are of the strongest piece, which is the
    first with the highest confidence; `strongest` is its digest.
    """

    confidence: float
    evidence_count: int
    maxima: Mapping[str, float]
    strongest: bytes
    strength: float | None
    source_model: str
    analysis_run_id: str | None
    proposed_by: str

    @classmethod
    def of(cls, evidence: Evidence) -> "Standing":
        """Return the standing that one piece gives."""
        return cls(
            confidence=evidence.confidence,
            evidence_count=1,
            maxima={evidence.source_model: evidence.confidence},
            strongest=evidence.digest,
            strength=evidence.strength,
            source_model=evidence.source_model,
            analysis_run_id=evidence.analysis_run_id,
            proposed_by=evidence.proposed_by,
        )

    def with_(self, evidence: Evidence) -> "Standing":
        """Return the standing with one more piece."""
        model, confidence = evidence.source_model, evidence.confidence
        if confidence <= self.maxima.get(model, -1.0):
            return self._replace(evidence_count=self.evidence_count + 1)
        maxima = {**self.maxima, model: max(confidence, self.maxima.get(model, 0.0))}
        if len(maxima) > SOURCES_LIMIT:
            del maxima[min(maxima, key=lambda name: (maxima[name], name))]
        leading = Standing.of(evidence) if confidence > max(self.maxima.values()) else self
        return leading._replace(
            confidence=combine(maxima), evidence_count=self.evidence_count + 1, maxima=maxima
        )

    @classmethod
    def of_all(cls, evidence: Iterable[Evidence]) -> "Standing":
        """Return the standing of at least one piece, in the order they were proposed."""
        first, *rest = evidence
        return reduce(cls.with_, rest, cls.of(first))


class Review(NamedTuple):
    """The decision a suggestion's status rests on."""

    decision_id: EntityId
    reviewed_by: str
    reviewed_at: datetime
    reason_code: str | None
    edge_id: EntityId | None = None


class Suggestion(NamedTuple):
    """A claim that waits for a decision, or had one. `remembered` are the fingerprints it was rejected on."""

    id: EntityId
    claim: Claim
    status: SuggestionStatus
    revision: int
    standing: Standing
    created_at: datetime
    updated_at: datetime
    review: Review | None = None
    remembered: frozenset[bytes] = frozenset()
    suppressed_count: int = 0
    endorsed_by: tuple[str, ...] = ()

    @classmethod
    def propose(cls, suggestion_id: EntityId, claim: Claim, evidence: Evidence) -> "Suggestion":
        """– → pending."""
        at = evidence.proposed_at
        return cls(suggestion_id, claim, SuggestionStatus.PENDING, 1, Standing.of(evidence), at, at)

    def add_evidence(self, evidence: Evidence) -> "Suggestion":
        """pending → pending."""
        return self._after(Verb.ADD_EVIDENCE, evidence.proposed_at, standing=self.standing.with_(evidence))

    def reopen(self, standing: Standing, at: datetime) -> "Suggestion":
        """rejected, expired, withdrawn → pending; `standing` is of all evidence. What was rejected stays remembered."""
        return self._after(Verb.REOPEN, at, standing=standing, review=None, endorsed_by=())

    def suppress(self) -> "Suggestion":
        """Count a proposal that asks what was answered; no visible change."""
        return self._replace(suppressed_count=self.suppressed_count + 1)

    def approve(self, review: Review) -> "Suggestion":
        """pending → approved; `review` names the edge that comes into being."""
        return self._after(Verb.APPROVE, review.reviewed_at, review=review)

    def endorse(self, reviewer: str, at: datetime) -> "Suggestion":
        """pending → pending, with one of the approvals it needs."""
        return self._after(Verb.ENDORSE, at, endorsed_by=(*self.endorsed_by, reviewer))

    def retract(self, at: datetime) -> "Suggestion":
        """pending → pending, without its latest endorsement."""
        return self._after(Verb.RETRACT, at, endorsed_by=self.endorsed_by[:-1])

    def reject(self, review: Review, fingerprints: frozenset[bytes]) -> "Suggestion":
        """pending → rejected, remembering what it was rejected on: at most `REMEMBERED_LIMIT` fingerprints."""
        room = max(REMEMBERED_LIMIT - len(fingerprints), 0)
        older = self.remembered - fingerprints
        remembered = fingerprints.union(older if len(older) <= room else sorted(older)[:room])
        return self._after(Verb.REJECT, review.reviewed_at, review=review, remembered=remembered)

    def supersede(self, review: Review) -> "Suggestion":
        """pending → superseded."""
        return self._after(Verb.SUPERSEDE, review.reviewed_at, review=review)

    def expire(self, review: Review) -> "Suggestion":
        """pending → expired."""
        return self._after(Verb.EXPIRE, review.reviewed_at, review=review)

    def withdraw(self, review: Review) -> "Suggestion":
        """pending → withdrawn."""
        return self._after(Verb.WITHDRAW, review.reviewed_at, review=review)

    def undo(self, at: datetime, *, standing: Standing, forget: frozenset[bytes]) -> "Suggestion":
        """Any decided → pending; `forget` is what the undone rejection added to memory."""
        remembered = self.remembered - forget if forget else self.remembered
        return self._after(Verb.UNDO, at, standing=standing, review=None, remembered=remembered)

    def expect(self, revision: int) -> None:
        """Raise `StaleRevision` unless this is the revision the caller saw."""
        if self.revision != revision:
            raise StaleRevision(revision, self.revision)

    def _after(self, verb: Verb, at: datetime, **changes: Any) -> "Suggestion":
        status = next_status(self.status, verb)
        return self._replace(status=status, revision=self.revision + 1, updated_at=at, **changes)


class Decision(NamedTuple):
    """One appended verdict. `revision` is the suggestion's after it; `fingerprints` is what it added to memory.

    `policy_version` is "<name>:<version>". `linked_to` is the decision that this one follows from: an approval that
    supersedes rivals, or the undo of one. `imported_at` is set for one that was made elsewhere, at `reviewed_at`.
    """

    id: EntityId
    suggestion_id: EntityId
    scope: ScopeName
    revision: int
    verdict: Verdict
    reviewed_by: str
    reviewed_at: datetime
    reason_code: str | None
    note: str | None
    confidence_shown: float
    evidence_shown: int
    time_taken_seconds: float | None
    edge_id: EntityId | None = None
    undoes: EntityId | None = None
    fingerprints: frozenset[bytes] = frozenset()
    policy_id: EntityId | None = None
    policy_version: str | None = None
    bulk_id: EntityId | None = None
    linked_to: EntityId | None = None
    imported_at: datetime | None = None

    @property
    def recorded_at(self) -> datetime:
        """When it was made here."""
        return self.imported_at or self.reviewed_at


class Edge(NamedTuple):
    """An edge of the graph and where it came from. Of a functional type a node has one edge."""

    id: EntityId
    claim: Claim
    revision: int
    confidence: float
    strength: float | None
    suggestion_id: EntityId | None
    decision_id: EntityId | None
    created_by: str
    created_at: datetime
    is_functional: bool = False
