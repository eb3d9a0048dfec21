"""The recent events of a scope."""

from tests.gateway.streams.frames import event

from wayside_gateway.streams.history import History, HistoryLimits


def history(*sequences: int, start: int = 0, **limits: int) -> History:
    made = History(HistoryLimits(**limits), start)
    for sequence in sequences:
        made.append(event(sequence, data=bytes(10)))
    return made


def after(made: History, sequence: int) -> list[int] | None:
    frames = made.after(sequence)
    return None if frames is None else [frame.sequence for frame in frames]


def test_it_knows_everything_after_its_start() -> None:
    made = history(12, 15, 19, start=10)
    assert after(made, 10) == [12, 15, 19]
    assert after(made, 13) == [15, 19]
    assert after(made, 19) == after(made, 99) == []


def test_it_does_not_know_what_was_before() -> None:
    assert after(history(12, start=10), 9) is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    made = history(1, 2, 3, max_frames=2)
    assert (after(made, 0), after(made, 1)) == (None, [2, 3])


def test_the_oldest_go_when_they_are_too_large() -> None:
    assert after(history(1, 2, 3, max_bytes=20), 1) == [2, 3]


def test_it_can_be_extended_back_while_there_is_room() -> None:
    made = history(12, start=10, max_frames=3)
    made.extend_back([event(3), event(5)], after=2, upto=10)
    made.extend_back([event(1)], after=0, upto=2)
    assert (after(made, 2), after(made, 1)) == ([3, 5, 12], None)


def test_it_is_not_extended_by_what_no_longer_fits_its_start() -> None:
    made = history(12, 13, start=10, max_frames=2)
    made.append(event(14))
    made.extend_back([], after=5, upto=10)
    assert made.start == 12
