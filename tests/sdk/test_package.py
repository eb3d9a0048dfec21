"""What `import wayside` gives, and what it does not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import wayside


@pytest.mark.parametrize("name", wayside.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(wayside, name).__name__ == name


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(str(wayside.__file__)).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {
        (alias.name, node.module)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(wayside._HOMES.items())
    assert sorted(wayside.__all__) == sorted(wayside._HOMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Wroker'"):
        _ = wayside.Wroker  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "unloaded"),
    [
        ("import wayside", ["aiohttp", "nats", "pydantic", "rich"]),
        ("from wayside import track, Worker", ["wayside.client", "rich", "typer"]),
        ("from wayside.cli.app import new_app; new_app()", ["aiohttp", "nats", "pydantic", "wayside_events"]),
    ],
)
def test_what_is_not_used_is_not_loaded(code: str, unloaded: list[str]) -> None:
    probe = f"{code}\nimport sys\nprint([name for name in {unloaded} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
