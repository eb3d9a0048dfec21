"""Publishing to the stream, acknowledged: one message, or an atomic batch with one acknowledgement.

Batches follow NATS ADR-50: headers number the messages, and only the last one is a request.
"""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
from nats.aio.client import Client
from nats.errors import Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from wayside_events.bus.errors import (
    BusUnavailable,
    MessageTooLarge,
    PublishRefused,
    RequestTimedOut,
    describe,
    nats_errors,
)
from wayside_events.bus.messages import MESSAGE_ID_HEADER, OutgoingMessage
from wayside_events.stream import BATCH_LIMIT

_ACK_TIMEOUT_SECONDS = 5.0
_HEADER_ALLOWANCE = 512
"""Bytes of headers that come on top of a message's own: message id and batch headers."""


_NOT_OF_THE_MESSAGE = frozenset({10002, 10109})
"""Errors of the account's limits and of a sealed stream, which the server reports like errors of the message."""


class StreamMissing(BusUnavailable):
    """No stream takes the subject: it was deleted, or never created."""


class BatchRefused(Exception):
    """The server did not store the batch, whole; the messages can be sent one by one instead."""


def check_sizes(client: Client, messages: Sequence[OutgoingMessage]) -> None:
    """Raise `MessageTooLarge` for the first message that the server would not take."""
    limit = client.max_payload
    for message in messages:
        own = sum(len(name) + len(value) + 4 for name, value in message.headers.items())
        size = len(message.payload) + len(message.message_id) + own + _HEADER_ALLOWANCE
        if size > limit:
            raise MessageTooLarge(message.message_id, size, limit)


async def publish_one(client: Client, message: OutgoingMessage) -> int:
    """Publish and wait until it is stored; returns its sequence, also when it was stored before."""
    headers = {**message.headers, MESSAGE_ID_HEADER: message.message_id}
    ack = await _request(client, message, headers)
    if error := ack.get("error"):
        raise _refusal(message, error)
    return int(ack["seq"])


async def publish_atomically(client: Client, messages: Sequence[OutgoingMessage]) -> None:
    """Publish up to 1,000 messages, all stored or none; raises `BatchRefused` when none was."""
    assert 1 < len(messages) <= BATCH_LIMIT
    batch_id = uuid4().hex
    with nats_errors("a batch could not be sent"):
        for number, message in enumerate(messages[:-1], start=1):
            headers = _batch_headers(message, batch_id, number)
            await client.publish(message.subject, message.payload, headers=headers)
    headers = _batch_headers(messages[-1], batch_id, len(messages)) | {"Nats-Batch-Commit": "1"}
    ack = await _request(client, messages[-1], headers)
    if error := ack.get("error"):
        if int(error.get("code", 0)) >= 500:
            raise BusUnavailable(f"the event stream refused a batch: {error['description']}")
        raise BatchRefused(error["description"])


def _batch_headers(message: OutgoingMessage, batch_id: str, number: int) -> dict[str, str]:
    return {
        **message.headers,
        MESSAGE_ID_HEADER: message.message_id,
        "Nats-Batch-Id": batch_id,
        "Nats-Batch-Sequence": str(number),
    }


async def _request(client: Client, message: OutgoingMessage, headers: dict[str, str]) -> dict[str, Any]:
    try:
        reply = await client.request(
            message.subject, message.payload, timeout=_ACK_TIMEOUT_SECONDS, headers=headers
        )
    except NoRespondersError:
        raise StreamMissing(f"no stream takes {message.subject}") from None
    except NatsTimeout:
        raise RequestTimedOut(f"the stream did not acknowledge {message.message_id}") from None
    except Error as error:
        raise BusUnavailable(f"publishing failed: {describe(error)}") from error
    ack: dict[str, Any] = orjson.loads(reply.data)
    return ack


def _refusal(message: OutgoingMessage, error: dict[str, Any]) -> Exception:
    # 409: the same message id is just being stored by somebody else.
    if int(error.get("code", 0)) >= 409 or error.get("err_code") in _NOT_OF_THE_MESSAGE:
        return BusUnavailable(f"the event stream is not ready: {error['description']}")
    return PublishRefused(message.message_id, str(error["description"]))
