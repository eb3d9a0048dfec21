"""What the inference may see of a weakness: its name and its prose, and nothing that states a relation.

Left out on purpose: the typed relations; the notes (those of type Relationship say in words what the relations say
in markup) and mapping notes (they name entries that fit better); the abstraction level, view membership, taxonomy
mappings and attack patterns, which are metadata that the relations' own editors set. Identifiers of other weaknesses
inside the prose ("leads to CSRF (CWE-352)") are cut out, with the title where one follows in brackets; the words
around them stay.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from xml.etree.ElementTree import Element

from cwe_links.catalogue import live_entries, node_name

# "CWE-352", "CWE 352", "CWE-352, CWE-79", "CWE-561 (Dead Code)", and the brackets that hold nothing else.
IDENTIFIERS = re.compile(r"\bCWE[-\s]?\d+(?:[\s,/&-]*\bCWE[-\s]?\d+)*(?:\s*\([^()]*\))?", re.IGNORECASE)
EMPTY_BRACKETS = re.compile(r"[(\[]\s*[)\]]")
SPACE = re.compile(r"\s+")


class Section(StrEnum):
    """A part of an entry's prose."""

    NAME = "name"
    DESCRIPTION = "description"
    EXTENDED_DESCRIPTION = "extended_description"
    # Other names for the same weakness, each with a remark.
    ALTERNATE_TERMS = "alternate_terms"
    # What can happen: scope, impact and a note.
    CONSEQUENCES = "consequences"
    # One sentence for each vulnerability that was seen in the wild.
    OBSERVED_EXAMPLES = "observed_examples"
    # The narrative around code samples, without the code.
    DEMONSTRATIVE_EXAMPLES = "demonstrative_examples"


ELEMENTS: dict[Section, tuple[str, ...]] = {
    Section.DESCRIPTION: ("{*}Description",),
    Section.EXTENDED_DESCRIPTION: ("{*}Extended_Description",),
    Section.ALTERNATE_TERMS: ("{*}Alternate_Terms/{*}Alternate_Term",),
    Section.CONSEQUENCES: ("{*}Common_Consequences/{*}Consequence",),
    Section.OBSERVED_EXAMPLES: ("{*}Observed_Examples/{*}Observed_Example/{*}Description",),
    Section.DEMONSTRATIVE_EXAMPLES: (
        "{*}Demonstrative_Examples//{*}Intro_Text",
        "{*}Demonstrative_Examples//{*}Body_Text",
    ),
}


@dataclass(frozen=True)
class Weakness:
    """A weakness as its prose describes it; a section without text is absent."""

    id: str
    sections: dict[Section, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in words, such as "Cross-Site Request Forgery (CSRF)"."""
        return self.sections.get(Section.NAME, "")

    def text(self, section: Section) -> str:
        """The prose of one section; empty where the entry has none."""
        return self.sections.get(section, "")


def load_weaknesses(path: Path | None = None) -> tuple[Weakness, ...]:
    """All 938 weaknesses that are not deprecated, in the catalogue's order."""
    return tuple(_weakness(entry) for entry in live_entries(path))


def without_identifiers(text: str) -> str:
    """The text with every CWE identifier cut out and its white space made single."""
    cut = EMPTY_BRACKETS.sub(" ", IDENTIFIERS.sub(" ", text))
    return SPACE.sub(" ", cut).strip()


def _weakness(entry: Element) -> Weakness:
    prose = {Section.NAME: without_identifiers(entry.get("Name", ""))}
    prose |= {section: _text(entry, paths) for section, paths in ELEMENTS.items()}
    return Weakness(
        node_name(entry.get("ID", "")), {section: text for section, text in prose.items() if text}
    )


def _text(entry: Element, paths: tuple[str, ...]) -> str:
    """The clean text of all elements at the paths, a line for each."""
    elements = (element for path in paths for element in entry.iterfind(path))
    lines = (without_identifiers(" ".join(element.itertext())) for element in elements)
    return "\n".join(line for line in lines if line)
