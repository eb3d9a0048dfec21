"""The virtual environment of each peer, made when it is first needed, from a lock of its own."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.workspace import ROOT

ENVIRONMENTS = ROOT / ".venv" / "peers"
LOCKS = ROOT / "requirements" / "peers"


class NotInstalled(Exception):
    """A lock could not be installed: there may be no wheel for this Python or machine."""


def environment(name: str) -> Path:
    """Return the folder of the environment for `requirements/peers/<name>.txt`, installed; raises `NotInstalled`."""
    folder, lock = ENVIRONMENTS / name, LOCKS / f"{name}.txt"
    stamp = folder / "installed"
    wanted = hashlib.sha256(f"{folder}\0{sys.version}\0{lock.read_text()}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    venv.create(folder, clear=True, with_pip=True, symlinks=True)
    pip = (
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    )
    locked = ("--require-hashes", "--no-deps", "--only-binary=:all:", "-r", lock)
    done = subprocess.run([*pip, *locked], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotInstalled(f"{lock.name}: {done.stderr.strip()[-500:]}")
    stamp.write_text(wanted)
    return folder
