"""Policies: which suggestions are decided without a person, as far as that was measured to be right."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from wayside_events.contracts.governance.calibration import Share
from wayside_events.contracts.model import Reply, Request
from wayside_events.edges import Confidence, RelationshipType
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope

PolicyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""What a person calls a policy; it decides as `policy:<name>`, and a decision names `<name>:<version>`."""

SourceModel = Annotated[str, Field(min_length=1, max_length=200)]

SIMULATED_LIMIT = 20_000
"""The most judgements of people that one simulation looks at."""


class PolicyAction(StrEnum):
    """What a policy does with a suggestion that meets all of its conditions."""

    APPROVE = "approve"
    REJECT = "reject"


class MeasuredPrecision(Request):
    """Act only where people agreed often enough: per source model and relationship type, on what it would act on.

    The lower bound of the 95 % Wilson interval has to reach `min_precision`, on at least `min_decisions` of people.
    """

    min_precision: float = Field(gt=0, le=1)
    min_decisions: int = Field(default=50, ge=1, le=2_000)


class Breaker(Request):
    """When a policy is suspended: what people say of the hold-out, and decisions of the policy that they undo.

    Either the upper bound of the 95 % Wilson interval of the hold-out's agreement is below `min_agreement`, once it has
    `min_checks`, or people disagreed so many times in a row. Without `min_agreement` it is `measured.min_precision`, or 0.9;
    without `disagreements_in_a_row` it is what happens once in 100,000 times to a policy that keeps its promise.
    """

    min_agreement: float | None = Field(default=None, gt=0, le=1)
    min_checks: int = Field(default=20, ge=1, le=1_000)
    disagreements_in_a_row: int | None = Field(default=None, ge=2, le=100)


class PolicyDocument(Request):
    """The conditions of a policy, all of which must hold, and what it does then.

    Nothing in `relationship_types` or `source_models` means any. With `source_models`, only what these state counts:
    confidence, strength and `min_sources` are theirs. `hold_out` is the share left to people, to check the policy by.
    """

    relationship_types: tuple[RelationshipType, ...] = Field(default=(), max_length=50)
    source_models: tuple[SourceModel, ...] = Field(default=(), max_length=50)
    min_confidence: Confidence = 0.0
    max_confidence: Confidence = 1.0
    min_strength: float | None = Field(default=None, ge=0, le=1)
    min_sources: int = Field(default=1, ge=1, le=50)
    measured: MeasuredPrecision | None = None
    action: PolicyAction
    reason_code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")
    hold_out: float = Field(default=0.1, ge=0, le=1)
    breaker: Breaker = Breaker()


class PutPolicyRequest(Request):
    """A new version of a policy, or a new policy, which is disabled at first.

    With `if_version`, only if that is the present version: a repeat then makes no second one. 0 is no version at all.
    """

    scope: Scope
    name: PolicyName
    description: str | None = Field(default=None, max_length=2_000)
    document: PolicyDocument
    if_version: int | None = Field(default=None, ge=0)


class PolicyState(StrEnum):
    """Whether a policy acts."""

    DISABLED = "disabled"  # it does nothing
    ENABLED = "enabled"  # it decides
    SUSPENDED = "suspended"  # its breaker stopped it; enabling needs a reason or a new version


class SuspensionCause(StrEnum):
    """What made the breaker stop a policy."""

    LOW_AGREEMENT = "low_agreement"  # the hold-out shows less than was promised
    DISAGREEMENTS_IN_A_ROW = "disagreements_in_a_row"  # people disagreed again and again


class Suspension(Reply):
    """Why a policy was suspended: `agreed` of `checked` in the hold-out, and what was promised."""

    cause: SuspensionCause
    detail: str
    checked: int
    agreed: int
    promised: float
    at: Timestamp


class PolicyVersion(Reply):
    """A version of a policy, which never changes. `name` is how decisions name it: `<name>:<version>`."""

    policy_id: Id
    version: int
    name: str
    description: str | None = None
    document: PolicyDocument
    created_by: str
    created_at: Timestamp


class Policy(Reply):
    """A policy with its present version; `revision` grows with every change, also of the state."""

    id: Id
    scope: Scope
    name: str
    version: int
    revision: int
    state: PolicyState
    description: str | None = None
    document: PolicyDocument
    created_by: str
    created_at: Timestamp
    changed_by: str
    changed_at: Timestamp
    enabled_at: Timestamp | None = None
    suspension: Suspension | None = None


class PolicyPage(Reply):
    """Part of a list of policies; `next_page` is None on the last one."""

    items: tuple[Policy, ...]
    next_page: str | None = None


class PolicyVersionPage(Reply):
    """Part of a list of versions, the newest first; `next_page` is None on the last one."""

    items: tuple[PolicyVersion, ...]
    next_page: str | None = None


class SwitchPolicyRequest(Request):
    """Enable or disable, and why; enabling a suspended policy needs a reason."""

    reason: str | None = Field(default=None, min_length=1, max_length=2_000)


class SimulateRequest(Request):
    """What to try: the policy as it is, or another document, on the latest judgements of people."""

    document: PolicyDocument | None = None
    limit: int = Field(default=5_000, ge=1, le=SIMULATED_LIMIT)


class SimulateDraftRequest(Request):
    """A document to try that no policy has yet."""

    scope: Scope
    document: PolicyDocument
    limit: int = Field(default=5_000, ge=1, le=SIMULATED_LIMIT)


class Confusion(Reply):
    """What a policy would have done against what people did. Positive is what the policy's action says of a claim."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


class Disagreement(Reply):
    """A claim on which people decided other than the policy would have."""

    suggestion_id: Id
    relationship_type: str
    confidence: float
    decided: Literal["accepted", "rejected"]
    reasons: tuple[str, ...]


class Simulation(Reply):
    """What a policy would have done, on `judged` claims that people decided, and what it would do now.

    Each claim is tried with no more than was measured before it was decided. `precision` is None of what it never did,
    `recall` of what nobody did. `would_act` and `would_hold_out` are of the latest `pending` suggestions that wait now;
    `truncated` when there is more history than was looked at.
    """

    judged: int
    confusion: Confusion
    precision: Share | None = None
    recall: Share | None = None
    wrong: tuple[Disagreement, ...] = ()
    pending: int
    would_act: int
    would_hold_out: int
    truncated: bool = False


class PolicyOutcome(StrEnum):
    """What a policy makes of a suggestion."""

    FIRED = "fired"  # all conditions hold: it acts
    HELD_OUT = "held_out"  # all hold, but this one is left to people, to check the policy by
    NOT_FIRED = "not_fired"  # a condition does not hold


class PolicyExplanation(Reply):
    """Why a policy acts on a suggestion or does not: `confidence 0.71 < 0.80`. It acts only while it is enabled."""

    policy_id: Id
    name: str
    version: int
    state: PolicyState
    action: PolicyAction
    outcome: PolicyOutcome
    reasons: tuple[str, ...]
