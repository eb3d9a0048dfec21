"""What a distribution can be installed without: every module of it is imported where that is missing."""

import subprocess
import sys

import pytest

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
package, *missing = sys.argv[1:]
sys.modules.update(dict.fromkeys(missing))
for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@pytest.mark.parametrize(
    "package, missing",
    [
        ("wayside", ["asyncpg", "aiohttp.web", "wayside_service", "wayside_standalone"]),
        ("wayside_events", ["asyncpg", "aiohttp", "wayside_service", "structlog"]),
        ("wayside_gateway", ["asyncpg", "wayside_jobs", "wayside_governance"]),
        ("wayside_jobs", ["wayside_governance", "wayside_gateway", "wayside"]),
        ("wayside_governance", ["wayside_jobs", "wayside_gateway", "typer"]),
    ],
)
def test_a_package_imports_without(package: str, missing: list[str]) -> None:
    command = [sys.executable, "-W", "error", "-c", IMPORT_EVERYTHING, package, *missing]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert answer.returncode == 0, answer.stderr
