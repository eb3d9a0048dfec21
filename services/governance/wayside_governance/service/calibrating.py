"""The calibration report, and the boundary that reviewers are best asked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from wayside_events.contracts.governance import (
    AcceptanceInPeriod,
    CalibrationBin,
    CalibrationGroup,
    CalibrationReport,
    Period,
    PolicyAgreement,
    ReviewerAgreement,
    Share,
)
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.calibration import (
    Bin,
    Span,
    Tally,
    agreement,
    boundary,
    expected_calibration_error,
)
from wayside_governance.store import calibration as stored
from wayside_governance.store.calibration import ALL_SOURCES, Group, Limits
from wayside_service.database import Connection, Database

LIMITS: Final = Limits(judgements=300_000, groups=200, second_looks=5_000, checks=1_000)
"""A claim is a judgement for each source that stated it, and one for all together."""

REPORTED_TIME: Final = timedelta(days=90)
"""What a report is about that does not say since when."""

_BOUNDARY_BINS: Final = 20
_BOUNDARY_LIMITS: Final = LIMITS._replace(judgements=20_000)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a report is drawn: how many bins of confidence, and the steps of time."""

    bins: int = 10
    period: Period = Period.WEEK


@dataclass(frozen=True, slots=True)
class CalibrationService:
    """Reports on what people judged."""

    database: Database
    limits: Limits = LIMITS

    async def report(self, span: Span, shape: Shape) -> CalibrationReport:
        """Return the report; it reads a bounded part of what was judged, the latest."""
        async with self.database.transaction(isolation="repeatable_read", readonly=True) as connection:
            groups = await stored.groups(connection, span, shape.bins, self.limits)
            over_time = await stored.acceptance(connection, span, shape.period, self.limits)
            opinions = await stored.opinions(connection, span, self.limits)
            policies = await stored.policies(connection, span, self.limits)
        read = sum(one.accepted.total for found in groups.values() for one in found.values())
        return CalibrationReport(
            scope=ScopeName(span.scope),
            since=span.since,
            until=span.until,
            groups=tuple(_group(group, found, shape.bins) for group, found in groups.items()),
            over_time=tuple(
                AcceptanceInPeriod(start=start, accepted=share_of(tally)) for start, tally in over_time
            ),
            reviewers=tuple(
                ReviewerAgreement(reviewer=reviewer, agreed=share_of(tally))
                for reviewer, tally in sorted(agreement(opinions).items())
            ),
            policies=tuple(
                PolicyAgreement(policy=name, agreed=share_of(tally), undone=undone)
                for name, tally, undone in policies
            ),
            truncated=read >= self.limits.judgements or len(groups) == self.limits.groups,
        )


async def boundaries(connection: Connection, scope: ScopeName) -> dict[str, float]:
    """Return for each type the confidence at which people accept as often as they reject, where anyone judged it.

    It is of all sources together, of the latest judgements. Wants a transaction.
    """
    until = datetime.now(UTC)
    span = Span(scope, until - REPORTED_TIME, until, source_model=ALL_SOURCES)
    groups = await stored.groups(connection, span, _BOUNDARY_BINS, _BOUNDARY_LIMITS)
    return {
        group.relationship_type: boundary(found[number] for number in sorted(found))
        for group, found in groups.items()
    }


def share_of(tally: Tally) -> Share:
    """Return a tally as it is shown."""
    low, high = tally.interval()
    return Share(count=tally.hits, total=tally.total, share=tally.share, low=low, high=high)


def _group(group: Group, found: Mapping[int, Bin], bins: int) -> CalibrationGroup:
    rising = [found[number] for number in sorted(found)]
    hits, total = (sum(column) for column in zip(*(one.accepted for one in rising), strict=True))
    return CalibrationGroup(
        relationship_type=group.relationship_type,
        source_model=group.source_model or None,
        accepted=share_of(Tally(hits, total)),
        expected_calibration_error=expected_calibration_error(rising),
        boundary=boundary(rising),
        bins=tuple(_bins(found, bins)),
    )


def _bins(found: Mapping[int, Bin], bins: int) -> Iterator[CalibrationBin]:
    for number in sorted(found):
        yield CalibrationBin(
            low_confidence=number / bins,
            high_confidence=(number + 1) / bins,
            mean_confidence=found[number].mean_confidence,
            accepted=share_of(found[number].accepted),
        )
