"""The CWE catalogue file that the `cwe2` package ships, as XML elements.

Nothing here says which part of an entry is prose and which is gold: `prose` reads one part, `gold` the other,
and neither reads the other's.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from cwe2.mappings import xml_database_path

DEPRECATED = "Deprecated"


def live_entries(path: Path | None = None) -> Iterator[Element]:
    """The weaknesses that are not deprecated, in the file's order.

    The file is CWE 4.14: 963 weaknesses, 25 of them deprecated.
    """
    root = ET.parse(path or Path(xml_database_path)).getroot()  # noqa: S314  # a file of an installed package
    entries = root.iterfind("{*}Weaknesses/{*}Weakness")
    return (entry for entry in entries if entry.get("Status") != DEPRECATED)


def node_name(number: str) -> str:
    """The name of a weakness as a node of the graph: "CWE-79"."""
    return f"CWE-{number}"
