"""What a policy makes of a suggestion, and when it is stopped; pure, so that a simulation is the real thing."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from wayside_events.contracts.governance import (
    PolicyAction,
    PolicyDocument,
    PolicyOutcome,
    SuspensionCause,
)
from wayside_events.contracts.problems import FieldError
from wayside_events.identifiers import EntityId
from wayside_governance.domain.calibration import Tally
from wayside_governance.domain.confidence import combine

REVIEWER_PREFIX: Final = "policy:"
"""How the subject of a policy begins, as whom it decides."""

DEFAULT_AGREEMENT: Final = 0.9
"""What a policy promises that does not say so itself."""

BAD_LUCK: Final = 1e-5
"""How unlikely so many disagreements in a row are to be that a policy stops, if it keeps its promise."""

_DIGITS: Final = range(2, 18)
_IN_A_ROW: Final = (2, 100)


class Subject(NamedTuple):
    """A policy as it acts: in one version."""

    id: EntityId
    name: str
    version: int
    document: PolicyDocument

    @property
    def version_name(self) -> str:
        """How decisions name it."""
        return f"{self.name}:{self.version}"

    @property
    def reviewer(self) -> str:
        """As whom it decides."""
        return REVIEWER_PREFIX + self.name


class Candidate(NamedTuple):
    """What policies look at of a suggestion. `strength` is what `strongest_source` states; `was_judged` by a person."""

    id: EntityId
    relationship_type: str
    confidence: float
    strength: float | None
    strongest_source: str
    maxima: Mapping[str, float]
    was_judged: bool = False


Measured = Mapping[tuple[str, str], Tally]
"""How often people agreed with a policy's action, by relationship type and source model, within its confidences."""


class Evaluation(NamedTuple):
    """What a policy makes of a suggestion, and why, in words and numbers."""

    outcome: PolicyOutcome
    reasons: tuple[str, ...]


class _Condition(NamedTuple):
    holds: bool
    text: str


def contradictions(document: PolicyDocument) -> list[FieldError]:
    """Return what a policy asks that cannot be met, or that could not be checked; fields are of the document."""
    return [
        FieldError(field=field, code="contradiction", message=message)
        for is_wrong, field, message in _contradictions(document)
        if is_wrong
    ]


def _contradictions(document: PolicyDocument) -> Iterator[tuple[bool, str, str]]:
    sources, measured = document.source_models, document.measured
    is_reject = document.action is PolicyAction.REJECT
    yield (
        document.min_confidence > document.max_confidence,
        "/min_confidence",
        f"No confidence is from {document.min_confidence} to {document.max_confidence}",
    )
    yield (
        bool(sources) and document.min_sources > len(set(sources)),
        "/min_sources",
        f"Only {len(set(sources))} sources count, so there are never {document.min_sources}",
    )
    yield is_reject and document.reason_code is None, "/reason_code", "A rejection needs a reason"
    yield not is_reject and document.reason_code is not None, "/reason_code", "An approval has no reason code"
    yield (
        measured is not None and measured.min_precision == 1,
        "/measured/min_precision",
        "No number of decisions shows that a precision is 1",
    )
    yield (
        measured is not None and document.hold_out == 0,
        "/hold_out",
        "Without a hold-out nothing would be measured any more where the policy acts",
    )
    yield (
        document.breaker.min_agreement is not None and document.hold_out == 0,
        "/breaker/min_agreement",
        "Without a hold-out there is nothing to compare the policy with",
    )
    yield _is_unconditional(document), "/", f"The policy would {document.action} everything"


def _is_unconditional(document: PolicyDocument) -> bool:
    return not (
        document.relationship_types
        or document.source_models
        or document.min_confidence > 0
        or document.max_confidence < 1
        or document.min_strength is not None
        or document.min_sources > 1
        or document.measured is not None
    )


def evaluate(policy: Subject, candidate: Candidate, measured: Measured) -> Evaluation:
    """Say whether all conditions hold; if so, whether this suggestion is held out; if not, which do not."""
    conditions = tuple(_conditions(policy.document, candidate, measured))
    failed = tuple(condition.text for condition in conditions if not condition.holds)
    if failed:
        return Evaluation(PolicyOutcome.NOT_FIRED, failed)
    reasons = tuple(condition.text for condition in conditions)
    if is_held_out(candidate.id, policy):
        return Evaluation(PolicyOutcome.HELD_OUT, reasons)
    return Evaluation(PolicyOutcome.FIRED, reasons)


def is_held_out(suggestion_id: str, policy: Subject) -> bool:
    """Whether a suggestion is left to people: by a hash, so that it is the same at every look and on every instance."""
    digest = hashlib.sha256(f"{suggestion_id}:{policy.id}:{policy.version}".encode()).digest()
    return int.from_bytes(digest[:8]) < policy.document.hold_out * 2**64


def _conditions(document: PolicyDocument, candidate: Candidate, measured: Measured) -> Iterator[_Condition]:
    if document.relationship_types:
        holds = candidate.relationship_type in document.relationship_types
        yield _Condition(holds, f"relationship type {candidate.relationship_type}{_among(holds)}")
    counted = counted_maxima(document, candidate)
    if not counted:
        sources = ", ".join(candidate.maxima)
        yield _Condition(False, f"source models {sources} are not among the policy's")
        return
    confidence = combine(counted) if document.source_models else candidate.confidence
    yield _at_least("confidence", confidence, document.min_confidence)
    if document.max_confidence < 1:
        yield _at_most("confidence", confidence, document.max_confidence)
    if document.min_strength is not None:
        yield _strength(document.min_strength, candidate, counted)
    if document.min_sources > 1:
        holds = len(counted) >= document.min_sources
        text = f"independent sources {len(counted)} {'≥' if holds else '<'} {document.min_sources}"
        yield _Condition(holds, text)
    if document.measured is not None:
        yield _measured(document, candidate, counted, measured)
    if candidate.was_judged:
        yield _Condition(False, "a person has decided on it before")


def counted_maxima(document: PolicyDocument, candidate: Candidate) -> dict[str, float]:
    """Return what the sources state that count for a policy."""
    wanted = document.source_models
    return {source: stated for source, stated in candidate.maxima.items() if not wanted or source in wanted}


def concerns(document: PolicyDocument, relationship_type: str, source: str) -> bool:
    """Whether a policy may act on what a source states of a type."""
    types, sources = document.relationship_types, document.source_models
    return (not types or relationship_type in types) and (not sources or source in sources)


def _strength(minimum: float, candidate: Candidate, counted: Mapping[str, float]) -> _Condition:
    if candidate.strongest_source not in counted:
        return _Condition(False, f"strength is stated by {candidate.strongest_source}, which does not count")
    if candidate.strength is None:
        return _Condition(False, f"strength is not stated, and has to be ≥ {minimum:.2f}")
    return _at_least("strength", candidate.strength, minimum)


def _measured(
    document: PolicyDocument, candidate: Candidate, counted: Mapping[str, float], measured: Measured
) -> _Condition:
    """One source is enough whose own confidence is among those the measure is of."""
    relationship_type = candidate.relationship_type
    found = {
        source: measured.get((relationship_type, source), Tally())
        for source, stated in counted.items()
        if document.min_confidence <= stated <= document.max_confidence
    }
    if not found:
        return _Condition(False, "no source alone states a confidence that the policy is measured on")
    source, tally = max(
        found.items(), key=lambda item: (qualifies(document, item[1]), item[1].interval().low)
    )
    return _Condition(
        qualifies(document, tally), f"{source} on {relationship_type}: {_precision(document, tally)}"
    )


def qualifies(document: PolicyDocument, tally: Tally) -> bool:
    """Whether people agreed often enough, on enough claims, for the policy to act."""
    wanted = document.measured
    return wanted is None or (
        tally.total >= wanted.min_decisions and tally.interval().low >= wanted.min_precision
    )


def _precision(document: PolicyDocument, tally: Tally) -> str:
    wanted = document.measured
    assert wanted is not None
    if tally.total < wanted.min_decisions:
        return f"measured on {tally.total} < {wanted.min_decisions} decisions"
    bound = _at_least("lower bound of the measured precision", tally.interval().low, wanted.min_precision)
    return f"{bound.text} ({tally.hits} of {tally.total})"


def _at_least(name: str, value: float, minimum: float) -> _Condition:
    shown, wanted = _apart(value, minimum)
    return _Condition(value >= minimum, f"{name} {shown} {'≥' if value >= minimum else '<'} {wanted}")


def _at_most(name: str, value: float, maximum: float) -> _Condition:
    shown, wanted = _apart(value, maximum)
    return _Condition(value <= maximum, f"{name} {shown} {'≤' if value <= maximum else '>'} {wanted}")


def _apart(value: float, bound: float) -> tuple[str, str]:
    """Write two numbers with two digits, or as many more as it takes for different ones to look different."""
    for digits in _DIGITS:
        texts = f"{value:.{digits}f}", f"{bound:.{digits}f}"
        if texts[0] != texts[1] or value == bound:
            return texts
    return repr(value), repr(bound)


def _among(holds: bool) -> str:
    return "" if holds else " is not among the policy's"


class Choice(NamedTuple):
    """What all policies of a scope together make of a suggestion: the one that acts, or holds it out, if any does.

    `is_contested` when one would approve and another reject: then none acts.
    """

    policy: Subject | None = None
    is_held_out: bool = False
    is_contested: bool = False


NOTHING: Final = Choice()


def choose(evaluated: Sequence[tuple[Subject, Evaluation]]) -> Choice:
    """Return what is to be done; the first policy counts where several would do the same.

    What any of them holds out is left to people, for the others would spoil its sample.
    """
    firing = [one for one in evaluated if one[1].outcome is not PolicyOutcome.NOT_FIRED]
    if not firing:
        return NOTHING
    if len({policy.document.action for policy, _ in firing}) > 1:
        return Choice(is_contested=True)
    for policy, evaluation in firing:
        if evaluation.outcome is PolicyOutcome.HELD_OUT:
            return Choice(policy, is_held_out=True)
    return Choice(firing[0][0])


class Check(NamedTuple):
    """What people said of one act of a policy: of a held-out suggestion by deciding it, of a decision by undoing it."""

    is_held_out: bool
    agreed: bool


class Trip(NamedTuple):
    """Why a breaker stops a policy."""

    cause: SuspensionCause
    detail: str
    held_out: Tally
    promised: float


def promised_agreement(document: PolicyDocument) -> float:
    """Return how often people are to agree with a policy."""
    if document.breaker.min_agreement is not None:
        return document.breaker.min_agreement
    return DEFAULT_AGREEMENT if document.measured is None else document.measured.min_precision


def patience(document: PolicyDocument) -> int:
    """Return after how many disagreements in a row a policy has to stop."""
    if document.breaker.disagreements_in_a_row is not None:
        return document.breaker.disagreements_in_a_row
    fewest, most = _IN_A_ROW
    wrong = 1 - promised_agreement(document)
    # The last digits of a tenth must not make five into six.
    return fewest if wrong <= 0 else min(max(math.ceil(math.log(BAD_LUCK, wrong) - 1e-9), fewest), most)


def tripped(document: PolicyDocument, checks: Sequence[Check]) -> Trip | None:
    """Return why the policy has to stop, if it has; `checks` are the latest first.

    Only the hold-out is a fair sample: of what the policy decided, people see what they happen to look at.
    """
    promised, breaker = promised_agreement(document), document.breaker
    held_out = [check.agreed for check in checks if check.is_held_out]
    tally = Tally(sum(held_out), len(held_out))
    row = checks[: patience(document)]
    if len(row) == patience(document) and not any(check.agreed for check in row):
        detail = f"People disagreed {len(row)} times in a row."
        return Trip(SuspensionCause.DISAGREEMENTS_IN_A_ROW, detail, tally, promised)
    if tally.total >= breaker.min_checks and (high := tally.interval().high) < promised:
        shown, wanted = _apart(high, promised)
        detail = (
            f"People agreed with {tally.hits} of {tally.total} held out: "
            f"at most {shown} is likely, {wanted} was promised."
        )
        return Trip(SuspensionCause.LOW_AGREEMENT, detail, tally, promised)
    return None
