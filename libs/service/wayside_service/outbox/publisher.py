"""What the relay needs of the bus."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from wayside_events.bus import OutgoingMessage


class Publisher(Protocol):
    """The part of `wayside_events.bus.Bus` the relay uses; errors are the bus's own."""

    async def publish_batch(self, messages: Sequence[OutgoingMessage]) -> None:
        """Publish in order; returns when all are stored."""
        ...

    async def stored_message_ids(self, subjects: Sequence[str]) -> dict[str, str]:
        """Return the id of the newest stored message of each subject (wildcards allowed)."""
        ...

    async def notify(self, subject: str, payload: bytes = b"") -> None:
        """Send a message that may be lost."""
        ...

    async def listen(self, subject: str, callback: Callable[[bytes], None]) -> Callable[[], Awaitable[None]]:
        """Call back for every message; returns how to stop."""
        ...
