"""Pages of lists: where the next one begins, as an opaque text."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import orjson

from wayside_events.contracts.problems import FieldError
from wayside_governance.domain.wanted import Position
from wayside_service.errors import InvalidInput


def write_page(order: str, position: Position | None) -> str | None:
    """Return the page that begins after `position`, where there is one."""
    if position is None:
        return None
    value = [order, position.confidence, UUID(position.suggestion_id).hex]
    return urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def read_page(page: str | None, order: str) -> Position | None:
    """Return where a page begins; raises `InvalidInput` for what is no page of a list in this order."""
    if page is None:
        return None
    try:
        value = orjson.loads(urlsafe_b64decode(page + "=" * (-len(page) % 4)))
        written_order, confidence, suggestion_id = value
        position = Position(str(UUID(suggestion_id)), float(confidence))
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise _invalid("is not a page of this list") from None
    if written_order != order:
        raise _invalid("is a page of a list in another order")
    return position


def _invalid(what: str) -> InvalidInput:
    return InvalidInput(
        f"The page {what}.", errors=(FieldError(field="?page", code="invalid_page", message=f"This {what}"),)
    )
