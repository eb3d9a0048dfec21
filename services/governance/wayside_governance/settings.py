"""Settings of governance."""

from wayside_service.settings import DatabaseSettings


class GovernanceSettings(DatabaseSettings):
    """What governance needs; `reject_reason_codes` are the reasons a rejection may give."""

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
