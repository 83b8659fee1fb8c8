"""The graph of groups."""

from __future__ import annotations

from itertools import pairwise

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.loading.inventory.groups import ALL, Edge, GroupTree

NAMES = [f"g{number}" for number in range(7)]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=14)


def tree_of(pairs: list[tuple[str, str]]) -> tuple[GroupTree, networkx.DiGraph[str]]:
    """The tree of `pairs` under ``all``, and the same as a graph."""
    below = {child for _, child in pairs}
    edges = [*pairs, *((ALL, name) for name in NAMES if name not in below)]
    tree = GroupTree([ALL, *NAMES], [Edge(parent=a, child=b) for a, b in edges])
    return tree, networkx.DiGraph(edges)


@settings(deadline=None)  # machines may be busy
@given(PAIRS)
def test_finds_a_circle_exactly_when_there_is_one(pairs: list[tuple[str, str]]) -> None:
    """What it reports is a circle of edges that exist."""
    tree, graph = tree_of(pairs)
    assert networkx.is_directed_acyclic_graph(graph) == (not tree.cycle)
    for edge, following in zip(tree.cycle, tree.cycle[1:] + tree.cycle[:1], strict=True):
        assert edge.child == following.parent
        assert graph.has_edge(edge.parent, edge.child)


@settings(deadline=None)  # machines may be busy
@given(PAIRS)
def test_depth_is_the_longest_way_from_all(pairs: list[tuple[str, str]]) -> None:
    """A group below two others is deeper than both."""
    tree, graph = tree_of(pairs)
    if tree.cycle:
        return
    for name in NAMES:
        longest = max(len(path) - 1 for path in networkx.all_simple_paths(graph, ALL, name))
        assert longest == tree.depths[name]


@settings(deadline=None)  # machines may be busy
@given(PAIRS, st.sets(st.sampled_from(NAMES), max_size=3))
def test_ancestors_are_all_groups_above(pairs: list[tuple[str, str]], names: set[str]) -> None:
    """Including the groups themselves, without ``all``."""
    tree, graph = tree_of(pairs)
    if tree.cycle:
        return
    expected = {*names, *(a for name in names for a in networkx.ancestors(graph, name))} - {ALL}
    assert tuple(sorted(expected)) == tree.ancestors(names)


def test_a_long_chain_is_no_problem() -> None:
    """Thousands of levels neither recurse nor take long."""
    names = [ALL, *(f"g{number}" for number in range(20_000))]
    edges = [Edge(parent=a, child=b) for a, b in pairwise(names)]
    tree = GroupTree(names, edges)
    assert tree.depths[names[-1]] == 20_000
    assert len(tree.ancestors([names[-1]])) == 20_000
