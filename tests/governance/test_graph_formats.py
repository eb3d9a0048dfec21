"""Extracts of the graph, as other programs read them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import orjson
from tests.governance.api import SCOPE, Api, proposal

from wayside_events.contracts.governance import Edge, GraphExtract, Node
from wayside_events.identifiers import new_id
from wayside_governance.routes.graph_formats import Format

AWKWARD = ['a "quoted" <b> & c', "tab\tand\nnewline", "bell\x07", "ünï/cødé", "\uffff"]
NAMESPACE = {"g": "http://graphml.graphdrawing.org/xmlns"}


class Extract:
    """An extract that is there already."""

    is_cut = True

    async def edges(self) -> AsyncIterator[list[Edge]]:
        for start in range(0, len(AWKWARD), 2):
            yield [edge(start + at, name) for at, name in enumerate(AWKWARD[start : start + 2])]

    async def nodes(self) -> AsyncIterator[list[Node]]:
        yield [Node(id="hub", label="Hub", kind="k")]
        yield [Node(id=name, label=name) for name in AWKWARD]


def edge(number: int, name: str) -> Edge:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Edge(
        id=new_id(),
        scope=SCOPE,
        from_node_id="hub",
        to_node_id=name,
        relationship_type=name,
        confidence=number / 10,
        created_by="rita",
        created_at=at,
    )


async def written(form: Format) -> bytes:
    return b"".join([chunk async for chunk in form.chunks("acme", Extract())])  # type: ignore[arg-type]


async def test_json_is_an_extract() -> None:
    extract = GraphExtract.model_validate_json(await written(Format.JSON))
    assert [one.to_node_id for one in extract.edges] == AWKWARD
    assert [one.id for one in extract.nodes] == ["hub", *AWKWARD]
    assert extract.truncated


async def test_graphml_joins_its_nodes_whatever_they_are_called() -> None:
    graph = ET.fromstring(await written(Format.GRAPHML)).find("g:graph", NAMESPACE)
    assert graph is not None
    nodes = {node.get("id"): node for node in graph.findall("g:node", NAMESPACE)}
    ends = [end.get("target") for end in graph.findall("g:edge", NAMESPACE)]
    assert set(ends) == nodes.keys() - {"hub"}
    assert AWKWARD[0] in nodes
    assert AWKWARD[1] in nodes
    assert "bell\u2407" in nodes


async def test_every_value_of_graphml_has_a_key() -> None:
    document = ET.fromstring(await written(Format.GRAPHML))
    keys = {key.get("id") for key in document.findall("g:key", NAMESPACE)}
    used = {data.get("key") for data in document.iter("{http://graphml.graphdrawing.org/xmlns}data")}
    assert used <= keys
    assert document.findtext("g:graph/g:data[@key='graph_truncated']", namespaces=NAMESPACE) == "true"


async def test_cytoscape_has_edges_between_its_nodes() -> None:
    document = orjson.loads(await written(Format.CYTOSCAPE))
    nodes = [node["data"] for node in document["elements"]["nodes"]]
    edges = [one["data"] for one in document["elements"]["edges"]]
    assert [node["id"] for node in nodes] == ["hub", *AWKWARD]
    assert [one["target"] for one in edges] == AWKWARD
    assert document["data"] == {"name": "acme", "truncated": True}


async def test_an_extract_without_edges_can_be_read_in_every_format(api: Api) -> None:
    for form in Format:
        answer = await api.get("/v1/graph/export", format=form)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="acme.{form.suffix}"'
        assert answer.body if form is not Format.GRAPHML else ET.fromstring(answer.body) is not None


async def test_an_export_has_what_the_filters_leave_and_says_what_it_leaves_out(api: Api) -> None:
    types = ["one", "other"] * 4
    await api.propose(*(proposal(number, relationship_type=name) for number, name in enumerate(types)))
    params = {"include": "suggested", "relationship_type": "one"}
    extract = (await api.get("/v1/graph/export", **params, limit=4)).body
    assert {one["relationship_type"] for one in extract["edges"]} == {"one"}
    assert (len(extract["edges"]), len(extract["nodes"]), extract["truncated"]) == (4, 5, False)
    assert (await api.get("/v1/graph/export", **params, limit=3)).body["truncated"]
    assert (await api.get("/v1/graph/export")).body["edges"] == []
