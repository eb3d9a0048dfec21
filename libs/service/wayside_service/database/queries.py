"""Named SQL statements from one file, or from all of a folder."""

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

    Of a folder all `.sql` files are read, as if they were one. Raises `InvalidQueries` for a duplicate name, a missing
    description or statement, and for a name of `require` that is not there.
    """
    statements: dict[str, Query] = {}
    for file in _files(source):
        for name, statement in _read(file):
            if name in statements:
                msg = f"{file.name}: {name} is there twice"
                raise InvalidQueries(msg)
            statements[name] = statement
    if missing := require - statements.keys():
        msg = f"{source.name}: {', '.join(sorted(missing))} missing"
        raise InvalidQueries(msg)
    return Queries(statements)


def _files(source: Traversable) -> list[Traversable]:
    if not source.is_dir():
        return [source]
    return sorted(
        (file for file in source.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )


def _read(file: Traversable) -> Iterator[tuple[str, Query]]:
    head, *parts = _HEADER.split(file.read_text(encoding="utf-8"))
    if re.sub(r"^--.*$", "", head, flags=re.MULTILINE).strip():
        msg = f"{file.name}: a statement without a name"
        raise InvalidQueries(msg)
    for name, block in zip(parts[::2], parts[1::2], strict=True):
        yield name, _statement(file.name, name, block)


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
