"""The instances of one service: tried in turn, those that failed lately last."""

import time
from collections.abc import Sequence


class Instances:
    """Round robin with passive health: an instance that could not be reached is tried after the others for a while."""

    def __init__(self, service: str, urls: Sequence[str], *, down_seconds: float) -> None:
        self.service = service
        self._urls = tuple(urls)
        self._down_seconds = down_seconds
        self._down_until = dict.fromkeys(urls, 0.0)
        self._turn = 0

    def in_turn(self) -> list[str]:
        """Return all instances in the order to try them now."""
        self._turn = (self._turn + 1) % len(self._urls)
        turned = self._urls[self._turn :] + self._urls[: self._turn]
        now = time.monotonic()
        return sorted(turned, key=lambda url: self._down_until[url] > now)

    def failed(self, url: str) -> None:
        """Take note that an instance cannot be reached."""
        self._down_until[url] = time.monotonic() + self._down_seconds

    def answered(self, url: str) -> None:
        """Take note that an instance is there."""
        self._down_until[url] = 0.0
