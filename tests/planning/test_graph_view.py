"""The graph of groups as text, DOT, Mermaid and SVG."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from fleetrun.model.rollout import GraphEdge
from fleetrun.planning.graph_view import (
    GraphView,
    as_dot,
    as_mermaid,
    as_svg,
    as_text,
    make_view,
)

EDGES = (
    GraphEdge(group="cameras", after=("gateways", "sensors"), need_pct=100.0),
    GraphEdge(group="sensors", after=("gateways",), need_pct=95.0, scope="site"),
)
MEMBERS = {"gateways": ["g1"], "sensors": ["s1", "s2"], 'cameras': []}


def view() -> GraphView:
    return make_view('play 1: <"os">', EDGES, MEMBERS, ["g1", "s1", "s2", "x"])


def test_columns_are_the_longest_ways() -> None:
    """A group stands right of all that it waits for, whatever the order of the edges."""
    assert {"gateways": 0, "sensors": 1, "cameras": 2} == view().columns
    assert list(view().columns) == ["gateways", "sensors", "cameras"]
    assert view().others == 1


def test_text_names_waves_counts_and_needs() -> None:
    """What a person reads in a terminal."""
    assert as_text(view()).splitlines() == [
        'play 1: <"os">',
        "  wave 1  gateways  (1 device)",
        "  wave 2  sensors  (2 devices)",
        "          after gateways (needs 95 %, per site)",
        "  wave 3  cameras  (0 devices)",
        "          after gateways (needs all)",
        "          after sensors (needs all)",
        "  wave 1  in no group of the graph  (1 device)",
    ]


def test_no_graph_says_so() -> None:
    """An empty picture would look like a fault."""
    assert "no graph" in as_text(make_view("p", (), {}, ["a"]))


def test_pictures_have_all_arrows_and_escape_names() -> None:
    """DOT and Mermaid quote, SVG is XML with one box per group and one path per arrow."""
    assert 'digraph "play 1: <\\"os\\">" {' in as_dot(view())
    assert as_dot(view()).count(" -> ") == 3
    assert '"gateways" -> "sensors" [label="95 %, per site"];' in as_dot(view())
    assert as_mermaid(view()).count("-->") == 3
    root = ET.fromstring(as_svg(view()))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}rect")) == 3
    assert len(root.findall(f"{space}path")) == 3
    assert root.findtext(f"{space}title") == 'play 1: <"os">'
