"""The live feed: core subscriptions on what the stream republishes, payload untouched."""

from collections.abc import Callable, Mapping, Sequence

from nats.aio.subscription import Subscription

from wayside_events.bus.connection import Connection, settled
from wayside_events.bus.errors import nats_errors
from wayside_events.bus.messages import StoredMessage
from wayside_events.bus.reading import stored_message


class LiveSubscription:
    """Calls `deliver` for every live event, in order, and `gap` whenever some may have been missed."""

    def __init__(
        self, connection: Connection, deliver: Callable[[StoredMessage], None], gap: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._deliver = deliver
        self._subscriptions: list[Subscription] = []
        self._forget = connection.on_resume(gap)

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
                self._subscriptions.append(await client.receive(subject, self._on_message))
            await settled(client, subjects)

    async def close(self) -> None:
        """Unsubscribe; nothing is delivered afterwards."""
        self._forget()
        while self._subscriptions:
            await self._connection.client.stop_receiving(self._subscriptions.pop())

    def _on_message(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        self._deliver(stored_message(subject, payload, headers))
