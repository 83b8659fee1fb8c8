"""Order of devices, stages and batches."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetrun.errors import InputError, Mark
from fleetrun.model.rollout import (
    AbortRule,
    Gate,
    GraphEdge,
    RolloutSpec,
    Sample,
    Size,
    SizeUnit,
    StagePlan,
    StageSpec,
)
from fleetrun.planning.graph import build_waves
from fleetrun.planning.stages import order_devices, plan_stages, resolve_size, size_text

MARK = Mark(file="site.yml", line=9)


def names(count: int) -> list[str]:
    return [f"d{number}" for number in range(count)]


def count(value: float) -> Size:
    return Size(value=value)


def percent(value: float) -> Size:
    return Size(value=value, unit=SizeUnit.PERCENT)


def stage(name: str, size: Size, gate: Gate | None = None) -> StageSpec:
    return StageSpec(name=name, size=size, gate=gate, mark=MARK)


def staged(*stages: StageSpec, gate: Gate | None = None) -> RolloutSpec:
    return RolloutSpec(stages=stages, gate=gate or Gate())


def planned(spec: RolloutSpec, total: int) -> tuple[StagePlan, ...]:
    devices = names(total)
    return plan_stages(spec, devices, build_waves([], {}, devices))


def sizes(spec: RolloutSpec, total: int) -> list[tuple[str, int]]:
    return [(found.name, len(found.devices)) for found in planned(spec, total)]


def kinds(spec: RolloutSpec) -> list[str]:
    with pytest.raises(InputError) as caught:
        planned(spec, 10)
    return [problem.kind for problem in caught.value.problems]


def test_sizes_are_cumulative_and_a_rest_is_added() -> None:
    """5 devices, then a tenth of all, then what is left."""
    spec = staged(stage("canary", count(5)), stage("p10", percent(10)))
    assert sizes(spec, 100) == [("canary", 5), ("p10", 5), ("rest", 90)]


def test_no_rest_when_the_last_stage_reaches_all() -> None:
    """100 % is everybody."""
    spec = staged(stage("canary", count(1)), stage("everybody", percent(100)))
    assert sizes(spec, 10) == [("canary", 1), ("everybody", 9)]


def test_rest_gets_a_free_name() -> None:
    """A stage of the operator may be called rest."""
    spec = staged(stage("rest", count(1)), stage("rest 2", count(2)))
    assert sizes(spec, 3) == [("rest", 1), ("rest 2", 1), ("rest 3", 1)]


def test_nameless_stages_are_numbered() -> None:
    """Every stage can be spoken of."""
    spec = staged(stage("", count(1)), stage("", percent(100)))
    assert sizes(spec, 5) == [("stage 1", 1), ("stage 2", 4)]


def test_no_stages_give_one_without_gate() -> None:
    """A plain Ansible playbook never holds devices back for others' failures."""
    [only] = planned(RolloutSpec(), 3)
    assert StagePlan(name="all", waves=(("d0", "d1", "d2"),), gate=Gate(), shares_gate=True) == only


def test_stage_keeps_the_order_of_waves() -> None:
    """Each stage is cut along the graph; a wave may be empty in a stage."""
    devices = ["s1", "s2", "g1", "s3"]
    members = {"g": ["g1"], "s": ["s1", "s2", "s3"]}
    waves = build_waves([GraphEdge(group="s", after=("g",))], members, devices)
    found = plan_stages(staged(stage("canary", count(2))), devices, waves)
    assert [part.waves for part in found] == [((), ("s1", "s2")), (("g1",), ("s3",))]


def test_stages_but_the_last_ask_for_full_success_by_default() -> None:
    """A canary that does not gate would be useless."""
    spec = staged(stage("canary", count(1)), stage("wide", count(5)))
    assert [part.gate.success_pct for part in planned(spec, 9)] == [100, 100, None]


def test_gate_that_says_what_it_tolerates_gets_no_default() -> None:
    """Own limits replace the default; a budget alone does not."""
    rules = Gate(abort_on=(AbortRule(over_pct=5),))
    budget = Gate(unreachable_budget_pct=30)
    spec = staged(
        stage("a", count(1), rules), stage("b", count(2), Gate(success_pct=80)),
        stage("c", count(3), budget),
    )
    found = [part.gate.success_pct for part in planned(spec, 9)]
    assert found == [None, 80, 100, None]


def test_play_gate_holds_for_stages_without_their_own() -> None:
    """`shares_gate` tells them apart."""
    spec = staged(
        stage("a", count(1)), stage("b", count(2), Gate()), gate=Gate(success_pct=90)
    )
    found = [(part.gate.success_pct, part.shares_gate) for part in planned(spec, 5)]
    assert found == [(90, True), (100, False), (90, True)]


def test_mixed_units_that_shrink_add_no_device() -> None:
    """59, then 10 %, is right for a fleet and must also run under --limit."""
    spec = staged(stage("canary", count(59)), stage("p10", percent(10)), stage("x", percent(100)))
    assert sizes(spec, 100) == [("canary", 59), ("p10", 0), ("x", 41)]
    assert sizes(spec, 4) == [("canary", 4), ("p10", 0), ("x", 0)]


def test_no_devices_give_empty_stages() -> None:
    """An empty selection is planned, not refused."""
    spec = staged(stage("canary", percent(10)))
    assert sizes(spec, 0) == [("canary", 0)]
    assert sizes(RolloutSpec(), 0) == [("all", 0)]
    assert sizes(RolloutSpec(serial=(count(3),)), 0) == [("batch 1", 0)]


@pytest.mark.parametrize("smaller", [(count(5), count(4)), (percent(50), percent(49.5))])
def test_stage_smaller_than_an_earlier_one_is_an_error(smaller: tuple[Size, Size]) -> None:
    """Cumulative sizes cannot go down."""
    first, second = smaller
    assert kinds(staged(stage("a", first), stage("b", second))) == ["input/shrinking-stage"]


@pytest.mark.parametrize("size", [count(0), count(-1), count(1.5), percent(0), percent(100.1)])
def test_impossible_sizes_are_errors(size: Size) -> None:
    """A stage has at least one device or a share of them."""
    assert kinds(staged(stage("a", size))) == ["input/bad-size"]


def test_all_problems_are_reported_with_their_place() -> None:
    """The operator mends a file once, not once per problem."""
    spec = RolloutSpec(
        stages=(stage("a", count(5)), stage("a", count(0)), stage("b", percent(0))),
        serial=(count(1),),
        mark=MARK,
    )
    with pytest.raises(InputError) as caught:
        planned(spec, 10)
    assert [problem.kind for problem in caught.value.problems] == [
        "input/bad-size", "input/bad-size", "input/duplicate-stage", "input/shrinking-stage",
        "input/serial-and-stages",
    ]
    assert {MARK} == {problem.mark for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("serial", "total", "expected"),
    [
        ((count(1), percent(30), percent(100)), 10, [1, 3, 6]),
        ((count(2),), 5, [2, 2, 1]),
        ((percent(30),), 10, [3, 3, 3, 1]),
        ((percent(1),), 3, [1, 1, 1]),
        ((count(1), count(0)), 4, [1, 3]),
        ((count(99),), 4, [4]),
    ],
)
def test_serial_makes_batches_of_shares_of_all_devices(
    serial: tuple[Size, ...], total: int, expected: list[int]
) -> None:
    """Ansible's rule: shares of all hosts, rounded down, at least 1, last repeats."""
    found = sizes(RolloutSpec(serial=serial), total)
    assert [(f"batch {n + 1}", size) for n, size in enumerate(expected)] == found


def test_batches_have_no_gate_but_need_a_survivor() -> None:
    """As in Ansible, only a batch that failed wholly stops the ones after it."""
    found = planned(RolloutSpec(serial=(count(2),)), 4)
    assert [(Gate(), True), (Gate(), False)] == [(p.gate, p.needs_survivor) for p in found]


@pytest.mark.parametrize(
    ("size", "total", "expected"),
    [
        (percent(30), 10, 3), (percent(39.9), 10, 3), (percent(1), 10, 1), (percent(29), 100, 29),
        (percent(0.29), 10_000, 29), (percent(100), 7, 7), (percent(50), 0, 0),
        (count(5), 3, 3), (count(5), 9, 5),
    ],
)
def test_shares_are_rounded_down_exactly(size: Size, total: int, expected: int) -> None:
    """No share loses a device to binary fractions."""
    assert expected == resolve_size(size, total)


def test_size_text_is_for_people() -> None:
    """Messages name sizes as the operator wrote them."""
    texts = [size_text(size) for size in (count(1), count(5), percent(2.5))]
    assert texts == ["1 device", "5 devices", "2.5 %"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("inventory", ["b", "a", "c"]), ("reverse_inventory", ["c", "a", "b"]),
        ("sorted", ["a", "b", "c"]), ("reverse_sorted", ["c", "b", "a"]),
    ],
)
def test_orders_of_ansible(order: str, expected: list[str]) -> None:
    """The names mean what they mean in Ansible."""
    assert tuple(expected) == order_devices(["b", "a", "c"], order, seed="s")


def test_stable_order_is_the_hash_of_seed_and_name() -> None:
    """Another program can compute it; the inventory's order does not matter."""
    devices = names(50)
    expected = sorted(devices, key=lambda name: hashlib.sha256(f"r1/{name}".encode()).hexdigest())
    assert tuple(expected) == order_devices(devices, "stable", seed="r1")
    assert tuple(expected) == order_devices(devices[::-1], "stable", seed="r1")


def test_shuffle_is_seeded() -> None:
    """The same seed shuffles alike; another seed, or `stable`, does not."""
    devices = names(50)
    first = order_devices(devices, "shuffle", seed="r1")
    assert first == order_devices(devices, "shuffle", seed="r1")
    assert sorted(devices) == sorted(first)
    others = {order_devices(devices, "shuffle", seed="r2"), tuple(devices),
              order_devices(devices, "stable", seed="r1")}
    assert first not in others


def test_undecodable_name_has_an_order() -> None:
    """A name that is not Unicode on disk must not end the run."""
    assert order_devices(["d\udcff"], "stable", seed="s") == ("d\udcff",)


def test_unknown_order_is_an_error_that_guesses() -> None:
    """A mistyped order gets a suggestion and the list."""
    with pytest.raises(InputError) as caught:
        order_devices(["a"], "sortet", seed="s", mark=MARK)
    [problem] = caught.value.problems
    assert (
        problem.kind, problem.label, problem.mark,
    ) == ("input/unknown-order", "did you mean sorted?", MARK)


@given(
    total=st.integers(0, 40),
    counts=st.lists(st.integers(1, 50), max_size=3),
    shares=st.lists(st.floats(0.1, 100), max_size=3),
    serial=st.lists(st.one_of(st.integers(0, 9).map(count), st.floats(1, 100).map(percent))),
)
def test_stages_are_a_partition_of_the_devices(
    total: int, counts: list[int], shares: list[float], serial: list[Size]
) -> None:
    """Whatever the sizes: every device in exactly one stage, in order."""
    chosen = [*map(count, sorted(counts)), *map(percent, sorted(shares))]
    stages = tuple(stage(f"n{number}", size) for number, size in enumerate(chosen))
    for spec in (RolloutSpec(stages=stages), RolloutSpec(serial=tuple(serial))):
        found = planned(spec, total)
        assert names(total) == [device for part in found for device in part.devices]


def test_a_sample_has_so_many_of_each_kind_with_those_before() -> None:
    """The canary had a "b"; one "a" and one "c" are missing. Sizes count the sample, too."""
    spec = RolloutSpec(stages=(
        StageSpec(name="canary", size=Size(value=1)),
        StageSpec(name="types", size=None, sample=Sample(per=("type",))),
        StageSpec(name="five", size=Size(value=5)),
    ))
    devices = ["b1", "b2", "a1", "a2", "b3", "c1"]
    waves = build_waves([], {}, devices)
    found = plan_stages(spec, devices, waves, lambda device, _: device[0])
    assert [("b1",), ("a1", "c1"), ("b2", "a2"), ("b3",)] == [one.devices for one in found]
