"""What waits for a slow client."""

from tests.gateway.streams.frames import LOG, PROGRESS, event

from wayside_gateway.streams.lanes import LaneLimits, Lanes


def sequences(lanes: Lanes) -> list[int]:
    return [frame.sequence for frame in lanes.take(10**6)]


def test_of_progress_only_the_latest_per_job_waits() -> None:
    lanes = Lanes(LaneLimits())
    for sequence, job in enumerate("aabab", start=1):
        lanes.add(event(sequence, PROGRESS, job))
    assert sequences(lanes) == [4, 5]
    assert lanes.conflated == 3


def test_newer_progress_leaves_in_its_own_turn() -> None:
    lanes = Lanes(LaneLimits())
    for sequence, job in enumerate("aba", start=1):
        lanes.add(event(sequence, PROGRESS, job))
    assert sequences(lanes) == [2, 3]


def test_everything_else_waits_and_leaves_in_order_with_the_progress() -> None:
    lanes = Lanes(LaneLimits())
    for sequence, name in enumerate([PROGRESS, LOG, PROGRESS, LOG], start=1):
        lanes.add(event(sequence, name))
    assert sequences(lanes) == [2, 3, 4]


def test_a_control_frame_stays_behind_the_event_it_follows() -> None:
    lanes = Lanes(LaneLimits())
    lanes.add(event(7, PROGRESS))
    lanes.add(event(7, "wayside.caught-up"))
    assert [frame.name for frame in lanes.take(10**6)] == [PROGRESS, "wayside.caught-up"]


def test_superseded_progress_takes_no_room() -> None:
    lanes = Lanes(LaneLimits(max_bytes=100))
    for sequence in range(50):
        lanes.add(event(sequence, PROGRESS, data=bytes(90)))
    assert not lanes.is_over_limit


def test_there_is_a_limit_to_frames_and_to_bytes() -> None:
    few, small = Lanes(LaneLimits(max_frames=2)), Lanes(LaneLimits(max_bytes=100))
    for sequence in range(3):
        few.add(event(sequence))
        small.add(event(sequence, data=bytes(40)))
    assert few.is_over_limit
    assert small.is_over_limit


def test_room_comes_back_as_frames_leave() -> None:
    lanes = Lanes(LaneLimits(max_bytes=100))
    for sequence in range(3):
        lanes.add(event(sequence, data=bytes(40)))
    assert len(lanes.take(50)) == 2
    assert not lanes.is_over_limit
    assert lanes
