"""Executed as a script between fork and exec: drops privileges and ties the new process to its parent's life.

`launch.py PARENT_PID DEATH_SIGNAL UID GID CAPABILITY COMMAND…`, where -1 leaves UID, GID or CAPABILITY alone.
A script instead of `preexec_fn`, which is unsafe in a process that has threads. Imports the standard library only.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
UNCHANGED = -1


def main(arguments: list[str]) -> None:
    """Become the command, as the requested user, to be signalled when the parent dies."""
    parent, death_signal, uid, gid, capability = map(int, arguments[:5])
    command = arguments[5:]
    if uid != UNCHANGED:
        become(uid, gid, capability)
    if sys.platform == "linux":
        call("prctl", PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent died while this process was starting")
    os.execv(command[0], command)


def become(uid: int, gid: int, capability: int) -> None:
    """Change to another user, keeping one capability across the change and the exec to come.

    The secure bit keeps capabilities when the user changes, and lets access(2), by which PostgreSQL looks for its
    programs, heed them: for a process that is not root it would not.
    """
    if capability != UNCHANGED:
        call("prctl", PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability != UNCHANGED:
        bit = 1 << capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        call("capset", header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0))
        call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def call(name: str, *arguments: object) -> None:
    """Call a function of the C library that answers non-zero for an error."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])
