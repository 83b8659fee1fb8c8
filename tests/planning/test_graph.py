"""Waves of the group graph."""

from __future__ import annotations

import pytest

from fleetrun.errors import InputError, Mark
from fleetrun.model.rollout import GraphEdge
from fleetrun.planning.graph import Waves, build_waves

MEMBERS = {
    "gateways": ["gw1", "gw2"],
    "sensors": ["s1", "s2"],
    "cameras": ["c1"],
    "relays": [],
    "others": ["x1"],
}
ALL = ["s1", "gw1", "c1", "x1", "gw2", "s2"]


def edge(group: str, *after: str, need: float | None = None, line: int = 1) -> GraphEdge:
    mark = Mark(file="site.yml", line=line)
    return GraphEdge(group=group, after=after, need_pct=need, mark=mark)


def waves_of(*edges: GraphEdge, selection: list[str] | None = None) -> Waves:
    return build_waves(edges, MEMBERS, ALL if selection is None else selection)


def test_no_edges_give_one_wave_in_selection_order() -> None:
    """Without a graph all devices may run at once."""
    waves = waves_of()
    assert (tuple(ALL),) == waves.waves
    assert waves.names == ("all",)
    assert dict.fromkeys(ALL, 0) == waves.index
    assert waves.upstream == {}


def test_waves_are_the_generations_of_the_graph() -> None:
    """A group comes after everything it waits for; no group means the first wave."""
    waves = waves_of(edge("sensors", "gateways"), edge("cameras", "sensors", "gateways"))
    assert waves.waves == (("gw1", "x1", "gw2"), ("s1", "s2"), ("c1",))
    assert waves.names == ("gateways+others", "sensors", "cameras")
    assert waves.index == {"s1": 1, "gw1": 0, "c1": 2, "x1": 0, "gw2": 0, "s2": 1}


def test_upstream_names_the_groups_a_device_waits_for() -> None:
    """Only direct upstream groups are named, sorted; the first wave has none."""
    waves = waves_of(edge("sensors", "gateways"), edge("cameras", "sensors", "gateways"))
    expected = {"s1": ("gateways",), "s2": ("gateways",), "c1": ("gateways", "sensors")}
    assert expected == waves.upstream
    assert waves.member_of == {
        "gw1": ("gateways",), "gw2": ("gateways",), "s1": ("sensors",), "s2": ("sensors",),
    }
    assert waves.need_pct == {}


def test_device_in_several_groups_goes_into_the_latest_wave() -> None:
    """A device that is gateway and sensor waits as a sensor does."""
    members = {"gateways": ["gw1", "both"], "sensors": ["both", "s1"]}
    waves = build_waves([edge("sensors", "gateways")], members, ["both", "s1", "gw1"])
    assert waves.waves == (("gw1",), ("both", "s1"))
    assert waves.upstream["both"] == ("gateways",)
    assert waves.member_of["both"] == ("gateways",)


def test_empty_upstream_group_hands_its_own_upstream_on() -> None:
    """Sensors after relays after gateways wait for gateways when no relay is selected."""
    waves = waves_of(edge("sensors", "relays", need=90), edge("relays", "gateways", need=50))
    assert waves.waves == (("gw1", "c1", "x1", "gw2"), ("s1", "s2"))
    assert waves.names == ("gateways+others", "sensors")
    assert waves.upstream == {"s1": ("gateways",), "s2": ("gateways",)}
    assert waves.need_pct == {"s1": (50,), "s2": (50,)}


def test_waves_without_selected_devices_are_left_out() -> None:
    """A selection of sensors alone runs at once and waits for nobody."""
    waves = waves_of(edge("sensors", "gateways"), selection=["s2", "s1"])
    assert waves.waves == (("s2", "s1"),)
    assert waves.names == ("sensors",)
    assert waves.upstream == {}


def test_empty_selection_gives_one_empty_wave() -> None:
    """There is always a wave, so that stages can be cut along it."""
    assert waves_of(edge("sensors", "gateways"), selection=[]).waves == ((),)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(None, None, None), (50.0, None, 50.0), (None, 80.0, 80.0), (90.0, 80.0, 90.0),
     (0.0, None, None)],
)
def test_stricter_need_wins(
    one: float | None, other: float | None, expected: float | None
) -> None:
    """Two edges that say the same ask for the larger share; one success beats 0 %."""
    edges = [edge("sensors", "gateways", need=one), edge("sensors", "gateways", need=other)]
    found = build_waves(edges, MEMBERS, ALL).need_pct.get("s1", (None,))
    assert (expected,) == found


def test_cycle_is_an_error_with_its_path_and_place() -> None:
    """The message names the groups in the order in which they wait."""
    with pytest.raises(InputError) as caught:
        waves_of(
            edge("others", "gateways", line=3),
            edge("sensors", "gateways", line=4),
            edge("gateways", "cameras", line=5),
            edge("cameras", "sensors", line=6),
        )
    [problem] = caught.value.problems
    assert problem.kind == "input/graph-cycle"
    path = "gateways -> cameras -> sensors -> gateways"
    assert f"groups of the graph wait for each other: {path}" == problem.message
    assert Mark(file="site.yml", line=4) == problem.mark


def test_group_after_itself_is_a_cycle() -> None:
    """The smallest cycle is one group."""
    with pytest.raises(InputError, match=r"sensors -> sensors") as caught:
        waves_of(edge("sensors", "sensors"))
    assert caught.value.kind == "input/graph-cycle"


def test_unknown_group_is_an_error_that_guesses() -> None:
    """A mistyped name gets a suggestion, the known names and its place."""
    with pytest.raises(InputError) as caught:
        waves_of(edge("sensors", "gatewas", line=7))
    [problem] = caught.value.problems
    assert (problem.kind, problem.label) == ("input/unknown-group", "did you mean gateways?")
    assert tuple(sorted(MEMBERS)) == problem.allowed
    assert (problem.mark.line if problem.mark else None) == 7


def test_all_problems_are_reported_at_once() -> None:
    """Two knots, a self edge and an unknown group are four problems."""
    with pytest.raises(InputError) as caught:
        waves_of(
            edge("nowhere", "sensors"),
            edge("sensors", "gateways"),
            edge("gateways", "sensors"),
            edge("cameras", "relays"),
            edge("relays", "cameras"),
            edge("others", "others"),
        )
    kinds = sorted(problem.kind for problem in caught.value.problems)
    assert kinds == ["input/graph-cycle"] * 3 + ["input/unknown-group"]


SITES = {"gw1": "north", "gw2": "south", "s1": "north", "s2": "south", "c1": "north"}


def site_of(device: str, variable: str) -> str | None:
    return SITES.get(device) if variable == "site" else None


def scoped(group: str, *after: str, need: float | None = None) -> GraphEdge:
    return GraphEdge(group=group, after=after, need_pct=need, scope="site")


def test_a_scope_cuts_waves_by_its_value() -> None:
    """The sensors of a site wait for that site's gateways and nobody else."""
    waves = build_waves([scoped("sensors", "gateways")], MEMBERS, ALL, site_of)
    assert (("gw1",), ("c1", "x1"), ("gw2",), ("s1",), ("s2",)) == waves.waves
    assert ((), (), (), (0,), (2,)) == waves.waits_for
    assert {
        "s1": ("gateways of site north",), "s2": ("gateways of site south",),
    } == waves.upstream
    assert waves.names == (
        "gateways (site north)", "others", "gateways (site south)", "sensors (site north)",
        "sensors (site south)",
    )


def test_a_device_without_the_scope_waits_for_the_whole_group() -> None:
    """Nobody starts early because a variable is missing."""
    members = {"gateways": ["gw1", "gw2"], "sensors": ["x1"]}
    waves = build_waves([scoped("sensors", "gateways")], members, ["x1", "gw1", "gw2"], site_of)
    [number] = [n for n, wave in enumerate(waves.waves) if "x1" in wave]
    former = {waves.index["gw1"], waves.index["gw2"]}
    assert former == set((waves.waits_for or ())[number])
    assert waves.upstream == {"x1": ("gateways",)}


def test_a_site_without_the_upstream_group_waits_for_what_that_waits_for() -> None:
    """An empty part of a group is transparent, as an empty group is."""
    edges = [scoped("cameras", "sensors"), scoped("sensors", "gateways")]
    waves = build_waves(edges, MEMBERS, ["gw1", "gw2", "s2", "c1"], site_of)
    assert waves.upstream["c1"] == ("gateways of site north",)
    assert (waves.waits_for or ())[waves.index["c1"]] == (waves.index["gw1"],)


def test_whole_group_and_scope_may_both_be_waited_for() -> None:
    """Edges with and without a scope between the same groups add up."""
    edges = [scoped("sensors", "gateways", need=100.0), edge("sensors", "gateways", need=50.0)]
    waves = build_waves(edges, MEMBERS, ALL, site_of)
    assert waves.upstream["s1"] == ("gateways", "gateways of site north")
    assert waves.need_pct["s1"] == (50.0, 100.0)
