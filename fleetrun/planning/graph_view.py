"""The graph of groups as a picture's content, and as text, DOT, Mermaid and SVG. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from fleetrun.model.rollout import GraphEdge

#: Size of a box and the space around it, in pixels.
_BOX: Final = (150, 44)
_GAP: Final = (70, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphView:
    """The graph of one play; groups are in the order of their waves."""

    title: str
    #: group -> selected devices in it; those of no group are not here.
    counts: Mapping[str, int]
    #: group -> its column: longest way from a group that waits for nobody.
    columns: Mapping[str, int]
    #: upstream group, group, what is needed.
    arrows: tuple[tuple[str, str, str], ...]
    #: Selected devices that are in no group of the graph.
    others: int = 0


def make_view(
    title: str, edges: Sequence[GraphEdge], members: Mapping[str, Sequence[str]],
    selection: Sequence[str],
) -> GraphView:
    """Returns what there is to draw; the edges have no cycle (see `build_waves`)."""
    arrows = tuple(dict.fromkeys(
        (after, edge.group, need_text(edge)) for edge in edges for after in edge.after
    ))
    columns: dict[str, int] = {name: 0 for arrow in arrows for name in arrow[:2]}
    for _ in columns:
        for after, group, _ in arrows:
            columns[group] = max(columns[group], columns[after] + 1)
    ordered = dict(sorted(columns.items(), key=lambda item: item[1]))
    inside = {device for name in ordered for device in members[name]}
    return GraphView(
        title=title, columns=ordered, arrows=arrows,
        counts={name: len(members[name]) for name in ordered},
        others=len(set(selection) - inside),
    )


def need_text(edge: GraphEdge) -> str:
    """What an edge asks of the upstream group: "95 %, per site"."""
    need = "any" if edge.need_pct is None else f"{edge.need_pct:g} %"
    if edge.need_pct == 100:
        need = "all"
    return f"{need}, per {edge.scope}" if edge.scope else need


def as_text(view: GraphView) -> str:
    """Lines for a terminal: each group with those that it waits for."""
    lines = [view.title]
    if not view.columns:
        lines.append("  no graph: all devices may run at once")
    for name, column in view.columns.items():
        lines.append(f"  wave {column + 1}  {name}  ({_devices(view.counts[name])})")
        lines += [
            f"          after {after} (needs {need})"
            for after, group, need in view.arrows if group == name
        ]
    if view.others and view.columns:
        lines.append(f"  wave 1  in no group of the graph  ({_devices(view.others)})")
    return "\n".join(lines) + "\n"


def as_dot(view: GraphView) -> str:
    """The graph for Graphviz."""
    lines = [f"digraph {json.dumps(view.title)} {{", "  rankdir=LR;", "  node [shape=box];"]
    lines += [
        f"  {_dot(name)} [label={_dot(name + chr(10) + _devices(count))}];"
        for name, count in view.counts.items()
    ]
    lines += [
        f"  {_dot(after)} -> {_dot(group)} [label={_dot(need)}];"
        for after, group, need in view.arrows
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def as_mermaid(view: GraphView) -> str:
    """The graph for Mermaid, as Markdown pages show it."""
    number = {name: f"g{index}" for index, name in enumerate(view.columns)}
    lines = ["flowchart LR"]
    lines += [
        f'    {number[name]}["{_mermaid(name)}<br/>{_devices(view.counts[name])}"]'
        for name in view.columns
    ]
    lines += [
        f'    {number[after]} -->|"{_mermaid(need)}"| {number[group]}'
        for after, group, need in view.arrows
    ]
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    return escape(text, quote=False).replace('"', "#quot;")


def as_svg(view: GraphView) -> str:
    """The graph as a picture that stands alone."""
    places = _places(view)
    width = max((x for x, _ in places.values()), default=0) + _BOX[0] + 20
    height = max((y for _, y in places.values()), default=20) + _BOX[1] + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(view.title)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>',
        f'<text x="20" y="20" font-weight="bold">{escape(view.title)}</text>',
        *(_svg_arrow(places[after], places[group], need) for after, group, need in view.arrows),
        *(_svg_box(places[name], name, count) for name, count in view.counts.items()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _places(view: GraphView) -> dict[str, tuple[int, int]]:
    """Upper left corner of each group's box."""
    rows: dict[int, int] = {}
    places = {}
    for name, column in view.columns.items():
        row = rows[column] = rows.get(column, -1) + 1
        places[name] = (20 + column * (_BOX[0] + _GAP[0]), 40 + row * (_BOX[1] + _GAP[1]))
    return places


def _svg_box(place: tuple[int, int], name: str, count: int) -> str:
    (x, y), (width, height) = place, _BOX
    middle = x + width // 2
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="#eef3fb" '
        f'stroke="#456"/><text x="{middle}" y="{y + 19}" text-anchor="middle">{escape(name)}'
        f'</text><text x="{middle}" y="{y + 35}" text-anchor="middle" fill="#555" '
        f'font-size="11">{_devices(count)}</text>'
    )


def _svg_arrow(start: tuple[int, int], end: tuple[int, int], need: str) -> str:
    x1, y1 = start[0] + _BOX[0], start[1] + _BOX[1] // 2
    x2, y2 = end[0], end[1] + _BOX[1] // 2
    return (
        f'<path d="M{x1} {y1}C{x1 + 35} {y1} {x2 - 35} {y2} {x2} {y2}" fill="none" '
        f'stroke="#555" marker-end="url(#tip)"/><text x="{(x1 + x2) // 2}" '
        f'y="{(y1 + y2) // 2 - 5}" text-anchor="middle" fill="#555" font-size="10">'
        f"{escape(need)}</text>"
    )


def _devices(count: int) -> str:
    return f"{count} device" + ("" if count == 1 else "s")


def draw(views: Sequence[GraphView], form: str) -> Iterator[str]:
    """Each play's picture: text, dot, mermaid or svg."""
    make = {"text": as_text, "dot": as_dot, "mermaid": as_mermaid, "svg": as_svg}[form]
    yield from map(make, views)
