"""The order of the tests when several workers share them: what takes long begins a worker's share.

pytest-xdist gives every worker one run of consecutive tests to begin with, and an idle worker the end of another's
(`--dist worksteal`). A long test that stands late would be left over while the other workers have nothing to do.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Test = TypeVar("Test")


def dealt(
    tests: Sequence[Test], *, long: Callable[[Test], bool], group: Callable[[Test], Hashable], workers: int
) -> list[Test]:
    """The tests in the order in which the long ones are at the beginning of the shares, those of a group in one."""
    groups = list(dict.fromkeys(group(test) for test in tests if long(test)))
    place = {each: number % workers for number, each in enumerate(groups)}
    rest = [test for test in tests if not long(test)]
    order: list[Test] = []
    for worker in range(workers):
        mine = [test for test in tests if long(test) and place[group(test)] == worker]
        share = (len(tests) - len(order)) // (workers - worker)
        fill = max(0, share - len(mine))
        order += mine + rest[:fill]
        del rest[:fill]
    return order + rest
