"""Review over HTTP: claim cards that nobody else is given meanwhile, keep them, give them back."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from wayside.client.pages import Listing, Page, once, parsed
from wayside.client.transport import Transport, path_of, reading
from wayside_events.contracts.governance import (
    ClaimRequest,
    ReleaseRequest,
    RenewRequest,
    ReviewBatch,
    ReviewCards,
    ReviewClaim,
    ReviewOrder,
    SkipRequest,
)

_PATH = "/v1/suggestions/claims"


class Reviews:
    """The caller's review claims; `Client.reviews`. Decide the cards by `Client.suggestions`: they are suggestions."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, _PATH, ReviewClaim)

    async def claim(
        self,
        *,
        scope: str,
        count: int = 10,
        order: ReviewOrder | str = ReviewOrder.UNCERTAIN,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the name it has everywhere
        ttl_seconds: int = 600,
        idempotency_key: str | None = None,
    ) -> ReviewBatch:
        """Claim at most `count` cards. Without one, `held_by_others` says how many others have before them."""
        body = ClaimRequest.model_validate(
            {
                "scope": scope,
                "count": count,
                "order": order,
                "filter": filter or {},
                "ttl_seconds": ttl_seconds,
            }
        )
        return await once(self._transport, _PATH, ReviewBatch, body=body, key=idempotency_key)

    def list(
        self, *, scope: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[ReviewClaim, None]:
        """Yield the caller's claims that have cards, the youngest first, reading page after page of `limit`."""
        return self._listing.items({"scope": scope, "limit": limit})

    async def page(
        self, *, page: str | None = None, scope: str | None = None, limit: int | None = None
    ) -> Page[ReviewClaim]:
        """Read one page of the caller's claims."""
        return await self._listing.page({"page": page, "scope": scope, "limit": limit})

    async def cards(self, claim_id: str) -> ReviewCards:
        """Read the cards that a claim still has; raises `NotFound`."""
        return parsed(await self._transport.send(reading(_claim_path(claim_id))), ReviewCards)

    async def renew(self, claim_id: str, *, ttl_seconds: int = 600) -> ReviewClaim:
        """Keep the cards of a claim for so long from now."""
        body = RenewRequest(ttl_seconds=ttl_seconds)
        return await once(self._transport, _claim_path(claim_id, "renew"), ReviewClaim, body=body)

    async def release(self, claim_id: str, suggestion_ids: Sequence[str] | None = None) -> ReviewClaim:
        """Give cards back, all of the claim when none are named; others may have them at once."""
        body = ReleaseRequest.model_validate({"suggestion_ids": suggestion_ids})
        return await once(self._transport, _claim_path(claim_id, "release"), ReviewClaim, body=body)

    async def skip(self, claim_id: str, suggestion_ids: Sequence[str]) -> ReviewClaim:
        """Give cards back, and be offered them no more for a day."""
        body = SkipRequest.model_validate({"suggestion_ids": suggestion_ids})
        return await once(self._transport, _claim_path(claim_id, "skip"), ReviewClaim, body=body)


def _claim_path(claim_id: str, *rest: str) -> str:
    return path_of("suggestions", "claims", claim_id, *rest)
