"""What the database refuses, whoever asks."""

from typing import Any

import asyncpg
import pytest
from tests.governance.api import Api


@pytest.mark.parametrize("statement", ["UPDATE decisions SET note = 'changed'", "DELETE FROM decisions"])
async def test_decisions_are_neither_changed_nor_deleted(api: Api, connection: Any, statement: str) -> None:
    await api.reject(await api.suggest())
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await connection.execute(statement)


REFUSED = [
    ("a second suggestion of a claim", "id = gen_random_uuid()", "suggestions_claim"),
    ("a loop", "id = gen_random_uuid(), to_node_id = from_node_id", "suggestions_no_loop"),
    (
        "approval without an edge",
        "id = gen_random_uuid(), to_node_id = 'x', status = 'approved'",
        "suggestions_edge",
    ),
    (
        "a confidence that is no number",
        "id = gen_random_uuid(), to_node_id = 'x', confidence = 'NaN'",
        "suggestions_confidence",
    ),
]


@pytest.mark.parametrize(
    ("changes", "constraint"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
async def test_rows_that_cannot_be_are_refused(
    api: Api, connection: Any, changes: str, constraint: str
) -> None:
    await api.suggest()
    await connection.execute("CREATE TEMP TABLE copy AS SELECT * FROM suggestions")
    await connection.execute(f"UPDATE copy SET {changes}")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=constraint):
        await connection.execute("INSERT INTO suggestions SELECT * FROM copy")
