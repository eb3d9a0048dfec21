"""Reading of what people judged, for the calibration report."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from wayside_events.contracts.governance import Period, PolicyAction, Verdict
from wayside_governance.domain.calibration import Bin, Opinion, Span, Tally
from wayside_governance.store.rows import id_of
from wayside_governance.store.statements import CALIBRATION, READING
from wayside_service.database import Connection

ALL_SOURCES: Final = ""
"""What stands for the confidence of all sources together."""


class Limits(NamedTuple):
    """How much a report reads and shows: judgements, groups, claims with several verdicts, checks of a policy."""

    judgements: int
    groups: int
    second_looks: int
    checks: int


class Group(NamedTuple):
    """A type and a source."""

    relationship_type: str
    source_model: str


async def groups(
    connection: Connection, span: Span, bins: int, limits: Limits
) -> Mapping[Group, Mapping[int, Bin]]:
    """Return the largest groups, the largest first, as their bins by number; wants a transaction."""
    await connection.execute(READING.plan_for_these_filters)
    rows = await connection.fetch(
        CALIBRATION.calibration,
        span.scope,
        span.since,
        span.until,
        span.relationship_type,
        span.source_model,
        bins,
        limits.groups,
        limits.judgements,
    )
    found: defaultdict[Group, dict[int, Bin]] = defaultdict(dict)
    for row in rows:
        tally = Tally(row["hits"], row["total"])
        group = Group(row["relationship_type"], row["source_model"])
        found[group][row["bin"]] = Bin(tally, row["confidence"] / tally.total)
    return found


async def acceptance(
    connection: Connection, span: Span, period: Period, limits: Limits
) -> list[tuple[datetime, Tally]]:
    """Return how many of how many claims were accepted in each day or week; wants a transaction."""
    await connection.execute(READING.plan_for_these_filters)
    rows = await connection.fetch(
        CALIBRATION.acceptance,
        span.scope,
        span.since,
        span.until,
        span.relationship_type,
        span.source_model or ALL_SOURCES,
        period,
        limits.judgements,
    )
    return [(row["start"], Tally(row["hits"], row["total"])) for row in rows]


async def opinions(connection: Connection, span: Span, limits: Limits) -> list[Opinion]:
    """Return the verdicts of people on claims that more than one may have judged, by claim and revision."""
    rows = await connection.fetch(
        CALIBRATION.second_looks, span.scope, span.since, span.until, limits.second_looks
    )
    return [
        Opinion(id_of(row["suggestion_id"]), row["revision"], row["reviewed_by"], Verdict(row["verdict"]))
        for row in rows
    ]


async def policies(connection: Connection, span: Span, limits: Limits) -> Sequence[tuple[str, Tally, int]]:
    """Return for each version of a policy how often people agreed with its hold-out, and how much they undid."""
    rows = await connection.fetch(
        CALIBRATION.policy_agreement, span.scope, span.since, span.until, limits.checks
    )
    return [
        (
            row["name"],
            Tally(row["accepted"], row["held_out"])
            if row["action"] == PolicyAction.APPROVE
            else Tally(row["accepted"], row["held_out"]).rest,
            row["undone"],
        )
        for row in rows
    ]
