"""Sets up .venv from a lock: `install.py run` for the demo, `install.py dev` for tests and lint.

Needs nothing but the standard library. Runs at the start of every `make` target, so it does nothing, quickly,
while the locks and the distributions' pyproject files are what they were.
"""

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": ["run.txt", "build.txt"], "dev": ["dev.txt"]}
PROVIDED_BY = {"run": ["run", "dev"], "dev": ["dev"]}
MACHINES = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}


def main() -> None:
    """Bring .venv up to date with the named set, or say in one sentence what is in the way."""
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit("usage: install.py run|dev")
    wanted = sys.argv[1]
    if complaint := unsupported():
        sys.exit(complaint)
    if is_current(wanted):
        return
    with alone():
        if not is_current(wanted):
            install(wanted)


def unsupported() -> str | None:
    """Why this machine cannot run Wayside, or None: for other machines there are no wheels of all it needs."""
    if (sys.platform, platform.machine()) not in MACHINES:
        return (
            f"Wayside runs on Linux (x86-64, ARM64) and macOS (Apple silicon); this is {platform.platform()}."
        )
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return "Wayside runs on Linux with glibc (Debian, Ubuntu, Fedora …); this one has another C library."
    return None


def is_current(wanted: str) -> bool:
    """Whether a finished installation of this set, or of one that contains it, is in place."""
    if not PYTHON.exists():
        return False
    return any(read(stamp(each)) == fingerprint(each) for each in PROVIDED_BY[wanted])


def fingerprint(wanted: str) -> str:
    """A digest of all that decides what is installed: Python, locks, and the place, which is in every script."""
    digest = hashlib.sha256(f"{VENV}\0{sys.base_prefix}\0{sys.version}".encode())
    for file in [Path(__file__), *locks(wanted), *(d / "pyproject.toml" for d in distributions())]:
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def stamp(wanted: str) -> Path:
    """The file that says with what this set was last installed completely."""
    return VENV / f"installed-{wanted}"


def read(file: Path) -> str | None:
    """The file's text, or None where it does not exist."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


def locks(wanted: str) -> list[Path]:
    """The lock files of a set."""
    return [ROOT / "requirements" / name for name in LOCKS[wanted]]


def distributions() -> list[Path]:
    """The folders of the workspace's distributions, as the root pyproject.toml lists them."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    found = (folder for pattern in workspace["members"] for folder in ROOT.glob(pattern))
    return sorted(folder for folder in found if (folder / "pyproject.toml").exists())


@contextmanager
def alone() -> Iterator[None]:
    """Keep a second make, started at the same time, waiting until the first has installed everything."""
    folder = os.open(ROOT / "requirements", os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another make to finish setting up .venv …", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def install(wanted: str) -> None:
    """Install the locked packages and every distribution; the stamp is written last, so a break is seen."""
    began = time.monotonic()
    print("Setting up .venv (the first time this takes a minute or two) …", flush=True)
    for each in LOCKS:
        stamp(each).unlink(missing_ok=True)
    if not works():
        venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    required = [argument for lock in locks(wanted) for argument in ("-r", str(lock))]
    pip("--require-hashes", "--no-deps", "--only-binary=:all:", *required)
    editable = [argument for folder in distributions() for argument in ("-e", str(folder))]
    if editable:
        pip("--no-deps", "--no-build-isolation", *editable)
    stamp(wanted).write_text(fingerprint(wanted))
    print(f"Set up .venv in {time.monotonic() - began:.0f} s.", flush=True)


def works() -> bool:
    """Whether .venv has pip, belongs to the Python that runs this, and was made in this place."""
    try:
        made_here = str(VENV) in (VENV / "bin" / "pip").read_text()
        answer = subprocess.run(
            [PYTHON, "-c", "import pip, sys; print(sys.base_prefix)"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return False
    return made_here and answer.stdout.strip() == sys.base_prefix


def pip(*arguments: str) -> None:
    """Run pip install in .venv; its own message is the explanation when it fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    if code := subprocess.run([*command, *arguments], check=False).returncode:
        sys.exit(f"pip could not install the locked packages (exit code {code}); its message is above.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"Setting up .venv failed: {error}")
