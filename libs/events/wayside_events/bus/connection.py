"""The connection to NATS: started in the background, never given up."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionReconnectingError, Error

from wayside_events.bus.errors import AccessDenied, BusUnavailable, describe
from wayside_events.bus.protocol import QuickParser, Receive, read_headers

logger = logging.getLogger("wayside.bus")

RECONNECT_WAIT_SECONDS = 0.25
PING_INTERVAL_SECONDS = 10
MAX_OUTSTANDING_PINGS = 2
_SAID_LIMIT = 100

_CREDENTIALS = re.compile(r"//[^/@,]*@")
_DENIED = re.compile(r'permissions violation for subscription to "([^"]*)"', re.IGNORECASE)
_PERMISSIONS = "permissions violation"


@dataclass(frozen=True, slots=True)
class BusSettings:
    """How to reach NATS. `url` may name several servers, separated by commas.

    `user` also decides the inbox prefix `_INBOX_<user>`, which the server's permissions are written for.
    """

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: str | None = None
    name: str = "wayside"

    @property
    def inbox_prefix(self) -> str:
        """The prefix of reply subjects of this connection."""
        return f"_INBOX_{self.user}" if self.user else "_INBOX"

    @property
    def address(self) -> str:
        """`url` without credentials, for messages."""
        return _CREDENTIALS.sub("//", self.url)


class ReconnectingClient(Client):
    """Connects again where nats-py closes for good, and remembers which subscriptions the server denied.

    It reads what arrives by itself, and hands messages of `receive` over without a queue.
    """

    def __init__(self) -> None:
        super().__init__()
        self.denied: set[str] = set()
        self._receivers: dict[int, Receive] = {}
        self._answers_to = ""
        self._ps = QuickParser(self, self._receivers)

    async def receive(self, subject: str, callback: Receive) -> Subscription:
        """Subscribe; `callback` is called for each message while it is read, so it must be quick.

        There is no queue that could run over: who is too slow slows the connection down, and the server ends one that
        does not keep up. End it by `stop_receiving`.
        """
        take = partial(_hand_over, callback)
        subscription = await self.subscribe(subject)
        early = subscription._pending_queue  # noqa: SLF001
        while not early.empty():
            message = early.get_nowait()
            take(message.subject, message.data, message.headers or {})
        self._receivers[subscription._id] = take  # noqa: SLF001
        return subscription

    async def stop_receiving(self, subscription: Subscription) -> None:
        """Call back no more, and unsubscribe."""
        self._receivers.pop(subscription._id, None)  # noqa: SLF001
        if not self.is_closed:
            await subscription.unsubscribe()

    async def _init_request_sub(self) -> None:
        """Hand answers to those who wait for them while they are read."""
        await super()._init_request_sub()
        assert self._resp_sub_prefix is not None
        self._answers_to = self._resp_sub_prefix.decode()
        subject = f"{self._answers_to}*"
        [number] = [number for number, each in self._subs.items() if each.subject == subject]
        self._receivers[number] = self._on_answer

    def _on_answer(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        future = self._resp_map.get(subject.removeprefix(self._answers_to))
        if future is not None and not future.done():
            future.set_result(Msg(self, subject, "", payload, dict(headers) or None))

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        return read_headers(headers) if headers else None

    async def _process_err(self, err_msg: str) -> None:
        if match := _DENIED.search(err_msg):
            self.denied.add(match[1].lower())
        if _PERMISSIONS in err_msg.lower():
            await super()._process_err(err_msg)
            return
        error = Error(f"nats: {err_msg}")
        await self._error_cb(error)
        await self._process_op_err(error)

    async def send_encoded(self, commands: bytes) -> None:
        """Send publish commands that are written in full already, after all that was sent before."""
        if not self.is_connected:
            raise ConnectionReconnectingError
        await self._send_command(commands)

    async def stop_deliveries(self, subscription: Subscription) -> None:
        """Return when the server sends nothing more to a subscription and all it sent has arrived."""
        if self.is_connected:
            await self._send_unsubscribe(subscription._id)  # noqa: SLF001
            await settled(self)

    async def _process_pong(self) -> None:
        # The flush that waited may have been cancelled; nats-py's read loop would end on its future.
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _read_loop(self) -> None:
        await super()._read_loop()
        # nats-py ends the loop on any exception and goes on to call itself connected, deaf for ever.
        if self.is_connected:
            await self._process_op_err(Error("nats: the read loop ended"))


def _hand_over(callback: Receive, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
    try:
        callback(subject, payload, headers)
    except Exception:
        logger.exception("a message on %s could not be taken", subject)


class Connection:
    """One NATS connection and what to do when it comes, or comes back."""

    def __init__(self, settings: BusSettings) -> None:
        self.settings = settings
        self.client = ReconnectingClient()
        self._connecting: asyncio.Task[None] | None = None
        self._resumed: list[Callable[[], None]] = []
        self._said: set[str] = set()
        self._is_closing = False

    def start(self) -> None:
        """Begin to connect, for ever, in the background."""
        self._connecting = asyncio.create_task(self._connect(), name="bus-connect")

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached right now."""
        return bool(self.client.is_connected)

    def require(self) -> ReconnectingClient:
        """Return the client; raises `BusUnavailable` when it is not connected."""
        if not self.is_connected:
            raise BusUnavailable(f"NATS cannot be reached at {self.settings.address}")
        return self.client

    async def wait(self, timeout_seconds: float | None = None) -> None:
        """Wait for the first connection; raises `BusUnavailable` after `timeout_seconds`."""
        assert self._connecting is not None, "the connection was not started"
        try:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.shield(self._connecting)
        except TimeoutError:
            raise BusUnavailable(f"NATS cannot be reached at {self.settings.address}") from None

    async def close(self) -> None:
        """Flush what is pending and close; safe at any time."""
        self._is_closing = True
        # Once may not be enough: asyncio.wait_for, inside nats-py, loses a cancellation up to Python 3.11.
        while self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait([self._connecting], timeout=1)
        if self.client.is_connected:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2):
                    await settled(self.client)
        if not self.client.is_closed:
            await self.client.close()

    def on_resume(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each reconnect; returns how to stop that."""
        self._resumed.append(callback)
        return lambda: self._resumed.remove(callback)

    async def _connect(self) -> None:
        settings = self.settings
        await self.client.connect(
            servers=[url.strip() for url in settings.url.split(",")],
            name=settings.name,
            user=settings.user,
            password=settings.password,
            inbox_prefix=settings.inbox_prefix,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT_SECONDS,  # type: ignore[arg-type]
            ping_interval=PING_INTERVAL_SECONDS,
            max_outstanding_pings=MAX_OUTSTANDING_PINGS,
            connect_timeout=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_reconnect,
        )
        logger.info("connected to NATS %s", self.client.connected_server_version)

    async def _on_error(self, error: Exception) -> None:
        text = describe(error)
        # While NATS is away, the same error comes four times a second.
        level = logging.DEBUG if text in self._said else logging.WARNING
        if len(self._said) > _SAID_LIMIT:
            self._said.clear()
        self._said.add(text)
        logger.log(level, "NATS: %s", text)

    async def _on_disconnect(self) -> None:
        logger.log(logging.DEBUG if self._is_closing else logging.WARNING, "disconnected from NATS")

    async def _on_reconnect(self) -> None:
        self._said.clear()
        logger.info("reconnected to NATS")
        for callback in list(self._resumed):
            try:
                callback()
            except Exception:
                logger.exception("a callback failed after a reconnect")


async def settled(client: ReconnectingClient, subscribed: Iterable[str] = ()) -> None:
    """Return when the server has processed every command sent so far.

    Raises `AccessDenied` when it denied one of the subjects `subscribed` to.
    """
    # nats-py writes the PING of a flush ahead of what it has buffered; only the second one comes after that.
    await client.flush()
    await client.flush()
    for subject in subscribed:
        if subject.lower() in client.denied:
            client.denied.discard(subject.lower())
            raise AccessDenied(f"the NATS user may not subscribe to {subject}")
