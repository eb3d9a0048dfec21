"""What `wayside demo` does: the stack, the worker, the story, and staying up afterwards."""

import asyncio
import sys
import time
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from cwe_links.contract import CweLinksInput
from cwe_links.demo.outcome import Outcome
from cwe_links.demo.screen import Screen
from cwe_links.demo.story import CENTER, SCOPE, Cast, Story
from cwe_links.demo.worker_process import supervised_worker
from cwe_links.gold import load_gold
from wayside import Client
from wayside.errors import WaysideError
from wayside_standalone.errors import StandaloneError
from wayside_standalone.foreground import stopped_by_signals
from wayside_standalone.parts import StackSettings, default_data_dir
from wayside_standalone.stack import Stack
from wayside_standalone.terminal import show_error, show_line, show_parts, warnings_shown


def run_demo(data_dir: Path | None, request: CweLinksInput, *, once: bool) -> None:
    """Run the demo; exits with 1 when anything fell short."""
    stack = Stack(StackSettings(data_dir=data_dir or default_data_dir()))
    demo = Demo(stack, request)
    asyncio.run(demo.run(stay=not once))
    if once:
        sys.stdout.write(demo.outcome.to_json() + "\n")
    if not demo.outcome.ok:
        raise typer.Exit(1)


class Demo:
    """One run: what goes wrong on the way becomes a shortfall of the outcome."""

    def __init__(self, stack: Stack, request: CweLinksInput) -> None:
        self.outcome = Outcome()
        self._stack = stack
        self._request = request
        self._screen = Screen()
        self._told = False

    async def run(self, *, stay: bool) -> None:
        """Start everything, tell the story, stay up if asked to, stop everything."""
        with warnings_shown(), stopped_by_signals(self._stack, self._screen.console):
            try:
                await self._run(stay=stay)
            except* (WaysideError, StandaloneError) as errors:
                self._note(errors)
            except* asyncio.CancelledError:
                if not self._told:
                    self.outcome.shortfalls.append("it was interrupted")
        if not self._told:
            self._show_shortfalls()
        self._screen.line("Stopped." if stay else "All of it was stopped again; without --once it stays up.")

    async def _run(self, *, stay: bool) -> None:
        started = time.monotonic()
        self._screen.line(f"Starting Wayside in {self._stack.data_dir} …")
        async with self._stack, supervised_worker(self._stack) as worker:
            show_parts(self._screen.console, self._stack.snapshot())
            self._screen.line(f"The worker {worker.name} is a process of its own, beside them.")
            try:
                await self._tell()
            finally:
                self.outcome.seconds = time.monotonic() - started
            self._told = True
            self._show_shortfalls()
            if stay:
                self._announce()
                self._screen.line("Everything stays up until Ctrl-C.")
                await self._stack.wait()

    async def _tell(self) -> None:
        gold = await asyncio.to_thread(load_gold)
        async with (
            self._client("demo-operator", "operator") as operator,
            self._client("demo-expert", "reviewer") as reviewer,
        ):
            await Story(Cast(operator, reviewer), gold, self._screen, self.outcome).tell(self._request)

    def _client(self, subject: str, role: str) -> Client:
        return Client(
            self._stack.gateway_url, token=self._stack.token(scope_roles={SCOPE: [role]}, subject=subject)
        )

    def _announce(self) -> None:
        console, url = self._screen.console, self._stack.gateway_url
        token = self._stack.token(scope_roles={SCOPE: ["admin"]}, subject="demo-visitor")
        self._screen.heading("Look around, with the token as bearer")
        show_line(console, "jobs", f"{url}/v1/jobs?scope={SCOPE}")
        show_line(console, "queue", f"{url}/v1/suggestions?scope={SCOPE}&status=pending&order=confidence")
        show_line(console, "graph", f"{url}/v1/graph/neighborhood/{CENTER}?scope={SCOPE}&include=suggested")
        show_line(console, "events", f"{url}/v1/events?scope={SCOPE}")
        show_line(console, "API", f"{url}/openapi.json")
        show_line(console, "token", token)
        show_line(console, "logs", str(self._stack.log_dir))

    def _note(self, errors: BaseExceptionGroup[BaseException]) -> None:
        for error in errors.exceptions:
            if isinstance(error, BaseExceptionGroup):
                self._note(error)
            elif isinstance(error, StandaloneError):
                show_error(error)
                self.outcome.shortfalls.append(str(error))
            else:
                self.outcome.shortfalls.append(str(error))

    def _show_shortfalls(self) -> None:
        console = Console(stderr=True)
        for shortfall in self.outcome.shortfalls:
            console.print(Text(f"shortfall: {shortfall}", "red"), soft_wrap=True)
