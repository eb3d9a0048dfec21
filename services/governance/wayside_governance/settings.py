"""Settings of governance."""

from pydantic import Field

from wayside_service.settings import DatabaseSettings


class GovernanceSettings(DatabaseSettings):
    """What governance needs; `reject_reason_codes` are the reasons a rejection may give, in a scope without its own.

    `audit_seal_seconds` is how often the end of a scope's audit chain is made known, if it moved.
    """

    audit_seal_seconds: float = Field(default=10, gt=0)

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
