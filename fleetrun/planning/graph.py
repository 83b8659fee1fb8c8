"""The graph of groups: which devices wait for which, as waves.

The only file that knows networkx. An edge says "group X starts after group
Y". A wave is one topological generation of the groups: everything in it may
run at once, and the next wave starts when this one has settled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetrun.errors import InputError, Problem
from fleetrun.model.rollout import GraphEdge

# networkx takes 0.14 s to import, a third of a start: only plays with a graph
# pay for it, in `_networkx`.
if TYPE_CHECKING:
    from types import ModuleType

    import networkx as nx

#: Name of the only wave when no group is in the graph.
WHOLE: Final = "all"
#: Stands for devices of the first wave that are in no group of the graph.
OTHERS: Final = "others"

#: upstream group -> share that it needs, None = one success.
_Needs: TypeAlias = "dict[str, float | None]"
_Graph: TypeAlias = "nx.DiGraph[str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """The selection, cut into waves; waves without devices are left out."""

    #: Device names of each wave, in the order of the selection.
    waves: tuple[tuple[str, ...], ...]
    #: One per wave: its groups joined with "+".
    names: tuple[str, ...]
    #: device -> position of its wave.
    index: Mapping[str, int]
    #: device -> groups that must have succeeded first; only those that have any.
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: device -> `GraphEdge.need_pct` for each of its `upstream` groups.
    need_pct: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    #: device -> those of its groups that are upstream of others.
    member_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What all devices share that are in the same groups of the graph."""

    wave: int
    names: tuple[str, ...]
    upstream: tuple[str, ...]
    need_pct: tuple[float | None, ...]
    member_of: tuple[str, ...]


def build_waves(
    edges: Sequence[GraphEdge],
    members: Mapping[str, Collection[str]],
    selection: Sequence[str],
) -> Waves:
    """Returns the waves of `selection` under `edges`.

    A device in several groups of the graph goes into the latest wave of
    these; a device in none goes into the first wave. Where an upstream group
    has no device in the selection, its own upstream groups stand in for it.

    Args:
        edges: who waits for whom; several edges for one group add up.
        members: every group that exists with its devices (direct or through a
            child group); devices outside the selection do not matter.
        selection: device names without duplicates.

    Raises:
        InputError: ``input/unknown-group``, ``input/graph-cycle`` (also for a
            group after itself); carries every problem found.
    """
    graph = _checked_graph(edges, members) if edges else None
    if not graph:
        return Waves(waves=(tuple(selection),), names=(WHOLE,), index=dict.fromkeys(selection, 0))
    groups_of = _groups_of(graph, members, selection)
    places = _places(graph, set(groups_of.values()))
    return _cut(selection, groups_of, places)


def _networkx() -> ModuleType:
    import networkx  # noqa: PLC0415  # see the head of the file

    return networkx


def _checked_graph(edges: Sequence[GraphEdge], members: Mapping[str, Collection[str]]) -> _Graph:
    """The graph with edges from upstream to downstream; raises InputError."""
    nx = _networkx()
    graph: _Graph = nx.DiGraph()
    problems: list[Problem] = []
    for edge in edges:
        for after in edge.after:
            unknown = [name for name in (edge.group, after) if name not in members]
            problems += [_unknown_group(name, edge, members) for name in unknown]
            if after == edge.group:
                problems.append(_cycle([after], edge))
            elif not unknown:
                need = edge.need_pct
                if graph.has_edge(after, edge.group):
                    need = _stricter(need, graph.edges[after, edge.group]["need"])
                graph.add_edge(after, edge.group, need=need)
    problems += _cycles(graph, edges)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return graph


def _unknown_group(name: str, edge: GraphEdge, members: Mapping[str, object]) -> Problem:
    close = get_close_matches(name, members, n=1)
    return Problem(
        kind="input/unknown-group",
        message=f"the graph names the group {name}, which is not in the inventory",
        mark=edge.mark,
        label=f"did you mean {close[0]}?" if close else "",
        hint="List the groups with `fleetrun inventory list`.",
        allowed=tuple(sorted(members)),
    )


def _cycles(graph: _Graph, edges: Sequence[GraphEdge]) -> list[Problem]:
    """One problem for each knot of groups that wait for each other."""
    problems = []
    position = {name: number for number, name in enumerate(graph)}
    nx = _networkx()
    for knot in nx.strongly_connected_components(graph):
        if len(knot) == 1:
            continue
        # Rebuilt in file order: a networkx view would iterate a set, and the
        # message would differ from process to process.
        waits: _Graph = nx.DiGraph()
        waits.add_edges_from((b, a) for a, b in graph.edges if a in knot and b in knot)
        path = [a for a, _ in nx.find_cycle(waits, min(knot, key=position.__getitem__))]
        pairs = set(zip(path, [*path[1:], path[0]], strict=True))
        guilty = (e for e in edges if any((e.group, after) in pairs for after in e.after))
        problems.append(_cycle(path, next(guilty)))
    return problems


def _cycle(path: Sequence[str], edge: GraphEdge) -> Problem:
    return Problem(
        kind="input/graph-cycle",
        message="groups of the graph wait for each other: " + " -> ".join([*path, path[0]]),
        mark=edge.mark,
        label="this edge is part of the cycle",
        hint="Take one of these groups out of `after` (or of `depends_on`).",
    )


def _groups_of(
    graph: _Graph, members: Mapping[str, Collection[str]], selection: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """device -> its groups of the graph; shared tuples keep half a million small."""
    found: dict[str, tuple[str, ...]] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    selected = frozenset(selection)
    for group in graph:
        for device in members[group]:
            if device in selected:
                groups = (*found.get(device, ()), group)
                found[device] = shared.setdefault(groups, groups)
    return found


def _places(
    graph: _Graph, signatures: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], _Place]:
    """Where the devices of each combination of groups go."""
    nx = _networkx()
    signatures = sorted(signatures)
    depth = {
        group: number
        for number, generation in enumerate(nx.topological_generations(graph))
        for group in generation
    }
    populated = {group for groups in signatures for group in groups}
    needs = _effective_needs(graph, populated)
    upstreams = {group for found in needs.values() for group in found}
    return {
        groups: _Place(
            wave=(wave := max(depth[group] for group in groups)),
            names=tuple(group for group in groups if depth[group] == wave),
            upstream=tuple(merged := _merge(needs[group] for group in groups)),
            need_pct=tuple(merged.values()),
            member_of=tuple(group for group in groups if group in upstreams),
        )
        for groups in signatures
    }


def _effective_needs(graph: _Graph, populated: Collection[str]) -> dict[str, _Needs]:
    """group -> upstream groups that have devices, through those that have none."""
    needs: dict[str, _Needs] = {}
    for group in _networkx().topological_sort(graph):
        direct = graph.pred[group].items()
        needs[group] = _merge(
            {after: edge["need"]} if after in populated else needs[after]
            for after, edge in direct
        )
    return needs


def _merge(parts: Iterable[_Needs]) -> _Needs:
    """All needs, the stricter one where two speak of the same group; sorted."""
    merged: _Needs = {}
    for part in parts:
        for group, need in part.items():
            merged[group] = _stricter(need, merged[group]) if group in merged else need
    return dict(sorted(merged.items()))


def _stricter(one: float | None, other: float | None) -> float | None:
    # "At least one" is more than 0 % and less than any other share.
    return max(one, other, key=lambda need: 1e-9 if need is None else need)


def _cut(
    selection: Sequence[str],
    groups_of: Mapping[str, tuple[str, ...]],
    places: Mapping[tuple[str, ...], _Place],
) -> Waves:
    """Puts every device into its wave and leaves empty waves out."""
    first = _Place(wave=0, names=(OTHERS,), upstream=(), need_pct=(), member_of=())
    place_of = {
        device: places[groups_of[device]] if device in groups_of else first
        for device in selection
    }
    used = sorted({place.wave for place in place_of.values()})
    number = {wave: position for position, wave in enumerate(used)}
    waves: list[list[str]] = [[] for _ in used]
    for device, place in place_of.items():
        waves[number[place.wave]].append(device)
    titles: list[set[str]] = [set() for _ in used]
    for place in {id(place): place for place in place_of.values()}.values():
        titles[number[place.wave]].update(place.names)
    return Waves(
        waves=tuple(map(tuple, waves)) or ((),),
        names=tuple(map(_title, titles)) or (WHOLE,),
        index={device: number[place.wave] for device, place in place_of.items()},
        upstream={d: p.upstream for d, p in place_of.items() if p.upstream},
        need_pct={
            d: p.need_pct for d, p in place_of.items() if any(n is not None for n in p.need_pct)
        },
        member_of={d: p.member_of for d, p in place_of.items() if p.member_of},
    )


def _title(groups: Collection[str]) -> str:
    """Name of a wave: its groups, sorted; the devices of no group come last."""
    return "+".join(sorted(groups, key=lambda group: (group == OTHERS, group)))
