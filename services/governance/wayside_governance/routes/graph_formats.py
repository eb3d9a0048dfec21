"""The graph in the formats that other programs read, written piece by piece."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import orjson

from wayside_events.contracts.governance import Edge, Node
from wayside_governance.service.graph import Extract


class Format(StrEnum):
    """How an extract is written."""

    JSON = "json"  # a GraphExtract
    GRAPHML = "graphml"  # http://graphml.graphdrawing.org, read by networkx, Gephi, igraph, yEd
    CYTOSCAPE = "cytoscape"  # Cytoscape's JSON, read by Cytoscape, Cytoscape.js and networkx

    @property
    def content_type(self) -> str:
        """The media type."""
        return "application/graphml+xml" if self is Format.GRAPHML else "application/json"

    @property
    def suffix(self) -> str:
        """What the name of a file ends with."""
        return "cyjs" if self is Format.CYTOSCAPE else self.value

    async def chunks(self, scope: str, extract: Extract) -> AsyncIterator[bytes]:
        """Yield the document; the first piece comes when the first edges were read."""
        writer = _WRITERS[self](scope)
        pending = writer.head()
        async for edges in extract.edges():
            yield pending + writer.edges(edges)
            pending = b""
        pending += writer.between()
        async for nodes in extract.nodes():
            yield pending + writer.nodes(nodes)
            pending = b""
        yield pending + writer.tail(is_cut=extract.is_cut)


class _Writer(ABC):
    """Writes one document; edges come before nodes, for only then is it known which nodes there are."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self._comma = b""

    @abstractmethod
    def head(self) -> bytes: ...

    @abstractmethod
    def edges(self, edges: Sequence[Edge]) -> bytes: ...

    @abstractmethod
    def between(self) -> bytes: ...

    @abstractmethod
    def nodes(self, nodes: Sequence[Node]) -> bytes: ...

    @abstractmethod
    def tail(self, *, is_cut: bool) -> bytes: ...

    def _listed(self, items: Sequence[bytes]) -> bytes:
        """Return the next items of a JSON array."""
        if not items:
            return b""
        comma, self._comma = self._comma, b","
        return comma + b",".join(items)


class _Json(_Writer):
    def head(self) -> bytes:
        return b'{"scope":' + orjson.dumps(self.scope) + b',"edges":['

    def edges(self, edges: Sequence[Edge]) -> bytes:
        return self._listed([edge.model_dump_json().encode() for edge in edges])

    def between(self) -> bytes:
        self._comma = b""
        return b'],"nodes":['

    def nodes(self, nodes: Sequence[Node]) -> bytes:
        return self._listed([node.model_dump_json().encode() for node in nodes])

    def tail(self, *, is_cut: bool) -> bytes:
        return b'],"truncated":' + orjson.dumps(is_cut) + b"}"


class _Cytoscape(_Writer):
    def head(self) -> bytes:
        return b'{"directed":true,"multigraph":true,"elements":{"edges":['

    def edges(self, edges: Sequence[Edge]) -> bytes:
        return self._listed([orjson.dumps({"data": _edge_data(edge)}) for edge in edges])

    def between(self) -> bytes:
        self._comma = b""
        return b'],"nodes":['

    def nodes(self, nodes: Sequence[Node]) -> bytes:
        return self._listed([orjson.dumps({"data": _node_data(node)}) for node in nodes])

    def tail(self, *, is_cut: bool) -> bytes:
        return b']},"data":' + orjson.dumps({"name": self.scope, "truncated": is_cut}) + b"}"


def _edge_data(edge: Edge) -> dict[str, Any]:
    """Return an edge as Cytoscape names its parts; networkx takes `key` to tell parallel edges apart."""
    data = edge.model_dump(mode="json", exclude={"from_node_id", "to_node_id", "scope"}, exclude_none=True)
    source, target = edge.from_node_id, edge.to_node_id
    return {**data, "source": source, "target": target, "interaction": edge.relationship_type, "key": edge.id}


def _node_data(node: Node) -> dict[str, Any]:
    known = node.model_dump(exclude_none=True)
    return {**known, "name": node.label or node.id, "value": node.id}


class _GraphMl(_Writer):
    def head(self) -> bytes:
        keys = (
            f'<key id="{name}" for="{place}" attr.name="{name.partition("_")[2]}" attr.type="{kind}"/>'
            for (name, place), kind in _KEYS.items()
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
            + "\n".join(keys)
            + f'\n<graph id={quoteattr(self.scope)} edgedefault="directed">\n'
        ).encode()

    def edges(self, edges: Sequence[Edge]) -> bytes:
        return "".join(map(_edge_element, edges)).encode()

    def between(self) -> bytes:
        return b""

    def nodes(self, nodes: Sequence[Node]) -> bytes:
        return "".join(map(_node_element, nodes)).encode()

    def tail(self, *, is_cut: bool) -> bytes:
        return (_data("graph_truncated", "true" if is_cut else "false") + "</graph>\n</graphml>\n").encode()


_KEYS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("node_label", "node"): "string",
        ("node_kind", "node"): "string",
        ("edge_relationship_type", "edge"): "string",
        ("edge_status", "edge"): "string",
        ("edge_confidence", "edge"): "double",
        ("edge_strength", "edge"): "double",
        ("edge_suggestion_id", "edge"): "string",
        ("edge_decision_id", "edge"): "string",
        ("edge_created_by", "edge"): "string",
        ("edge_created_at", "edge"): "string",
        ("graph_truncated", "graph"): "boolean",
    }
)

_NOT_XML: Final = str.maketrans(
    {
        **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"},
        0xFFFE: "\N{REPLACEMENT CHARACTER}",
        0xFFFF: "\N{REPLACEMENT CHARACTER}",
    }
)
"""Characters that XML 1.0 cannot hold, and pictures of them that it can."""


def _edge_element(edge: Edge) -> str:
    fields = edge.model_dump(mode="json", exclude_none=True)
    data = (_data(f"edge_{name}", str(fields[name])) for name in _EDGE_FIELDS if name in fields)
    source, target = _attribute(edge.from_node_id), _attribute(edge.to_node_id)
    return f'<edge id="{edge.id}" source={source} target={target}>{"".join(data)}</edge>\n'


_EDGE_FIELDS: Final = tuple(name.partition("_")[2] for name, place in _KEYS if place == "edge")


def _node_element(node: Node) -> str:
    label = "" if node.label is None else _data("node_label", node.label)
    kind = "" if node.kind is None else _data("node_kind", node.kind)
    return f"<node id={_attribute(node.id)}>{label}{kind}</node>\n"


def _data(key: str, value: str) -> str:
    return f'<data key="{key}">{escape(value.translate(_NOT_XML))}</data>'


def _attribute(value: str) -> str:
    return quoteattr(value.translate(_NOT_XML))


_WRITERS: Final[Mapping[Format, type[_Writer]]] = MappingProxyType(
    {Format.JSON: _Json, Format.GRAPHML: _GraphMl, Format.CYTOSCAPE: _Cytoscape}
)
