"""The header `Idempotency-Key`, and how a repeated answer is marked."""

from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from wayside_service.http import Reply
from wayside_service.idempotency.table import Answer

_REPLAYED: Final = MappingProxyType({"Idempotent-Replayed": "true"})
"""As Stripe has it; the IETF's draft of `Idempotency-Key` asks for the first answer and names no such header."""


class IdempotencyHeaders(BaseModel):
    """A key makes a repeat of the same request harmless for 24 hours."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    idempotency_key: str | None = Field(
        default=None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description=(
            "For 24 hours a repeat of the request gets the first answer, status and body, with the header "
            "`Idempotent-Replayed: true`. An answer of 4xx or 5xx takes no key."
        ),
    )


def reply_of(answer: Answer) -> Reply:
    """Return an answer as it was given first; one that was given before says so."""
    return Reply(answer.body, status=answer.status, headers=_REPLAYED if answer.is_replay else {})
