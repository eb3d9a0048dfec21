"""What one client wants of its scope."""

from collections.abc import Iterable
from dataclasses import dataclass

from wayside_gateway.streams.frame import Frame


@dataclass(frozen=True, slots=True)
class Wanted:
    """Events of any of `types` (all when empty; a type may have `*` tokens) about any of `entities` (all when empty).

    With `until`, the stream ends after the first event of one of those types.
    """

    types: tuple[str, ...] = ()
    entities: frozenset[str] = frozenset()
    until: frozenset[str] = frozenset()

    def matches(self, frame: Frame) -> bool:
        """Whether the client gets this event."""
        if self.entities and frame.entity_id not in self.entities:
            return False
        return not self.types or any(is_type(frame.name, wanted) for wanted in self.types)

    def select(self, frames: Iterable[Frame]) -> list[Frame]:
        """Return the wanted ones, up to and including the first that ends the stream."""
        if not (self.types or self.entities or self.until):
            return list(frames)
        selected: list[Frame] = []
        for frame in frames:
            if self.matches(frame):
                selected.append(frame)
                if frame.name in self.until:
                    break
        return selected


def is_type(name: str, wanted: str) -> bool:
    """Whether an event's type is `wanted`, in which `*` stands for any part."""
    if "*" not in wanted:
        return name == wanted
    parts, tokens = name.split("."), wanted.split(".")
    return len(parts) == len(tokens) and all(
        token in ("*", part) for part, token in zip(parts, tokens, strict=True)
    )
