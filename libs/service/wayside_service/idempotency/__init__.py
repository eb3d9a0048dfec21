"""Requests that may be sent twice: what they do, and the answer that is kept, are one transaction."""

from wayside_service.idempotency.header import IdempotencyHeaders, reply_of
from wayside_service.idempotency.once import (
    Caller,
    IdempotencyConflict,
    KeyReleased,
    Once,
    forgetting_resource,
)
from wayside_service.idempotency.table import KEYS_SQL, Answer, RequestKey, forget_keys

__all__ = [
    "KEYS_SQL",
    "Answer",
    "Caller",
    "IdempotencyConflict",
    "IdempotencyHeaders",
    "KeyReleased",
    "Once",
    "RequestKey",
    "forget_keys",
    "forgetting_resource",
    "reply_of",
]
