"""The gold is no input of the inference: neither by import, nor by type, nor by text."""

from dataclasses import fields

import grimp
import pytest

from cwe_links.inference import Inferred, infer
from cwe_links.prose import Weakness

PROSE_SIDE = [
    "prose",
    "terms",
    "vectors",
    "nearness",
    "confidence",
    "relationship",
    "explain",
    "links",
    "inference",
]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("cwe_links", cache_dir=None)


@pytest.mark.parametrize("module", PROSE_SIDE)
def test_nothing_on_the_way_to_a_proposal_imports_the_gold(imports: grimp.ImportGraph, module: str) -> None:
    upstream = imports.find_upstream_modules(f"cwe_links.{module}")
    assert not upstream & {"cwe_links.gold", "cwe_links.evaluate"}


def test_a_weakness_has_no_place_for_a_relation() -> None:
    assert [field.name for field in fields(Weakness)] == ["id", "sections"]


def test_the_inference_reads_the_prose_and_not_the_number(
    weaknesses: tuple[Weakness, ...], inferred: Inferred
) -> None:
    renamed = [Weakness(f"N{place}", weakness.sections) for place, weakness in enumerate(weaknesses)]
    numbers = {weakness.id: f"N{place}" for place, weakness in enumerate(weaknesses)}
    blind = infer(renamed).links
    assert [(link.source, link.target) for link in blind] == [
        (numbers[link.source], numbers[link.target]) for link in inferred.links
    ]
