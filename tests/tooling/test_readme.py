"""The README's code is code: it passes mypy as it stands there, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")


@pytest.mark.timeout(180)  # the first run of mypy in a checkout reads every library
def test_the_examples_pass_mypy(tmp_path: Path) -> None:
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)):
        (tmp_path / f"example_{number}.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", tmp_path]
    answer = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    assert answer.returncode == 0, answer.stdout
    assert "2 source files" in answer.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    missing = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert missing == []
