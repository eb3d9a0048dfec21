"""The catalogue is parsed, and the inference run, once for all tests of this folder."""

import pytest

from cwe_links.gold import Gold, load_gold
from cwe_links.inference import Inferred, infer
from cwe_links.prose import Weakness, load_weaknesses


@pytest.fixture(scope="session")
def weaknesses() -> tuple[Weakness, ...]:
    return load_weaknesses()


@pytest.fixture(scope="session")
def gold() -> Gold:
    return load_gold()


@pytest.fixture(scope="session")
def inferred(weaknesses: tuple[Weakness, ...]) -> Inferred:
    return infer(weaknesses)
