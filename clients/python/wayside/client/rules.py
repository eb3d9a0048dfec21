"""What a scope lays down, over HTTP: its settings, and its types of relationships."""

from collections.abc import AsyncGenerator

from wayside.client.pages import Listing, Page, parsed
from wayside.client.transport import Call, Transport, path_of, reading
from wayside_events.contracts.governance import (
    PutSettingsRequest,
    PutTypeRequest,
    RelationshipTypeRules,
    ScopeSettings,
)

_SETTINGS = "/v1/governance/settings"


class GovernanceSettings:
    """The settings of a scope; `Client.governance_settings`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, *, scope: str | None = None) -> ScopeSettings:
        """Read the settings of a scope."""
        return parsed(await self._transport.send(reading(_SETTINGS, {"scope": scope})), ScopeSettings)

    async def put(self, settings: PutSettingsRequest, *, scope: str | None = None) -> ScopeSettings:
        """Replace all settings of a scope; with `if_revision`, only if nobody changed them meanwhile. For admins."""
        is_safe = settings.if_revision is None
        call = Call("PUT", _SETTINGS, {"scope": scope}, body=settings, may_be_repeated=is_safe)
        return parsed(await self._transport.send(call), ScopeSettings)


class RelationshipTypes:
    """The declared types of relationships of a scope; `Client.relationship_types`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, "/v1/relationship-types", RelationshipTypeRules)

    async def get(self, name: str, *, scope: str | None = None) -> RelationshipTypeRules:
        """Read a declared type; raises `NotFound` for one that is not, which is not functional and needs one approval."""
        answer = await self._transport.send(reading(_type_path(name), {"scope": scope}))
        return parsed(answer, RelationshipTypeRules)

    def list(
        self, *, scope: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[RelationshipTypeRules, None]:
        """Yield declared types by name, reading page after page of `limit`."""
        return self._listing.items({"scope": scope, "limit": limit})

    async def page(
        self, *, page: str | None = None, scope: str | None = None, limit: int | None = None
    ) -> Page[RelationshipTypeRules]:
        """Read one page of declared types."""
        return await self._listing.page({"page": page, "scope": scope, "limit": limit})

    async def put(
        self, name: str, rules: PutTypeRequest, *, scope: str | None = None
    ) -> RelationshipTypeRules:
        """Declare a type, or change it. For admins."""
        call = Call("PUT", _type_path(name), {"scope": scope}, body=rules, may_be_repeated=True)
        return parsed(await self._transport.send(call), RelationshipTypeRules)

    async def delete(self, name: str, *, scope: str | None = None) -> None:
        """Forget a declared type; its suggestions and edges stay. For admins."""
        await self._transport.send(Call("DELETE", _type_path(name), {"scope": scope}))


def _type_path(name: str) -> str:
    return path_of("relationship-types", name)
