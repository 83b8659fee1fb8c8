"""From a play to its plan."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fleetrun.errors import InputError, Mark
from fleetrun.model.inventory import Device, Group, Inventory, VarLayers
from fleetrun.model.playbook import Play
from fleetrun.model.rollout import AbortRule, Gate, GraphEdge, RolloutSpec, Size, StageSpec
from fleetrun.model.values import TemplateText, Value
from fleetrun.planning.group_edges import collect_group_edges
from fleetrun.planning.planner import (
    detectable_pct,
    make_plan,
    plan_summary,
)

MARK = Mark(file="site.yml", line=2)
GROUPS = {"gw1": ("gateways",), "s1": ("berlin", "sensors"), "s2": ("sensors",), "x1": ()}
AFTER = GraphEdge(group="sensors", after=("gateways",), need_pct=50)


def inventory(layers: Mapping[str, VarLayers] | None = None) -> Inventory:
    names = ("all", "ungrouped", "berlin", "gateways", "sensors")
    groups = {
        name: Group(name=name, mark=MARK, layers=(layers or {}).get(name, VarLayers()))
        for name in names
    }
    devices = {name: Device(name=name, groups=groups) for name, groups in GROUPS.items()}
    return Inventory(devices=devices, groups=groups)


def play(rollout: RolloutSpec | None = None, *, fatal: bool = False) -> Play:
    return Play(
        index=0, name="p", hosts="all", mark=MARK, rollout=rollout or RolloutSpec(),
        graph=(AFTER,), any_errors_fatal=fatal,
    )


def from_vars(value: Value) -> Inventory:
    return inventory({"sensors": VarLayers(beside_inventory={"depends_on": value})})


def test_plan_holds_waves_stages_and_limits() -> None:
    """Everything that the rollout needs is in the plan."""
    spec = RolloutSpec(
        stages=(StageSpec(name="canary", size=Size(value=2)),), order="sorted", max_fail_pct=30
    )
    plan = make_plan(play(spec, fatal=True), inventory(), list(GROUPS), forks=7, seed="s")
    assert [
        (stage.name, stage.waves) for stage in plan.stages
    ] == [("canary", (("gw1",), ("s1",))), ("rest", (("x1",), ("s2",)))]
    assert plan.wave_names == ("gateways+others", "sensors")
    assert (plan.concurrency, plan.any_errors_fatal, plan.max_fail_pct) == (7, True, 30)
    assert plan.upstream == {"s1": ("gateways",), "s2": ("gateways",)}
    assert plan.need_pct == {"s1": (50,), "s2": (50,)}
    assert plan.member_of == {"gw1": ("gateways",)}


def test_edges_of_groups_add_to_those_of_the_play() -> None:
    """Both sources of the graph count."""
    more = (GraphEdge(group="berlin", after=("sensors",)),)
    plan = make_plan(play(), inventory(), ["gw1", "s1", "s2"], forks=1, seed="", group_edges=more)
    assert tuple(stage.waves for stage in plan.stages) == ((("gw1",), ("s2",), ("s1",)),)


def test_all_and_ungrouped_can_be_in_the_graph() -> None:
    """Both are groups to an operator, though no device lists them."""
    edges = (GraphEdge(group="sensors", after=("ungrouped",)),)
    graph = Play(index=0, name="p", hosts="all", mark=MARK, graph=edges)
    plan = make_plan(graph, inventory(), list(GROUPS), forks=1, seed="")
    assert plan.wave_names == ("ungrouped+others", "sensors")
    assert plan.member_of == {"x1": ("ungrouped",)}
    edges = (GraphEdge(group="sensors", after=("all",)),)
    graph = Play(index=0, name="p", hosts="all", mark=MARK, graph=edges)
    plan = make_plan(graph, inventory(), list(GROUPS), forks=1, seed="")
    assert plan.stages[0].waves == (("gw1", "x1"), ("s1", "s2"))


def test_devices_count_once_and_need_not_be_in_the_inventory() -> None:
    """A device that left the inventory before a resume stays in the run."""
    selection = ["gone", "s1", "gone", "s1"]
    plan = make_plan(play(), inventory(), selection, forks=1, seed="")
    assert plan.stages[0].devices == ("gone", "s1")


def test_concurrency_of_the_play_beats_forks() -> None:
    """The play knows its limit better than the command line's default."""
    plan = make_plan(play(RolloutSpec(concurrency=3)), inventory(), [], forks=50, seed="")
    assert plan.concurrency == 3


def test_concurrency_below_one_is_an_error() -> None:
    """A rollout that can start nothing is refused before anything is contacted."""
    with pytest.raises(InputError) as caught:
        make_plan(play(RolloutSpec(concurrency=0)), inventory(), [], forks=50, seed="")
    assert caught.value.kind == "input/bad-concurrency"


def test_seed_decides_the_stable_order() -> None:
    """The same seed plans alike on every worker and on resume."""
    devices = [f"n{number}" for number in range(30)]
    stable = play(RolloutSpec(order="stable"))

    def planned(seed: str) -> tuple[str, ...]:
        return make_plan(stable, inventory(), devices, forks=1, seed=seed).stages[0].devices

    assert planned("r1") == planned("r1")
    assert planned("r1") != planned("r2")


@pytest.mark.parametrize(
    ("value", "after"),
    [("gateways", ("gateways",)), (["gateways", "berlin", "gateways"], ("gateways", "berlin")),
     ([], None), (None, None)],
)
def test_depends_on_names_one_group_or_several(
    value: Value, after: tuple[str, ...] | None
) -> None:
    """A string or a list; nothing means no edge."""
    expected = () if after is None else (GraphEdge(group="sensors", after=after, mark=MARK),)
    assert expected == collect_group_edges(from_vars(value))


def test_depends_on_beside_the_playbook_wins() -> None:
    """The layers have Ansible's precedence."""
    layers = VarLayers(
        source={"depends_on": "berlin"}, beside_playbook={"depends_on": "gateways"}
    )
    [edge] = collect_group_edges(inventory({"sensors": layers}))
    assert edge.after == ("gateways",)


def test_depends_on_takes_scope_and_need_as_the_graph_does() -> None:
    """A mapping says what an entry of `graph` says."""
    value: Value = {"after": "gateways", "scope": "site", "need": "95%"}
    expected = GraphEdge(
        group="sensors", after=("gateways",), scope="site", need_pct=95.0, mark=MARK
    )
    assert collect_group_edges(from_vars(value)) == (expected,)


@pytest.mark.parametrize(
    "value", [3, {"gateways": 1}, {"after": "gateways", "need": "most"},
              {"after": "gateways", "scope": ["site"]}, {"after": 3}, [1], "", " gateways",
              TemplateText("{{ x }}"), [["gateways"]]]
)
def test_other_values_of_depends_on_are_errors(value: Value) -> None:
    """The graph is one for all devices: no templates, no guesses."""
    with pytest.raises(InputError) as caught:
        collect_group_edges(from_vars(value))
    assert (caught.value.kind, caught.value.problems[0].mark) == ("input/bad-depends-on", MARK)


def test_summary_counts_stages_and_waves() -> None:
    """What `plan` prints: no empty waves, cumulative counts, gates in words."""
    rules = (
        AbortRule(over_pct=5, min_sample=20), AbortRule(count=2), AbortRule(over_pct=1),
    )
    gate = Gate(success_pct=95, abort_on=rules, unreachable_budget_pct=30)
    spec = RolloutSpec(stages=(StageSpec(name="canary", size=Size(value=1), gate=gate),))
    plan = make_plan(play(spec), inventory(), ["s1", "gw1", "x1", "s2"], forks=4, seed="")
    summary = plan_summary(plan)
    canary, rest = summary.stages
    assert (
        summary.device_count, summary.concurrency, summary.max_fail_pct, summary.any_errors_fatal,
    ) == (4, 4, None, False)
    assert (canary.name, canary.device_count, canary.cumulative_count) == ("canary", 1, 1)
    assert (rest.name, rest.device_count, rest.cumulative_count) == ("rest", 3, 4)
    assert [
        (wave.name, wave.device_count, wave.examples) for wave in canary.waves
    ] == [("sensors", 1, ("s1",))]
    assert canary.gate == (
        "95 % of attempted succeed", "halt when over 5 % failed, from 20 on",
        "halt when 2 failed", "halt when over 1 % failed", "at most 30 % unreachable",
    )
    assert rest.gate == ()


def test_summary_of_nothing() -> None:
    """An empty selection has a summary, too."""
    [stage] = plan_summary(make_plan(play(), inventory(), [], forks=1, seed="")).stages
    assert (stage.device_count, stage.waves, stage.detectable_pct) == (0, (), None)


@pytest.mark.parametrize(("count", "expected"), [(29, 10), (59, 5), (149, 2), (299, 1)])
def test_detectable_share_is_the_rule_of_three(count: int, expected: float) -> None:
    """The figures of statistics books: 59 canaries find a fault of 5 %."""
    assert expected == pytest.approx(detectable_pct(count), rel=0.02)
