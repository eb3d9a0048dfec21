"""The calibration report: how often people accept what machines are so and so sure of."""

from enum import StrEnum

from wayside_events.contracts.model import Reply
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Scope


class Share(Reply):
    """`count` of `total`; `low` and `high` are the bounds of its 95 % Wilson interval."""

    count: int
    total: int
    share: float
    low: float
    high: float


class Period(StrEnum):
    """The steps of a report over time; a week begins on Monday, and days are UTC's."""

    DAY = "day"
    WEEK = "week"


class CalibrationBin(Reply):
    """Claims whose confidence was from `low_confidence` up to `high_confidence`, exclusive but in the last bin."""

    low_confidence: float
    high_confidence: float
    mean_confidence: float
    accepted: Share


class CalibrationGroup(Reply):
    """One source model and relationship type; without `source_model`, the confidence of all sources together.

    `expected_calibration_error` is 0 where confidence is acceptance. `boundary` is the confidence at which people accept
    as often as they reject: 0 when they accept more often everywhere, 1 when they reject more often everywhere.
    """

    relationship_type: str
    source_model: str | None = None
    accepted: Share
    expected_calibration_error: float
    boundary: float
    bins: tuple[CalibrationBin, ...]


class AcceptanceInPeriod(Reply):
    """How many claims people accepted in the day or week that begins at `start`."""

    start: Timestamp
    accepted: Share


class ReviewerAgreement(Reply):
    """How often one person said the same as another of a claim that both judged as the same evidence showed it."""

    reviewer: str
    agreed: Share


class PolicyAgreement(Reply):
    """What people said of a policy: of its hold-out, and how many of its latest decisions they undid."""

    policy: str
    agreed: Share
    undone: int


class CalibrationReport(Reply):
    """What people decided one by one from `since` to `until`, and did not take back.

    Decisions of policies and in bulk do not count: nobody looked at each. `truncated` when only the latest were read.
    """

    scope: Scope
    since: Timestamp
    until: Timestamp
    groups: tuple[CalibrationGroup, ...]
    over_time: tuple[AcceptanceInPeriod, ...]
    reviewers: tuple[ReviewerAgreement, ...]
    policies: tuple[PolicyAgreement, ...]
    truncated: bool = False
