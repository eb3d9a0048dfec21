"""One attempt at one job, as its runner sees it: who owns it, what it says, and whether it shall stop."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from wayside.errors import HandlerStopped, Stop
from wayside.reporting.buffer import AttemptBuffer, Report
from wayside.reporting.encoding import log_line, plain
from wayside.reporting.grant import Grant
from wayside_events.contracts.jobs import AssignedJob
from wayside_events.jobs import JobError, LogLevel

AttemptKey = tuple[str, int]
"""Job id and number of the attempt."""


class Attempt:
    """One attempt. What it says is buffered and sent by the reporter; every method may be called from any thread.

    `grant` is `None` until the jobs service gave one, which for a tracked operation may take a while.
    `on_stop` is called for each new reason to stop, from whatever thread found it out.
    """

    __slots__ = (
        "_on_settled",
        "_seq",
        "buffer",
        "ending_refusals",
        "grant",
        "is_abandoned",
        "is_settled",
        "on_stop",
        "stop_reason",
        "wake",
    )

    def __init__(self, grant: Grant | None = None) -> None:
        self.grant = grant
        self.buffer = AttemptBuffer()
        self.stop_reason: Stop | None = None
        self.on_stop: Callable[[Stop], None] = _ignore
        self.wake: Callable[[Attempt], None] = _ignore
        self.is_settled = False
        self.is_abandoned = False
        self.ending_refusals = 0
        self._on_settled: list[Callable[[Attempt], None]] = []
        self._seq = 0

    @property
    def key(self) -> AttemptKey:
        """Identifies the attempt among all; only once it was granted."""
        return self.granted.key

    @property
    def granted(self) -> Grant:
        """The grant, which must be there."""
        assert self.grant is not None, "the attempt was not granted yet"
        return self.grant

    @property
    def job(self) -> AssignedJob:
        """The job, once the attempt was granted."""
        return self.granted.job

    def bind(self, grant: Grant) -> None:
        """Give an attempt that began without one its grant."""
        self.grant = grant
        self.wake(self)

    # What a handler says

    def progress(self, fields: dict[str, Any], partial: JsonValue = None) -> None:
        """Merge into the progress to report; raises `HandlerStopped` once the attempt was abandoned."""
        if self.buffer.progress(fields, partial):
            self.wake(self)
        elif self.is_abandoned:
            self.refuse()

    def log(self, level: LogLevel, message: str, context: dict[str, Any]) -> None:
        """Append to the log; raises `HandlerStopped` once the attempt was abandoned."""
        if self.is_abandoned:
            self.refuse()
        if self.buffer.log(log_line(level, message, context)):
            self.wake(self)

    def refuse(self) -> None:
        """Raise `HandlerStopped` when the attempt was abandoned: whoever still calls shall end."""
        if self.is_abandoned:
            raise HandlerStopped(self.stop_reason or Stop.SHUTDOWN)

    # How it ends; the first ending counts

    def complete(self, result: JsonValue, metrics: Mapping[str, object] | None = None) -> None:
        """The handler returned."""
        ending: Report = {"kind": "complete", "result": result}
        if metrics:
            ending["metrics"] = plain(metrics)
        self._finish(ending)

    def fail(self, error: JobError) -> None:
        """The handler failed."""
        self._finish({"kind": "fail", "error": error.model_dump(mode="json", exclude_none=True)})

    def release(self) -> None:
        """Give the job back without burning the attempt."""
        self._finish({"kind": "release"})

    def acknowledge_cancel(self) -> None:
        """The handler stopped because a user asked for it."""
        self._finish({"kind": "acknowledge_cancel"})

    def abandon(self, message: str) -> None:
        """Say in the log that the handler is left alone; whatever it says from now on raises `HandlerStopped`."""
        self.log(LogLevel.ERROR, message, {})
        self.is_abandoned = True

    def _finish(self, ending: Report) -> None:
        if self.buffer.finish(ending):
            self.wake(self)

    # What the jobs service says

    def stop(self, reason: Stop) -> None:
        """Ask the handler to end; a reason that outweighs an earlier one is told again."""
        if self.is_settled or not reason.outweighs(self.stop_reason):
            return
        self.stop_reason = reason
        if reason is Stop.FENCED:
            self.buffer.discard()
        self.on_stop(reason)

    def settle(self) -> None:
        """The jobs service knows how the attempt ended: nothing is left to say."""
        self.is_settled = True
        while self._on_settled:
            try:
                callback = self._on_settled.pop()
            except IndexError:  # another thread found it settled at the same time
                return
            callback(self)

    def when_settled(self, callback: "Callable[[Attempt], None]") -> None:
        """Call back once nothing is left to say, from whatever thread finds that; at once when it is so already."""
        self._on_settled.append(callback)
        if self.is_settled:
            self.settle()

    # What the reporter sends

    def next_report(self) -> Report | None:
        """Take out the next report, with identity and number; `None` when nothing is left."""
        report = self.buffer.pop()
        return None if report is None else self.stamp(report)

    def stamp(self, report: Report) -> Report:
        """Add job, attempt, token and the next number."""
        grant = self.granted
        self._seq += 1
        report["job_id"] = grant.job_id
        report["attempt"] = grant.attempt
        report["token"] = grant.token
        report["seq"] = self._seq
        return report

    def substitute(self, ending: Report) -> None:
        """Replace an ending that was refused by another one."""
        self.buffer.replace_ending(ending)
        self.wake(self)


def _ignore(_: object) -> None:
    pass
