"""Writes the locks: one set each for running, building, development, every service's image, and each queue we measure.

The distributions' own pyproject files are the only place where dependencies are declared; this reads them, writes
the `.in` files, and has uv resolve them into `.txt` files with hashes, for every supported Python and platform.
Development is resolved first and constrains the rest, so a package has one version everywhere.
`--check` changes nothing and says what is out of date; any other argument goes to uv, for example --upgrade.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from install import ROOT, distributions

HERE = Path(__file__).resolve().parent
OLDEST_PYTHON = "3.11"
IMAGES = {"jobs": "wayside-jobs", "governance": "wayside-governance", "gateway": "wayside-gateway"}
PEERS = tuple(f"peers/{path.stem}" for path in sorted((HERE / "peers").glob("*.in")))
SETS = ("dev", "run", "build", *IMAGES, *PEERS)
HEADING = "# Written by `make lock` from the distributions' pyproject files.\n"
ADDRESS = re.compile(r"://|^\s*-(-index-url|-extra-index-url|-find-links|i|f)\b", re.MULTILINE)
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)

Projects = dict[NormalizedName, dict[str, Any]]


def main() -> None:
    """Write every set, or with --check compare and complain."""
    declared = {canonicalize_name(p["name"]): p for p in map(project, distributions())}
    if sys.argv[1:] == ["--check"]:
        if complaints := list(shortfalls(declared)):
            sys.exit("\n".join([*complaints, "Run: make lock"]))
        return
    for name, text in inputs(declared).items():
        (HERE / f"{name}.in").write_text(text)
    compile_set("dev", *sys.argv[1:])
    for name in SETS[1:]:
        # Other queues are measured as they are installed elsewhere, whatever versions we use ourselves.
        compile_set(name, *(sys.argv[1:] if name in PEERS else ("--constraints", "requirements/dev.txt")))


def project(folder: Path) -> dict[str, Any]:
    """The [project] table of a distribution."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return table


def inputs(declared: Projects) -> dict[str, str]:
    """The text of every `.in` file that is derived; the others are written by hand."""
    sets = {"run": external(declared, declared, optional=True)}
    sets |= {image: external(declared, [distribution]) for image, distribution in IMAGES.items()}
    return {name: HEADING + "".join(f"{line}\n" for line in sorted(lines)) for name, lines in sets.items()}


def external(declared: Projects, names: Iterable[str], *, optional: bool = False) -> set[str]:
    """What these distributions, and those of ours that they need, require from outside.

    An extra of one of ours counts when it is asked for, or always with `optional`.
    """
    required, waiting, seen = set[str](), [Requirement(name) for name in names], set[tuple[str, str]]()
    while waiting:
        ours = waiting.pop()
        table = declared[canonicalize_name(ours.name)]
        groups = {"": table.get("dependencies", []), **table.get("optional-dependencies", {})}
        for extra in groups if optional else ("", *ours.extras):
            if (ours.name, extra) in seen:
                continue
            seen.add((ours.name, extra))
            lines = [Requirement(line) for line in groups[extra]]
            waiting += [line for line in lines if is_ours(line, declared)]
            required |= {str(line) for line in lines if not is_ours(line, declared)}
    return required


def is_ours(required: Requirement, declared: Projects) -> bool:
    """Whether a requirement is one of our distributions; a name like ours is never looked up outside."""
    name = canonicalize_name(required.name)
    if name.startswith("wayside") and name not in declared:
        sys.exit(f"{name} is required, but no distribution of the workspace has that name.")
    return name in declared


def compile_set(name: str, *options: str) -> None:
    """Resolve `name.in` into `name.txt`; pins that still hold are kept."""
    uv = str(Path(sys.executable).with_name("uv"))
    command = [
        *(uv, "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST_PYTHON),
        *("--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header"),
        *(f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt", *options),
    ]
    subprocess.run(command, cwd=ROOT, check=True)


def shortfalls(declared: Projects) -> Iterator[str]:
    """What keeps the locks from being those of the distributions as they are now, a sentence each."""
    for name, text in inputs(declared).items():
        if (HERE / f"{name}.in").read_text() != text:
            yield f"requirements/{name}.in is not what the distributions' pyproject files declare."
    for name in SETS:
        lock = (HERE / f"{name}.txt").read_text()
        if found := ADDRESS.search(lock):
            yield f"requirements/{name}.txt holds an address: {found.group().strip()}"
        for required in direct(name):
            if not is_pinned(required, lock):
                yield f"requirements/{name}.txt does not satisfy {required}."


def direct(name: str) -> Iterator[Requirement]:
    """The requirements of an `.in` file, with those of the files it includes."""
    for line in (HERE / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            yield from direct(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            yield Requirement(line)


def is_pinned(required: Requirement, lock: str) -> bool:
    """Whether the lock pins the package, to versions that all satisfy the requirement."""
    name = canonicalize_name(required.name)
    pins = [version for pinned, version in PIN.findall(lock) if canonicalize_name(pinned) == name]
    return bool(pins) and all(required.specifier.contains(version, prereleases=True) for version in pins)


if __name__ == "__main__":
    main()
