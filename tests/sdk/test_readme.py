"""The examples of the README, run as they stand there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.cluster import Cluster, Instance
from tests.eventually import eventually

from wayside import Client

README = Path(__file__).parents[2] / "clients/python/README.md"

pytestmark = pytest.mark.timeout(120)


def example(heading: str) -> str:
    """The first Python block below a heading."""
    text = README.read_text().partition(f"## {heading}\n")[2]
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def program(services: Cluster, folder: Path, code: str, **environment: str) -> Instance:
    """A process that runs an example, not started."""
    file = folder / "example.py"
    file.write_text("import logging\nlogging.basicConfig(level='INFO')\n" + code)
    process = services.worker("unused", **environment)
    process.argv = (str(file),)
    return process


@pytest.fixture
def ten_line_worker(services: Cluster, tmp_path: Path) -> Iterator[Instance]:
    process = program(services, tmp_path, example("A worker in ten lines"))
    process.start()
    yield process
    assert process.stop() == 0


async def test_the_examples_work_together(
    services: Cluster, client: Client, ten_line_worker: Instance, tmp_path: Path
) -> None:
    assert await eventually(lambda: "serves report" in ten_line_worker.log.read_text(), within_seconds=30)
    folder = tmp_path / "subscriber"
    folder.mkdir()
    subscriber = program(
        services,
        folder,
        example("A subscriber in ten lines"),
        WAYSIDE_URL=services.gateway[0].url,
        WAYSIDE_TOKEN=services.token(),
    )
    subscriber.start()
    assert subscriber.process is not None
    assert await eventually(lambda: subscriber.process.poll() == 0, within_seconds=30)  # type: ignore[union-attr]
    output = subscriber.log.read_text()
    assert output.startswith("Snapshot(")
    # The worker may have been done before the stream began: then the snapshot says so, and is all there is.
    assert "analysis.job.completed" in output or "JobStatus.COMPLETED" in output
    assert "'rows': 3" in output.splitlines()[-1]


@pytest.mark.parametrize("heading", ["A worker in ten lines", "A subscriber in ten lines"])
def test_ten_lines_are_about_ten_lines(heading: str) -> None:
    assert len([line for line in example(heading).splitlines() if line.strip()]) <= 12


@pytest.mark.parametrize("name", ["web", "family"])
def test_the_readme_shows_the_examples_as_they_are_checked(name: str) -> None:
    code = (Path(__file__).parent / "examples" / f"{name}.py").read_text().partition('"""\n\n')[2]
    assert code.partition("\n\nif __name__")[0].strip() in README.read_text()
