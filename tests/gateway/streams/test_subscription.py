"""One client: what it is sent after the state it was shown."""

from tests.gateway.streams.frames import Sink, event, subscription

from wayside_events.cursor import Cursor
from wayside_gateway.streams import control
from wayside_gateway.streams.frame import Batch, Frame
from wayside_gateway.streams.place import Known
from wayside_gateway.streams.subscription import Subscription


def show(one: Subscription, *, revision: int) -> None:
    known = Known("a", revision)
    one.knows(known)
    one.put(control.snapshot(b"{}", Cursor("e", 0), known))


def test_events_that_the_snapshot_contains_are_left_out() -> None:
    sink = Sink()
    one = subscription(sink)
    show(one, revision=3)
    one.offer(Batch([event(1), event(2)]))
    one.offer(Batch([event(3), event(4)]))
    one.offer(Batch([event(5)]))
    assert sink.sequences == [0, 4, 5]
    assert one.position == 5


def test_the_revision_is_part_of_the_place_until_no_event_can_be_known() -> None:
    one, cursor = subscription(Sink()), Cursor("e", 9)
    show(one, revision=3)
    one.offer(Batch([event(1), event(2)]))
    assert str(one.place(cursor)) == "e-9~3"
    one.offer(Batch([event(3)]))
    assert str(one.place(cursor)) == "e-9"


def test_what_is_left_out_counts_as_received() -> None:
    one = subscription(Sink())
    show(one, revision=3)
    one.offer(Batch([event(1), event(2)]))
    assert one.position == 2


def test_a_snapshot_says_nothing_of_other_entities() -> None:
    sink = Sink()
    one = subscription(sink)
    show(one, revision=3)
    one.offer(Batch([event(1), event(2, job="b"), event(3)]))
    assert sink.sequences == [0, 2]


def test_a_later_snapshot_counts_instead_of_the_first() -> None:
    sink = Sink()
    one = subscription(sink)
    show(one, revision=3)
    show(one, revision=1)
    one.offer(Batch([event(1), event(2)]))
    assert sink.sequences == [0, 0, 2]


def test_events_without_a_revision_are_sent() -> None:
    sink = Sink()
    one = subscription(sink)
    show(one, revision=3)
    one.offer(Batch([Frame("x", b"", sequence=1, entity_id="a")]))
    assert sink.sequences == [0, 1]


def test_the_end_is_told_even_if_the_snapshot_contains_the_terminal_event() -> None:
    sink = Sink()
    one = subscription(sink)
    show(one, revision=3)
    terminal = event(3, "analysis.job.completed")
    one.offer(Batch([event(2), terminal, control.end(terminal)], is_last=True))
    assert sink.sequences == [0, 3]
    assert one.has_ended


def test_clients_that_leave_nothing_out_share_the_bytes() -> None:
    sinks = Sink(), Sink()
    batch = Batch([event(4), event(5)])
    for sink in sinks:
        one = subscription(sink)
        show(one, revision=3)
        one.offer(batch)
    assert sinks[0].written[-1] is sinks[1].written[-1]
