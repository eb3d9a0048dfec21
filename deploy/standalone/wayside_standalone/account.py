"""Users of the system: who we are, and whom PostgreSQL runs as when we are root, which it refuses to be."""

import getpass
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from wayside_standalone.errors import NoUnprivilegedUser, Unreachable
from wayside_standalone.process import Identity
from wayside_standalone.server import wait_until

USER = "wayside-postgres"
CREATION_SECONDS = 5
# Linux capabilities by number, see capabilities(7).
DAC_OVERRIDE = 1
DAC_READ_SEARCH = 2
SETPCAP = 8


def identity_for(directory: Path, program: Path) -> Identity:
    """Who shall run `program` on `directory`: ourselves, or for root the unprivileged user.

    Where a parent folder (say /root) bars that user, the process keeps the one capability to pass through. The
    folder's permissions are not ours to change.
    """
    if os.geteuid() != 0:
        return Identity()
    user = ensure_user(USER)
    barriers = [barrier for path in (directory, program) for barrier in barriers_before(path, user)]
    executable = bool(program.stat().st_mode & stat.S_IXOTH)
    if not barriers and executable:
        return Identity(user.pw_uid, user.pw_gid)
    held = held_capabilities()
    for capability in (DAC_READ_SEARCH, DAC_OVERRIDE) if executable else (DAC_OVERRIDE,):
        if capability in held:
            return Identity(user.pw_uid, user.pw_gid, capability)
    raise Unreachable(user.pw_name, directory, barriers[0] if barriers else program)


def owned_by(identity: Identity, path: Path) -> None:
    """Give a file or a whole folder to the identity; costs one stat when it has it already."""
    if identity.uid in (-1, path.stat().st_uid):
        return
    for folder, _, files in os.walk(path):
        for name in files:
            os.chown(Path(folder, name), identity.uid, identity.gid, follow_symlinks=False)
        os.chown(folder, identity.uid, identity.gid)
    os.chown(path, identity.uid, identity.gid)


def ensure_user(name: str) -> pwd.struct_passwd:
    """The system user of that name, created if need be."""
    if (user := find_user(name)) is not None:
        return user
    refusal = create_user(name)
    # When another process creates it at the same moment, ours is refused and theirs appears.
    wait_until(lambda: find_user(name) is not None, seconds=CREATION_SECONDS)
    if (user := find_user(name)) is None:
        raise NoUnprivilegedUser(name, refusal or "the system does not list it afterwards")
    return user


def find_user(name: str) -> pwd.struct_passwd | None:
    """The user of that name, if there is one."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def create_user(name: str) -> str:
    """Create a system user without home or shell, by useradd or BusyBox's adduser; returns what hindered it."""
    if program := shutil.which("useradd"):
        command = [program, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name]
    elif program := shutil.which("adduser"):
        command = [program, "-S", "-D", "-H", "-s", "/bin/false", name]
    else:
        return "neither useradd nor adduser is installed"
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return result.stderr.strip()


def barriers_before(path: Path, user: pwd.struct_passwd) -> list[Path]:
    """The folders above `path`, outermost first, that the user may not pass through."""
    return [folder for folder in reversed(path.absolute().parents) if not may_search(folder.stat(), user)]


def may_search(status: os.stat_result, user: pwd.struct_passwd) -> bool:
    """Whether the permission bits let the user pass through a folder."""
    if status.st_uid == user.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def held_capabilities() -> set[int]:
    """The Linux capabilities this process may hand on, by number; without CAP_SETPCAP there are none."""
    if sys.platform != "linux":
        return set()
    lines = Path("/proc/self/status").read_text().splitlines()
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:")), 0)
    held = {number for number in (DAC_OVERRIDE, DAC_READ_SEARCH, SETPCAP) if mask & (1 << number)}
    return held if SETPCAP in held else set()


def user_name() -> str:
    """The name of whoever runs this; the user of a container need not have one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user-{os.getuid()}"
