"""Pages of lists: where the next one begins, as an opaque text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from wayside_governance.domain.errors import InvalidPage
from wayside_governance.domain.wanted import Order, Position

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    page: str | None = None


def write_page(order: Order, position: Position | None) -> str | None:
    """Return the page that begins after `position`, where there is one."""
    if position is None:
        return None
    key = position.key
    value = (key - _EPOCH) // _MICROSECOND if isinstance(key, datetime) else key
    encoded = orjson.dumps([order, value, UUID(position.item_id).hex])
    return urlsafe_b64encode(encoded).decode().rstrip("=")


def read_page(page: str | None, order: Order) -> Position | None:
    """Return where a page begins; raises `InvalidPage` for what is no page of a list in this order."""
    if page is None:
        return None
    try:
        written_order, value, item_id = orjson.loads(urlsafe_b64decode(page + "=" * (-len(page) % 4)))
        key = float(value) if written_order == Order.CONFIDENCE else _EPOCH + int(value) * _MICROSECOND
        position = Position(key, str(UUID(item_id)))
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidPage("Not a next_page of this list.") from None
    if written_order != order:
        raise InvalidPage("A next_page of a list in another order.")
    return position
