"""Whether what a subscriber received is what must have happened; pure."""

from collections.abc import Iterator, Mapping
from typing import Any


def tally_faults(tallied: Mapping[str, Any], expected: Mapping[str, int]) -> Iterator[str]:
    """Say what is wrong with a tally of the subscriber: other counts than expected, repeats, gaps."""
    counts = {event_type: count for event_type, count in tallied["counts"].items() if count}
    wanted = {event_type: count for event_type, count in expected.items() if count}
    if counts != wanted:
        yield f"received {counts}, not {wanted}"
    if tallied["repeats"]:
        yield f"{tallied['repeats']} events came twice"
    if tallied["gaps"]:
        yield f"the subscription reported {tallied['gaps']} gaps"
