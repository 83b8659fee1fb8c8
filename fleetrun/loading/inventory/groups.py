"""The graph of groups: cycles, depths and who is above whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fleetrun.errors import Mark

ALL: Final = "all"
UNGROUPED: Final = "ungrouped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Group `child` is in group `parent`; `mark` is where it says so."""

    parent: str
    child: str
    mark: Mark | None = None


class GroupTree:
    """Groups and who contains whom; every group is below ``all``.

    Attributes:
        children: Direct children of each group, in the order of the edges.
        parents: Direct parents of each group.
        depths: Longest way from ``all``; of no use when there is a cycle.
        cycle: Edges of one circle, in order; empty when there is none.
    """

    def __init__(self, names: Sequence[str], edges: Iterable[Edge]) -> None:
        self.children: dict[str, list[str]] = {name: [] for name in names}
        self.parents: dict[str, list[str]] = {name: [] for name in names}
        self.depths: dict[str, int] = dict.fromkeys(names, 0)
        self._edges = {(edge.parent, edge.child): edge for edge in edges}
        for parent, child in self._edges:
            self.children[parent].append(child)
            self.parents[child].append(parent)
        left = self._measure()
        self.cycle: tuple[Edge, ...] = self._find_cycle(left) if left else ()
        self._above: dict[str, frozenset[str]] = {}

    def ancestors(self, names: Iterable[str]) -> tuple[str, ...]:
        """The groups `names` and all above them, sorted, without ``all``."""
        found: set[str] = set()
        for name in names:
            found |= self._with_ancestors(name)
        found.discard(ALL)
        return tuple(sorted(found))

    def _with_ancestors(self, name: str) -> frozenset[str]:
        """By a list, not by recursion: a chain of groups may be long."""
        known = self._above.get(name)
        if known is None:
            found, open_names = {name}, [name]
            while open_names:
                new = [p for p in self.parents[open_names.pop()] if p not in found]
                found.update(new)
                open_names += new
            known = self._above[name] = frozenset(found)
        return known

    def _measure(self) -> set[str]:
        """Sets the depths (topological order); returns the groups on or below a circle."""
        waiting = {name: len(parents) for name, parents in self.parents.items()}
        ready = [name for name, count in waiting.items() if not count]
        while ready:
            name = ready.pop()
            del waiting[name]
            for child in self.children[name]:
                self.depths[child] = max(self.depths[child], self.depths[name] + 1)
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        return set(waiting)

    def _find_cycle(self, left: set[str]) -> tuple[Edge, ...]:
        """Walks upwards: each group that is left has a parent that is left too."""
        name = min(left)
        places: dict[str, int] = {}
        while name not in places:
            places[name] = len(places)
            name = next(parent for parent in self.parents[name] if parent in left)
        circle = list(places)[places[name]:][::-1]
        start = circle.index(min(circle))
        circle = circle[start:] + circle[:start]
        pairs = zip(circle, [*circle[1:], circle[0]], strict=True)
        return tuple(self._edges[pair] for pair in pairs)
