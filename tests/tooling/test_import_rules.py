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
FOLDERS = ("libs", "services", "clients/python", "deploy/standalone", "examples")

PLANTED = {
    "service-layers": [
        ("wayside_jobs.store", "wayside_jobs.service"),
        ("wayside_governance.domain", "wayside_governance.store"),
        ("wayside_gateway.routes", "wayside_gateway.app"),
        ("wayside_jobs.rpc", "wayside_jobs.routes"),
    ],
    "routes-call-services": [
        ("wayside_jobs.routes", "wayside_jobs.store"),
        ("wayside_governance.rpc", "wayside_governance.store"),
    ],
    "services-independent": [
        ("wayside_jobs.planted", "wayside_governance"),
        ("wayside_gateway.planted", "wayside_jobs"),
    ],
    "libs-below-services": [
        ("wayside_service.planted", "wayside_jobs"),
        ("wayside_events.planted", "wayside"),
        ("wayside_events.planted", "wayside_service"),
        ("wayside_jobs.planted", "wayside_standalone"),
        ("wayside.planted", "wayside_jobs"),
    ],
    "asyncpg-in-stores": [
        ("wayside_jobs.service", "asyncpg"),
        ("wayside_service.planted", "asyncpg"),
    ],
    "nats-in-bus": [
        ("wayside_service.planted", "nats"),
        ("wayside_jobs.rpc", "nats"),
        ("wayside_events.planted", "nats"),
    ],
    "gateway-without-database": [
        ("wayside_gateway.planted", "asyncpg"),
        ("wayside_gateway.planted", "wayside_service.database"),
    ],
    "sdk-is-light": [
        ("wayside.planted", "asyncpg"),
        ("wayside.planted", "wayside_service"),
    ],
    "domain-is-pure": [
        ("wayside_jobs.domain", "asyncio"),
        ("wayside_governance.domain", "nats"),
        ("wayside_jobs.domain", "wayside_events.bus"),
    ],
    "streams-are-pure": [
        ("wayside_gateway.streams", "aiohttp"),
        ("wayside_gateway.streams", "aiohttp_sse"),
        ("wayside_gateway.streams", "nats"),
        ("wayside_gateway.streams", "wayside_events.bus"),
        ("wayside_gateway.streams", "wayside_service"),
    ],
    "inference-without-gold": [
        ("cwe_links.worker", "cwe_links.gold"),
        ("cwe_links.planted", "cwe_links.gold"),
        ("cwe_links.links", "cwe_links.evaluate"),
        ("cwe_links.__main__", "cwe_links.demo"),
    ],
}


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


def write(tree: Path, module: str, line: str) -> None:
    """Add a line to a module of ours, wherever it lives; a module that does not exist is made."""
    package, _, name = module.partition(".")
    folder = next((place / package for place in packages(tree) if (place / package).is_dir()), None)
    if folder and name:
        file = folder / name / "__init__.py" if (folder / name).is_dir() else folder / f"{name}.py"
        with file.open("a") as text:
            text.write(f"\n{line}\n")


def lint(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter for one contract on the copy, which comes first on the path."""
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-logo",
        "--no-cache",
        "--contract",
        contract,
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, packages(tree))), "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("contract", PLANTED)
def test_planted_violations_are_refused(tree: Path, contract: str) -> None:
    for importer, imported in PLANTED[contract]:
        write(tree, imported, "")
        write(tree, importer, f"import {imported}")
    answer = lint(tree, contract)
    assert "0 kept, 1 broken" in answer.stdout, answer.stdout + answer.stderr
    missed = [pair for pair in PLANTED[contract] if " -> ".join(pair) not in answer.stdout]
    assert not missed, answer.stdout


def test_every_contract_has_a_planted_violation() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert {contract["id"] for contract in settings["contracts"]} == PLANTED.keys()
