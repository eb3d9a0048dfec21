"""Decisions on many suggestions at once, over HTTP."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from wayside.client.pages import Listing, Page, once, parsed
from wayside.client.transport import Transport, path_of, reading
from wayside_events.contracts.governance import (
    BulkTarget,
    DecisionBulk,
    DecisionBulkAction,
    DecisionBulkBody,
    DecisionBulkItem,
    Suggestion,
    UndoBulkRequest,
)

_PATH = "/v1/suggestions/bulk"


class Bulks:
    """Decisions on many suggestions of the caller's scopes; `Client.bulks`. Each is ordered once, however often it is sent."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, _PATH, DecisionBulk)

    async def preview(
        self,
        action: DecisionBulkAction | str,
        *,
        scope: str,
        filter: Mapping[str, Any],  # noqa: A002 - the name it has everywhere
        reason_code: str | None = None,
        note: str | None = None,
    ) -> DecisionBulk:
        """Count the pending suggestions of a filter, with a sample and the `snapshot` that `apply` asks for."""
        said = {"filter": filter, "reason_code": reason_code, "note": note, "dry_run": True}
        return await self._order({"action": action, "scope": scope, **said}, None)

    async def apply(
        self,
        preview: DecisionBulk,
        *,
        filter: Mapping[str, Any],  # noqa: A002 - the name it has everywhere
        reason_code: str | None = None,
        note: str | None = None,
        idempotency_key: str | None = None,
    ) -> DecisionBulk:
        """Decide what a preview counted, given with its filter and reason: what has changed since is left alone.

        More than 500 are the work of the job `job_id`, which may be waited for or canceled; `get` says how far it is.
        """
        said = {"filter": filter, "reason_code": reason_code, "note": note, "snapshot": preview.snapshot}
        order = {"action": preview.action, "scope": preview.scope, **said}
        return await self._order(order, idempotency_key)

    async def decide(
        self,
        action: DecisionBulkAction | str,
        suggestions: Sequence[Suggestion],
        *,
        scope: str,
        reason_code: str | None = None,
        note: str | None = None,
        idempotency_key: str | None = None,
    ) -> DecisionBulk:
        """Decide suggestions as you saw them, at most 1,000; those that changed since are left alone."""
        items = tuple(BulkTarget(suggestion_id=one.id, revision=one.revision) for one in suggestions)
        said = {"items": items, "reason_code": reason_code, "note": note}
        return await self._order({"action": action, "scope": scope, **said}, idempotency_key)

    async def get(self, bulk_id: str) -> DecisionBulk:
        """Read how far a bulk is; raises `NotFound`."""
        answer = await self._transport.send(reading(path_of("suggestions", "bulk", bulk_id)))
        return parsed(answer, DecisionBulk)

    def list(
        self, *, scope: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[DecisionBulk, None]:
        """Yield bulks, the latest first, reading page after page of `limit`."""
        return self._listing.items({"scope": scope, "limit": limit})

    async def page(
        self, *, page: str | None = None, scope: str | None = None, limit: int | None = None
    ) -> Page[DecisionBulk]:
        """Read one page of bulks."""
        return await self._listing.page({"page": page, "scope": scope, "limit": limit})

    def failures(self, bulk_id: str, *, limit: int | None = None) -> AsyncGenerator[DecisionBulkItem, None]:
        """Yield what a bulk did not decide, and why, reading page after page of `limit`."""
        path = path_of("suggestions", "bulk", bulk_id, "failures")
        return Listing(self._transport, path, DecisionBulkItem).items({"limit": limit})

    async def undo(
        self, bulk_id: str, *, note: str | None = None, idempotency_key: str | None = None
    ) -> DecisionBulk:
        """Take back all that a bulk decided, as a bulk of its own."""
        path = path_of("suggestions", "bulk", bulk_id, "undo")
        body = UndoBulkRequest(note=note)
        return await once(self._transport, path, DecisionBulk, body=body, key=idempotency_key)

    async def _order(self, said: Mapping[str, Any], key: str | None) -> DecisionBulk:
        body = DecisionBulkBody.model_validate(said)
        return await once(self._transport, _PATH, DecisionBulk, body=body, key=key)
