"""The reading of what NATS sends."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError

from wayside_events.bus.protocol import Headers, QuickParser, read_headers

Message = tuple[int, bytes, bytes, bytes, bytes]


class ClientForTests:
    """Notes what is passed on; an error of the server makes it begin another connection."""

    def __init__(self) -> None:
        self.parser = QuickParser(self)  # type: ignore[arg-type]
        self.messages: list[Message] = []
        self.others: list[str] = []

    async def _process_msg(self, *message: Any) -> None:
        self.messages.append(message)

    async def _process_ping(self) -> None:
        self.others.append("ping")

    async def _process_pong(self) -> None:
        self.others.append("pong")

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.others.append(info["server_name"])

    async def _process_err(self, error: str) -> None:
        self.others.append(error)
        self.parser.reset()


def encoded(message: Message) -> bytes:
    sid, subject, reply, payload, headers = message
    to = b" ".join([subject, str(sid).encode(), *([reply] if reply else [])])
    if headers:
        sizes = f"{len(headers)} {len(headers) + len(payload)}".encode()
        return b"HMSG %b %b\r\n%b%b\r\n" % (to, sizes, headers, payload)
    return b"MSG %b %d\r\n%b\r\n" % (to, len(payload), payload)


words = st.text("abc.*>-", min_size=1, max_size=12).map(str.encode)
messages = st.tuples(
    st.integers(1, 10**6),
    words,
    st.one_of(st.just(b""), words),
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nA: b\r\n\r\n", b"NATS/1.0 404 No Messages\r\n\r\n"]
    ),
)
commands = st.lists(st.one_of(messages, st.sampled_from(["PING", "PONG", "+OK"])), max_size=12)


@given(commands, st.lists(st.integers(0, 400), max_size=8))
async def test_every_message_arrives_once_and_in_order_however_it_is_cut(
    sent: list[Message | str], cuts: list[int]
) -> None:
    stream = b"".join(f"{each}\r\n".encode() if isinstance(each, str) else encoded(each) for each in sent)
    client = ClientForTests()
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    for start, end in pairwise(places):
        await client.parser.parse(stream[start:end])
    assert client.messages == [each for each in sent if not isinstance(each, str)]
    assert client.others == [each.lower() for each in sent if each in ("PING", "PONG")]


async def test_other_commands_are_left_to_nats_py() -> None:
    client = ClientForTests()
    await client.parser.parse(b'INFO {"server_name": "one"}\r\nPING\r\n')
    assert client.others == ["one", "ping"]


async def test_nothing_of_a_connection_that_failed_is_read_in_the_next() -> None:
    client = ClientForTests()
    await client.parser.parse(b"-ERR 'Stale Connection'\r\nMSG a 1 1\r\nx\r\nMSG a 1 5\r\nxy")
    await client.parser.parse(b"MSG b 2 1\r\nz\r\n")
    assert client.messages == [(2, b"b", b"", b"z", b"")]


@pytest.mark.parametrize(
    "data",
    [
        b"MSG a b 1\r\nx\r\n",
        b"MSG a 1 -5\r\n",
        b"MSG a\r\n",
        b"HMSG a 1 x 3\r\nxyz\r\n",
        b"HELLO\r\n",
        b"NONSENSE\r\n",
        b"x" * 5_000,
    ],
)
async def test_what_no_server_sends_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        await ClientForTests().parser.parse(data)


@pytest.mark.parametrize(
    "block, headers",
    [
        (b"NATS/1.0\r\n\r\n", {}),
        (b"NATS/1.0\r\nA: b\r\nC:d e \r\n\r\n", {"A": "b", "C": "d e"}),
        (b"NATS/1.0\r\nA: http://x:1\r\nA: last\r\n\r\n", {"A": "last"}),
        (b"NATS/1.0 503\r\n\r\n", {"Status": "503"}),
        (b"NATS/1.0 404 No Messages\r\n\r\n", {"Status": "404", "Description": "No Messages"}),
        (b"NATS/1.0 100 Idle\r\nA: b\r\n\r\n", {"Status": "100", "Description": "Idle", "A": "b"}),
        (b"NATS/1.0\r\nno header\r\nX: \xff\r\n\r\n", {"X": "\ufffd"}),
    ],
)
def test_headers_are_read_by_name(block: bytes, headers: dict[str, str]) -> None:
    assert read_headers(block) == headers


names = st.sampled_from(["A", "B", "Nats-Sequence", "Status", "Description", "a"])
blocks = st.builds(
    lambda first, lines: "\r\n".join([first, *lines, "", ""]).encode(),
    st.sampled_from(["NATS/1.0", "NATS/1.0 404", "NATS/1.0 100 Idle Heartbeat"]),
    st.lists(
        st.builds(
            "{}{}{}".format, names, st.sampled_from([":", ": ", "", " :"]), st.text("ab :é", max_size=5)
        ),
        max_size=5,
    ),
)


@given(st.one_of(blocks, st.just(b"")), st.lists(names, max_size=4))
def test_headers_are_the_same_when_they_are_read_one_by_one(block: bytes, asked: list[str]) -> None:
    expected = read_headers(block) if block else {}
    headers = Headers(block)
    assert [headers.get(name, "none") for name in asked] == [expected.get(name, "none") for name in asked]
    assert [name in headers for name in asked] == [name in expected for name in asked]
    assert dict(headers) == expected
    assert len(headers) == len(expected)


async def test_messages_of_a_receiver_are_handed_over_as_they_are_read() -> None:
    client = ClientForTests()
    received: list[tuple[str, bytes, dict[str, str]]] = []
    receivers = {7: lambda subject, payload, headers: received.append((subject, payload, dict(headers)))}
    parser = QuickParser(client, receivers)  # type: ignore[arg-type]
    own = (7, b"a.b", b"", b"one", b"NATS/1.0\r\nA: b\r\n\r\n"), (7, b"c", b"to", b"", b"")
    other = (8, b"d", b"", b"two", b"")
    stream = b"".join(map(encoded, [own[0], other, own[1]]))
    for start in range(0, len(stream), 5):
        await parser.parse(stream[start : start + 5])
    assert received == [("a.b", b"one", {"A": "b"}), ("c", b"", {})]
    assert client.messages == [other]
