"""The documents made from code: committed as they would be made now, and valid."""

import runpy
from pathlib import Path

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

DOCS = Path(__file__).parents[2] / "docs"
SCHEMAS = DOCS / "schemas"


@pytest.fixture(scope="session")
def generated() -> dict[str, bytes]:
    made: dict[str, bytes] = runpy.run_path(str(DOCS / "generate.py"))["generated"]()
    return made


def test_the_committed_documents_are_current(generated: dict[str, bytes]) -> None:
    committed = {path.name: path.read_bytes() for path in SCHEMAS.glob("*.json")}
    stale = {
        name for name in generated.keys() | committed.keys() if generated.get(name) != committed.get(name)
    }
    assert not stale, "run `make schemas`"


@pytest.mark.parametrize("service", ["jobs", "governance", "gateway"])
def test_the_openapi_document_is_valid(service: str) -> None:
    document = orjson.loads((SCHEMAS / f"{service}.openapi.json").read_bytes())
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


@pytest.mark.parametrize("service", ["jobs", "governance", "gateway"])
def test_every_operation_says_what_it_refuses(service: str) -> None:
    document = orjson.loads((SCHEMAS / f"{service}.openapi.json").read_bytes())
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert operations
    assert all("401" in operation["responses"] for operation in operations if "security" in operation)
