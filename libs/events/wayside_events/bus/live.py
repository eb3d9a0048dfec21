"""The live feed: core subscriptions on what the stream republishes, payload untouched."""

from collections.abc import Callable, Sequence

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from wayside_events.bus.connection import Connection, settled
from wayside_events.bus.errors import nats_errors
from wayside_events.bus.messages import StoredMessage
from wayside_events.bus.reading import stored_message

PENDING_MESSAGES = 65_536
PENDING_BYTES = 256 * 1024 * 1024


class LiveSubscription:
    """Calls `deliver` for every live event, in order, and `gap` whenever some may have been missed."""

    def __init__(
        self, connection: Connection, deliver: Callable[[StoredMessage], None], gap: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._deliver = deliver
        self._gap = gap
        self._subscriptions: list[Subscription] = []
        self._undo: list[Callable[[], None]] = [connection.on_resume(gap)]

    async def start(self, subjects: Sequence[str]) -> None:
        """Subscribe, and return when the server has it: every event stored after that is delivered or a gap.

        Raises `AccessDenied` or `BusUnavailable`, closed.
        """
        try:
            await self._subscribe(subjects)
        except BaseException:
            await self.close()
            raise

    async def _subscribe(self, subjects: Sequence[str]) -> None:
        client = self._connection.require()
        with nats_errors("the live feed cannot be subscribed to"):
            for subject in subjects:
                subscription = await client.subscribe(
                    subject,
                    cb=self._on_message,
                    pending_msgs_limit=PENDING_MESSAGES,
                    pending_bytes_limit=PENDING_BYTES,
                )
                self._subscriptions.append(subscription)
                self._undo.append(self._connection.on_drop(subscription, self._gap))
            await settled(client, subjects)

    async def close(self) -> None:
        """Unsubscribe; nothing is delivered afterwards."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        for subscription in self._subscriptions:
            if not self._connection.client.is_closed:
                await subscription.unsubscribe()
        self._subscriptions.clear()

    async def _on_message(self, message: Msg) -> None:
        self._deliver(stored_message(message, message.headers or {}))
