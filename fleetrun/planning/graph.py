"""The graph of groups: which devices wait for which, as waves.

The only file that knows networkx. An edge says "group X starts after group
Y". A wave is one topological generation of the groups: everything in it may
run at once, and the next wave starts when this one has settled.

An edge with a scope (a variable such as `site`) says "a device of X starts
after those devices of Y that have the same site". A generation then falls
apart into waves of devices that wait for the same and are waited for alike,
and each wave waits only for those that it names (`Waves.waits_for`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
#: device, variable -> its value as text; None = the device has none.
ValueOf: TypeAlias = Callable[[str, str], str | None]
#: Groups of a device that are in the graph, and its values of the scopes.
_Signature: TypeAlias = "tuple[tuple[str, ...], _Values]"
#: Values of a device, one for each scope of the graph (in sorted order).
_Values: TypeAlias = "tuple[str | None, ...]"


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
    #: wave -> waves that must settle first; None = all before it.
    waits_for: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What all devices share that are in the same groups of the graph."""

    generation: int
    names: tuple[str, ...]
    upstream: tuple[str, ...]
    need_pct: tuple[float | None, ...]
    member_of: tuple[str, ...]


def no_value(device: str, variable: str) -> str | None:
    """A `ValueOf` for devices without variables."""
    del device, variable
    return None


def build_waves(
    edges: Sequence[GraphEdge],
    members: Mapping[str, Collection[str]],
    selection: Sequence[str],
    value_of: ValueOf = no_value,
) -> Waves:
    """Returns the waves of `selection` under `edges`.

    A device in several groups of the graph goes into the latest wave of
    these; a device in none goes into the first wave. Where an upstream group
    has no device in the selection (within the scope, if there is one), its own
    upstream groups stand in for it. A device without a value for the scope
    waits for the whole group.

    Args:
        edges: who waits for whom; several edges for one group add up.
        members: every group that exists with its devices (direct or through a
            child group); devices outside the selection do not matter.
        selection: device names without duplicates.
        value_of: values of the variables that edges name as scope.

    Raises:
        InputError: ``input/unknown-group``, ``input/graph-cycle`` (also for a
            group after itself); carries every problem found.
    """
    graph = _checked_graph(edges, members) if edges else None
    if not graph:
        return Waves(waves=(tuple(selection),), names=(WHOLE,), index=dict.fromkeys(selection, 0))
    scopes = tuple(sorted({edge.scope for edge in edges} - {""}))
    signature_of = _signatures(graph, members, selection, lambda name: tuple(
        value_of(name, scope) for scope in scopes
    ))
    places = _Places(graph, scopes, signature_of.values()).of_all()
    return _cut(selection, signature_of, places, is_scoped=bool(scopes))


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
                graph.add_edge(after, edge.group)
                needs = graph.edges[after, edge.group].setdefault("needs", {})
                needs[edge.scope] = _stricter(edge.need_pct, needs.get(edge.scope, 0.0))
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


def _signatures(
    graph: _Graph, members: Mapping[str, Collection[str]], selection: Sequence[str],
    values_of: Callable[[str], _Values],
) -> dict[str, _Signature]:
    """device -> its groups and values; shared tuples keep half a million small."""
    groups_of: dict[str, tuple[str, ...]] = {}
    shared: dict[object, _Signature] = {}
    selected = frozenset(selection)
    for group in graph:
        for device in members[group]:
            if device in selected:
                groups_of[device] = (*groups_of.get(device, ()), group)
    found = {}
    for device, groups in groups_of.items():
        signature = (groups, values_of(device))
        found[device] = shared.setdefault(signature, signature)
    return found


class _Places:
    """Where the devices of each signature go."""

    def __init__(
        self, graph: _Graph, scopes: tuple[str, ...], signatures: Iterable[_Signature]
    ) -> None:
        self._graph = graph
        self._signatures = sorted(set(signatures), key=_signature_order)
        self._number = {scope: number for number, scope in enumerate(scopes)}
        self._order = tuple(_networkx().topological_sort(graph))
        self._populated = {
            self.key(group, scope, values)
            for groups, values in self._signatures
            for group in groups for scope in ("", *scopes)
        }
        self._needs = {
            values: self._needs_under(values) for _, values in self._signatures
        }

    def key(self, group: str, scope: str, values: _Values) -> str:
        """Name of the part of a group that a device with these values waits for."""
        value = values[self._number[scope]] if scope else None
        return group if value is None else f"{group} of {scope} {value}"

    def of_all(self) -> dict[_Signature, _Place]:
        """Returns the place of every signature."""
        nx = _networkx()
        depth = {
            group: number
            for number, generation in enumerate(nx.topological_generations(self._graph))
            for group in generation
        }
        waited_for = {
            key for groups, values in self._signatures
            for group in groups for key in self._needs[values][group]
        }
        return {
            signature: self._place(signature, depth, waited_for)
            for signature in self._signatures
        }

    def _place(
        self, signature: _Signature, depth: Mapping[str, int], waited_for: Collection[str]
    ) -> _Place:
        groups, values = signature
        generation = max(depth[group] for group in groups)
        upstream = _merge(self._needs[values][group] for group in groups)
        keys = [
            self.key(group, scope, values) for group in groups for scope in ("", *self._number)
        ]
        return _Place(
            generation=generation,
            names=tuple(group for group in groups if depth[group] == generation),
            upstream=tuple(upstream),
            need_pct=tuple(upstream.values()),
            member_of=tuple(dict.fromkeys(key for key in keys if key in waited_for)),
        )

    def _needs_under(self, values: _Values) -> dict[str, _Needs]:
        """group -> parts that have devices, through those that have none."""
        needs: dict[str, _Needs] = {}
        for group in self._order:
            parts: list[_Needs] = []
            for after, edge in self._graph.pred[group].items():
                for scope, need in edge["needs"].items():
                    key = self.key(after, scope, values)
                    parts.append({key: need} if key in self._populated else needs[after])
            needs[group] = _merge(parts)
        return needs


def _signature_order(signature: _Signature) -> tuple[tuple[str, ...], tuple[str, ...]]:
    groups, values = signature
    # A device without a value comes before one whose value is empty text.
    return groups, tuple("" if value is None else f"={value}" for value in values)


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


#: What makes devices share a wave.
_Cohort: TypeAlias = "tuple[int, tuple[str, ...], tuple[str, ...]]"


def _cut(
    selection: Sequence[str], signature_of: Mapping[str, _Signature],
    places: Mapping[_Signature, _Place], *, is_scoped: bool,
) -> Waves:
    """Puts every device into its wave and leaves empty waves out."""
    first = _Place(generation=0, names=(OTHERS,), upstream=(), need_pct=(), member_of=())
    place_of = {
        device: places[signature_of[device]] if device in signature_of else first
        for device in selection
    }

    def cohort(place: _Place) -> _Cohort:
        parts = (place.upstream, place.member_of) if is_scoped else ((), ())
        return (place.generation, *parts)

    distinct = {id(place): place for place in place_of.values()}.values()
    seen = {cohort(place): place for place in distinct}
    # Sorting keeps the order of first appearance within a generation.
    used = sorted(seen, key=lambda key: key[0])
    number = {key: position for position, key in enumerate(used)}
    number_of = {id(place): number[cohort(place)] for place in distinct}
    waves: list[list[str]] = [[] for _ in used]
    titles: list[set[str]] = [set() for _ in used]
    for device, place in place_of.items():
        waves[number_of[id(place)]].append(device)
    for place in distinct:
        titles[number_of[id(place)]].update(place.names)
    return Waves(
        waves=tuple(map(tuple, waves)) or ((),),
        names=tuple(map(_name, titles, used)) or (WHOLE,),
        index={device: number_of[id(place)] for device, place in place_of.items()},
        upstream={d: p.upstream for d, p in place_of.items() if p.upstream},
        need_pct={
            d: p.need_pct for d, p in place_of.items() if any(n is not None for n in p.need_pct)
        },
        member_of={d: p.member_of for d, p in place_of.items() if p.member_of},
        waits_for=_waits_for(used) if is_scoped and used else None,
    )


def _waits_for(waves: Sequence[_Cohort]) -> tuple[tuple[int, ...], ...]:
    """The waves of earlier generations that have a part that a wave waits for."""
    owners: dict[str, list[int]] = {}
    for number, (_, _, member_of) in enumerate(waves):
        for key in member_of:
            owners.setdefault(key, []).append(number)
    return tuple(
        tuple(sorted({
            owner for key in upstream for owner in owners.get(key, ())
            if waves[owner][0] < generation
        }))
        for generation, upstream, _ in waves
    )


def _name(groups: Collection[str], wave: _Cohort) -> str:
    """Name of a wave: its groups, and what of a scope it is or waits for."""
    _, upstream, member_of = wave
    scopes = {part.partition(" of ")[2] for part in (*upstream, *member_of)} - {""}
    return _title(groups) + (f" ({', '.join(sorted(scopes))})" if scopes else "")


def _title(groups: Collection[str]) -> str:
    """Name of a wave: its groups, sorted; the devices of no group come last."""
    return "+".join(sorted(groups, key=lambda group: (group == OTHERS, group)))
