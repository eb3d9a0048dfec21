from pathlib import Path

import pytest

from wayside_service.database import InvalidQueries, Queries, load_queries

CLAIM = "-- name: claim\n-- Take the next job.\nSELECT 1;\n"


def load(tmp_path: Path, text: str, *required: str) -> Queries:
    file = tmp_path / "queries.sql"
    file.write_text(text)
    return load_queries(file, require=frozenset(required))


def test_a_statement_is_an_attribute_without_its_semicolon(tmp_path: Path) -> None:
    queries = load(tmp_path, CLAIM + "\n-- name: other\n-- Another one.\nSELECT\n    $1;\n")
    assert queries.claim == "SELECT 1"
    assert queries["other"] == "SELECT\n    $1"
    assert set(queries) == {"claim", "other"}


def test_a_comment_at_the_top_belongs_to_no_statement(tmp_path: Path) -> None:
    assert len(load(tmp_path, "-- All statements of the store.\n\n" + CLAIM)) == 1


@pytest.mark.parametrize(
    "text, complaint",
    [
        (CLAIM + CLAIM, "claim is there twice"),
        ("-- name: claim\nSELECT 1;\n", "claim has no description"),
        ("-- name: claim\n-- Take the next job.\n", "claim has no statement"),
        ("-- name: Claim It\n-- Take the next job.\nSELECT 1;\n", "a statement without a name"),
        ("-- name: Claim\n-- Take the next job.\nSELECT 1;\n", "'Claim' cannot be a name"),
        ("SELECT 1;\n" + CLAIM, "a statement without a name"),
    ],
)
def test_a_file_that_breaks_the_form_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InvalidQueries, match=complaint):
        load(tmp_path, text)


def test_a_required_statement_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidQueries, match="complete missing"):
        load(tmp_path, CLAIM, "claim", "complete")


def test_an_unknown_name_is_an_attribute_error(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="no statement is named fail"):
        _ = load(tmp_path, CLAIM).fail


def test_the_files_of_a_folder_are_one(tmp_path: Path) -> None:
    (tmp_path / "claims.sql").write_text(CLAIM)
    (tmp_path / "others.sql").write_text(CLAIM.replace("claim", "other"))
    (tmp_path / "notes.txt").write_text("no SQL")
    assert set(load_queries(tmp_path)) == {"claim", "other"}


def test_a_name_that_two_files_of_a_folder_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "claims.sql").write_text(CLAIM)
    (tmp_path / "others.sql").write_text(CLAIM)
    with pytest.raises(InvalidQueries, match=r"others.sql: claim is there twice"):
        load_queries(tmp_path)
