"""The settings of a scope, as far as other rooms act on them; pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from wayside_events.edges import SuggestionStatus
from wayside_governance.domain.errors import DecisionConflict, GovernanceError


class Settings(NamedTuple):
    """What holds in a scope. `reason_codes` is code → label; None stands for those of the service."""

    revision: int = 0
    reason_codes: Mapping[str, str | None] | None = None
    refuses_unknown_nodes: bool = False
    pending_ttl_seconds: int | None = None
    retention: Mapping[SuggestionStatus, int | None] = MappingProxyType({})


class TypeRules(NamedTuple):
    """What holds for a type of relationship."""

    is_functional: bool = False
    required_approvals: int = 1


class StaleSettings(DecisionConflict):
    """Somebody was faster: the settings changed since the caller saw them."""

    code = "stale_settings"
    title = "The settings have changed"

    def __init__(self, seen: int, current: int) -> None:
        super().__init__(f"The settings were seen at revision {seen}; they are at revision {current}.")


class TypeNotFound(GovernanceError):
    """The scope has not declared this type of relationship."""

    code = "relationship_type_not_found"
    title = "No such relationship type"

    def __init__(self, name: str) -> None:
        super().__init__(f"The scope has not declared a relationship type {name}.")
