"""Publishing to the stream, acknowledged: one message, or an atomic batch with one acknowledgement.

Batches follow NATS ADR-50: headers number the messages, and only the last one is a request.
"""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
from nats.errors import Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from wayside_events.bus.connection import ReconnectingClient
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


def check_messages(client: ReconnectingClient, messages: Sequence[OutgoingMessage]) -> None:
    """Find what can never be stored before anything is sent.

    Raises `MessageTooLarge` for the first message that the server would not take, `PublishRefused` for the first whose
    subject or id would break the protocol's line.
    """
    limit = client.max_payload
    room = limit - _HEADER_ALLOWANCE
    for _, message_id, payload in messages:
        if len(payload) + len(message_id) > room:
            raise MessageTooLarge(message_id, len(payload) + len(message_id) + _HEADER_ALLOWANCE, limit)
    if not _are_words([word for message in messages for word in message[:2]]):
        wrong = next(each for each in messages if not _are_words(each[:2]))
        raise PublishRefused(
            wrong.message_id, "its subject or id is empty or has white space or other than ASCII"
        )


def _are_words(texts: Sequence[str]) -> bool:
    line = " ".join(texts)
    return line.isascii() and line.split() == list(texts)


async def publish_one(client: ReconnectingClient, message: OutgoingMessage) -> int:
    """Publish and wait until it is stored; returns its sequence, also when it was stored before."""
    ack = await _request(client, message, {MESSAGE_ID_HEADER: message.message_id})
    if error := ack.get("error"):
        raise _refusal(message, error)
    return int(ack["seq"])


async def publish_atomically(client: ReconnectingClient, messages: Sequence[OutgoingMessage]) -> None:
    """Publish up to 1,000 messages, all stored or none; raises `BatchRefused` when none was."""
    assert 1 < len(messages) <= BATCH_LIMIT
    batch_id = uuid4().hex
    last = messages[-1]
    with nats_errors("a batch could not be sent"):
        await client.send_encoded(_encode_batch(messages[:-1], batch_id))
    headers = {
        MESSAGE_ID_HEADER: last.message_id,
        "Nats-Batch-Id": batch_id,
        "Nats-Batch-Sequence": str(len(messages)),
        "Nats-Batch-Commit": "1",
    }
    ack = await _request(client, last, headers)
    if error := ack.get("error"):
        if int(error.get("code", 0)) >= 500:
            raise BusUnavailable(f"the event stream refused a batch: {error['description']}")
        raise BatchRefused(error["description"])


def _encode_batch(messages: Sequence[OutgoingMessage], batch_id: str) -> bytes:
    """Write the publish commands of all of a batch but its end: `publish` of nats-py takes ten times as long."""
    same = f"\r\nNats-Batch-Id: {batch_id}\r\nNats-Batch-Sequence: "
    parts: list[bytes] = []
    for number, (subject, message_id, payload) in enumerate(messages, start=1):
        headers = f"NATS/1.0\r\n{MESSAGE_ID_HEADER}: {message_id}{same}{number}\r\n\r\n"
        size = len(headers)
        parts += f"HPUB {subject} {size} {size + len(payload)}\r\n{headers}".encode(), payload, b"\r\n"
    return b"".join(parts)


async def _request(
    client: ReconnectingClient, message: OutgoingMessage, headers: dict[str, str]
) -> dict[str, Any]:
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
