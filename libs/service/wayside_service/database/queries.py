"""Named SQL statements from one file."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import NewType

Query = NewType("Query", str)
"""The text of one statement, with `$n` for values."""

_HEADER = re.compile(r"^-- name:[ \t]*(\S*)[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class InvalidQueries(ValueError):
    """A file of named statements breaks its form."""


class Queries(Mapping[str, Query]):
    """Statements by name, also as attributes: `queries.claim`."""

    def __init__(self, statements: Mapping[str, Query]) -> None:
        self._statements = dict(statements)

    def __getattr__(self, name: str) -> Query:
        try:
            return self._statements[name]
        except KeyError:
            msg = f"no statement is named {name}"
            raise AttributeError(msg) from None

    def __getitem__(self, name: str) -> Query:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


def load_queries(source: Traversable, *, require: frozenset[str] = frozenset()) -> Queries:
    """Read `-- name: <name>`, one line `-- <description>`, then the statement, as often as the file has them.

    Raises `InvalidQueries` for a duplicate name, a missing description or statement, and for a name of `require`
    that is not there.
    """
    head, *parts = _HEADER.split(source.read_text(encoding="utf-8"))
    if re.sub(r"^--.*$", "", head, flags=re.MULTILINE).strip():
        msg = f"{source.name}: a statement without a name"
        raise InvalidQueries(msg)
    statements: dict[str, Query] = {}
    for name, block in zip(parts[::2], parts[1::2], strict=True):
        if name in statements:
            msg = f"{source.name}: {name} is there twice"
            raise InvalidQueries(msg)
        statements[name] = _statement(source.name, name, block)
    if missing := require - statements.keys():
        msg = f"{source.name}: {', '.join(sorted(missing))} missing"
        raise InvalidQueries(msg)
    return Queries(statements)


def _statement(file: str, name: str, block: str) -> Query:
    description, _, statement = block.strip().partition("\n")
    if not _NAME.fullmatch(name):
        msg = f"{file}: {name!r} cannot be a name"
    elif not description.startswith("-- "):
        msg = f"{file}: {name} has no description"
    elif not statement.strip():
        msg = f"{file}: {name} has no statement"
    else:
        return Query(statement.strip().removesuffix(";"))
    raise InvalidQueries(msg)
