import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from tests.service.sample import SECRET

from wayside_service.auth import mint_token
from wayside_service.logging import configure_logging


@pytest.fixture(autouse=True)
def own_configuration() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, before = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_record_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="notes", log_format="json")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("ours").info("note_written", note=7)
        logging.getLogger("theirs").warning("slow %s", "query")
    ours, theirs = entries(capsys)
    assert (ours["event"], ours["note"], ours["request_id"], ours["service"]) == (
        "note_written",
        7,
        "r1",
        "notes",
    )
    assert (theirs["event"], theirs["level"], theirs["logger"], theirs["request_id"]) == (
        "slow query",
        "warning",
        "theirs",
        "r1",
    )


def test_the_level_holds_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="notes", level="warning", log_format="json")
    structlog.get_logger("ours").info("quiet")
    logging.getLogger("theirs").info("quiet")
    assert entries(capsys) == []


def test_tokens_and_secrets_are_never_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="notes", log_format="json")
    token = mint_token(SECRET, subject="ada", grants={})
    structlog.get_logger("ours").info(
        "call", authorization="Bearer x", attempt_token="t", text=f"got {token}"
    )
    logging.getLogger("theirs").error("header was %s", token)
    structlog.get_logger("ours").error("failed", exc_info=ValueError(token))
    written = capsys.readouterr().err
    assert token not in written
    assert "Bearer x" not in written
    assert written.count("[redacted]") >= 4


def test_a_traceback_shows_no_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="notes", log_format="console")
    password = "hunter" + str(1 + 1)
    try:
        int(f"{len(password)} letters")
    except ValueError:
        structlog.get_logger("ours").exception("failed")
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "hunter2" not in written


def test_auto_is_readable_on_a_terminal_and_json_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_logging(service="notes")
    structlog.get_logger("ours").info("note_written")
    assert len(entries(capsys)) == 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure_logging(service="notes")
    structlog.get_logger("other").info("note_written")
    assert not capsys.readouterr().err.startswith("{")
