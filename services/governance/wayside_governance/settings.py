"""Settings of governance."""

from pydantic import Field

from wayside_service.settings import DatabaseSettings


class GovernanceSettings(DatabaseSettings):
    """What governance needs; `reject_reason_codes` are the reasons a rejection may give, in a scope without its own.

    `audit_seal_seconds` is how often the end of a scope's audit chain is made known, if it moved. `bulk_slots` is how many
    large bulks this instance works on at the same time; with 0 it leaves them to others. `sweep_seconds` is how often is
    looked for what expires, or is kept no longer.
    """

    audit_seal_seconds: float = Field(default=10, gt=0)
    sweep_seconds: float = Field(default=30, gt=0)
    bulk_slots: int = Field(default=2, ge=0, le=100)

    reject_reason_codes: frozenset[str] = frozenset(
        {
            "not_related",
            "indirect",
            "wrong_type",
            "wrong_direction",
            "duplicate",
            "insufficient_evidence",
            "wrong_nodes",
            "out_of_scope",
            "other",
        }
    )
