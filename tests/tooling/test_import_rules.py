"""Every import-linter contract refuses a planted violation, and every contract has one planted here."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("libs", "services", "clients/python", "deploy/standalone")

PLANTED = [
    ("service-layers", "wayside_jobs.store", "import wayside_jobs.service"),
    ("service-layers", "wayside_governance.domain", "import wayside_governance.store"),
    ("service-layers", "wayside_gateway.routes", "import wayside_gateway.app"),
    ("service-layers", "wayside_jobs.rpc", "import wayside_jobs.routes"),
    ("routes-call-services", "wayside_jobs.routes", "import wayside_jobs.store"),
    ("routes-call-services", "wayside_governance.rpc", "import wayside_governance.store"),
    ("services-independent", "wayside_jobs.planted", "import wayside_governance"),
    ("services-independent", "wayside_gateway.planted", "import wayside_jobs"),
    ("libs-below-services", "wayside_service.planted", "import wayside_jobs"),
    ("libs-below-services", "wayside_events.planted", "import wayside"),
    ("libs-below-services", "wayside_events.planted", "import wayside_service"),
    ("libs-below-services", "wayside_jobs.planted", "import wayside_standalone"),
    ("libs-below-services", "wayside.planted", "import wayside_jobs"),
    ("asyncpg-in-stores", "wayside_jobs.service", "import asyncpg"),
    ("asyncpg-in-stores", "wayside_service.planted", "import asyncpg"),
    ("nats-in-bus", "wayside_service.planted", "import nats"),
    ("nats-in-bus", "wayside_jobs.rpc", "import nats.micro"),
    ("nats-in-bus", "wayside_events.planted", "from nats.js import JetStreamContext"),
    ("gateway-without-database", "wayside_gateway.planted", "import asyncpg"),
    ("gateway-without-database", "wayside_gateway.planted", "import wayside_service.database"),
    ("sdk-is-light", "wayside.planted", "import asyncpg"),
    ("sdk-is-light", "wayside.planted", "import wayside_service"),
    ("domain-is-pure", "wayside_jobs.domain", "import asyncio"),
    ("domain-is-pure", "wayside_governance.domain", "import nats"),
    ("domain-is-pure", "wayside_jobs.domain", "import wayside_events.bus"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of all our Python files, with the workspace's settings."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def packages(tree: Path) -> Iterator[Path]:
    """The folders to import our packages from."""
    return (file.parent for folder in FOLDERS for file in (tree / folder).glob("**/pyproject.toml"))


def plant(tree: Path, module: str, line: str) -> None:
    """Add a line to a module, wherever it lives; a module that does not exist is made."""
    package, name = module.split(".")
    folder = next(place / package for place in packages(tree) if (place / package).is_dir())
    file = folder / name / "__init__.py" if (folder / name).is_dir() else folder / f"{name}.py"
    with file.open("a") as text:
        text.write(f"\n{line}\n")


def lint(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter for one contract on the copy, which comes first on the path."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--contract", contract]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, packages(tree))), "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("contract, module, line", PLANTED)
def test_a_planted_violation_is_refused(tree: Path, contract: str, module: str, line: str) -> None:
    plant(tree, module, line)
    answer = lint(tree, contract)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "0 kept, 1 broken" in answer.stdout
    assert module in answer.stdout


def test_every_contract_has_a_planted_violation() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert {contract["id"] for contract in settings["contracts"]} == {contract for contract, *_ in PLANTED}
