"""Which process the time goes to: what limits a figure is the one that has no more to give."""

import time
from collections.abc import Mapping
from contextlib import suppress

import psutil

from benchmarks.outcome import Value


class CpuClock:
    """Measures the processor time of named processes, with their children, from now on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._began = time.monotonic()
        self._before = {name: cpu_seconds(pid) for name, pid in pids.items()}

    def shares(self) -> dict[str, Value]:
        """Percent of one core that each has used since."""
        passed = time.monotonic() - self._began
        return {
            f"cpu_{name}_percent": round(100 * (cpu_seconds(pid) - self._before[name]) / passed)
            for name, pid in self._pids.items()
        }


def cpu_seconds(pid: int) -> float:
    """The processor time of a process and its children, those that have ended included."""
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
