"""Runs a stack in the foreground of a terminal until a signal ends it."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from wayside_standalone.account import user_name
from wayside_standalone.parts import StackSettings
from wayside_standalone.stack import Stack
from wayside_standalone.terminal import show_line, show_parts, warnings_shown

SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def serve(settings: StackSettings) -> None:
    """Run a stack until the process is asked to stop, and tell the terminal about it."""
    console = Console()
    stack = Stack(settings)
    with warnings_shown(), stopped_by_signals(stack, console):
        console.print(
            f"Starting Wayside in {stack.data_dir} …", highlight=False, markup=False, soft_wrap=True
        )
        try:
            async with stack:
                announce(stack, console)
                await stack.wait()
        except asyncio.CancelledError:
            pass
    console.print("Stopped.")


def announce(stack: Stack, console: Console) -> None:
    """Say what runs where, how to get in, and how to stop it."""
    show_parts(console, stack.snapshot())
    token = stack.token(scope_roles={"*": ["admin"]}, subject=user_name())
    console.print()
    show_line(console, "jobs", f"{stack.gateway_url}/v1/jobs?scope=demo")
    show_line(console, "events", f"{stack.gateway_url}/v1/events?scope=demo")
    show_line(console, "token", token)
    show_line(console, "workers", 'eval "$(wayside env)" tells a worker or a client where all this is')
    show_line(console, "logs", str(stack.log_dir))
    console.print("\nCtrl-C stops everything.")


@contextmanager
def stopped_by_signals(stack: Stack, console: Console) -> Iterator[None]:
    """The first signal stops the stack in good order, also while it starts; the second kills every process."""
    loop = asyncio.get_running_loop()
    work = asyncio.current_task()
    assert work is not None
    received = 0

    def on_signal() -> None:
        nonlocal received
        received += 1
        if received == 1:
            console.print("Stopping … (once more to end it at once)")
            work.cancel()
        else:
            stack.kill()

    # Under nohup a hang-up is ignored, and shall be.
    hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    heeded = (*SIGNALS, *hang_up)
    for number in heeded:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
