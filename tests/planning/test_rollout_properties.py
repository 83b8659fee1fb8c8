"""Random rollouts against an oracle that recounts everything from the history.

The oracle shares no code with the rollout: it walks the history of events and
instructions, keeps plain lists, and recounts them at every step.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.errors import Mark
from fleetrun.model.inventory import Device, Group, Inventory
from fleetrun.model.playbook import Play
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import (
    AbortRule,
    FailureClass,
    Gate,
    GraphEdge,
    RolloutPlan,
    RolloutSpec,
    Size,
    SizeUnit,
    StageSpec,
)
from fleetrun.planning.planner import make_plan
from fleetrun.planning.rollout import Rollout
from fleetrun.planning.rollout_words import (
    CloseStage,
    DeviceSettled,
    Finish,
    Halt,
    Instruction,
    RolloutEvent,
    SettleDevice,
    StartDevice,
    StartStage,
    StopRequested,
)

O = Outcome  # noqa: E741  # the oracle reads like a table
SUCCESS = {O.OK, O.CHANGED}
BAD = {O.FAILED, O.UNKNOWN, O.UNREACHABLE}
ATTEMPTED = {O.OK, O.CHANGED, O.FAILED, O.UNKNOWN}
REPORTED = [O.OK, O.OK, O.CHANGED, O.SKIPPED, O.FAILED, O.UNREACHABLE, O.PENDING, O.UNKNOWN,
            O.CANCELLED]
GROUPS = ("a", "b", "c", "d")
Log: TypeAlias = "list[tuple[RolloutEvent | None, list[Instruction]]]"


@dataclass(frozen=True)
class Scene:
    """A rollout and what its devices will do."""

    plan: RolloutPlan
    edges: tuple[GraphEdge, ...]
    groups_of: dict[str, tuple[str, ...]]
    outcomes: dict[str, Outcome]
    #: Stop is requested after this many settlements; None = never.
    stop_after: int | None


percentages = st.sampled_from([0.0, 10.0, 33.3, 50.0, 75.0, 100.0])
# Lenient more often than not: a rollout that halts at once shows little.
rules = st.builds(
    AbortRule,
    failure_class=st.sampled_from(FailureClass),
    over_pct=st.sampled_from([None, None, 20.0, 33.3, 50.0, 75.0]),
    count=st.sampled_from([None, None, 2, 3, 4]),
    min_sample=st.integers(1, 4),
)
gates = st.builds(
    Gate,
    success_pct=st.sampled_from([None, None, 25.0, 50.0, 66.6, 100.0]),
    abort_on=st.lists(rules, max_size=2).map(tuple),
    unreachable_budget_pct=st.sampled_from([0.0, 20.0, 33.3, 50.0, *[100.0] * 6]),
)
sizes = st.one_of(
    st.integers(1, 8).map(lambda n: Size(value=n)),
    st.sampled_from([20, 50, 100]).map(lambda n: Size(value=n, unit=SizeUnit.PERCENT)),
)


@st.composite
def specs(draw: st.DrawFn) -> RolloutSpec:
    """A rollout with stages, with batches or with neither."""
    shape = draw(st.sampled_from(["plain", "stages", "serial"]))
    chosen = draw(st.lists(sizes, min_size=1, max_size=3))
    chosen.sort(key=lambda size: (size.unit, size.value))
    stages = tuple(
        StageSpec(name=f"s{n}", size=size, gate=draw(st.none() | gates))
        for n, size in enumerate(chosen)
    )
    return RolloutSpec(
        stages=stages if shape == "stages" else (),
        serial=tuple(chosen) if shape == "serial" else (),
        gate=draw(st.just(Gate()) | gates),
        concurrency=draw(st.integers(1, 5)),
        order=draw(st.sampled_from(["inventory", "stable", "shuffle", "reverse_sorted"])),
        max_fail_pct=draw(st.sampled_from([*[None] * 6, 20.0, 33.3, 50.0])),
    )


#: Small batches under the play's gate: what only shows over several stages.
batches = st.builds(
    RolloutSpec,
    serial=st.just((Size(value=2),)),
    gate=st.builds(Gate, abort_on=st.lists(rules, min_size=1, max_size=2).map(tuple)),
    concurrency=st.integers(1, 2),
)


@st.composite
def scenes(draw: st.DrawFn, *, outcomes: Sequence[Outcome] = REPORTED) -> Scene:
    """A scene with up to 14 devices in up to four groups."""
    devices = [f"d{n}" for n in range(draw(st.integers(0, 2) | st.integers(5, 14)))]
    some = st.lists(st.sampled_from(GROUPS), max_size=2, unique=True)
    groups_of = {name: tuple(sorted(draw(some))) for name in devices}
    pairs = [(x, y) for n, x in enumerate(GROUPS) for y in GROUPS[:n]]
    edges = tuple(
        GraphEdge(group=group, after=(after,), need_pct=draw(st.none() | percentages))
        for group, after in draw(st.lists(st.sampled_from(pairs), max_size=4, unique=True))
    )
    inventory = Inventory(
        devices={n: Device(name=n, groups=groups) for n, groups in groups_of.items()},
        groups={name: Group(name=name) for name in ("all", "ungrouped", *GROUPS)},
    )
    play = Play(
        index=0, name="p", hosts="all", mark=Mark(file="p.yml", line=1), graph=edges,
        rollout=draw(specs() | batches),
        any_errors_fatal=draw(st.sampled_from([*[False] * 9, True])),
    )
    return Scene(
        plan=make_plan(play, inventory, devices, forks=5, seed="r1"),
        edges=edges,
        groups_of=groups_of,
        outcomes={name: draw(st.sampled_from(outcomes)) for name in devices},
        stop_after=draw(st.sampled_from([*[None] * 12, 0, 1, 2, 3, 5, 8])),
    )


def run(scene: Scene, random: Random, plan: RolloutPlan | None = None) -> tuple[Rollout, Log]:
    """Plays the scene to its end; devices settle in an order that `random` picks."""
    rollout = Rollout(plan or scene.plan)
    log: Log = [(None, rollout.start())]
    settled = 0
    while not rollout.is_finished:
        event: RolloutEvent = StopRequested(reason="stopped by the operator")
        if settled != scene.stop_after or rollout.halt is not None:
            device = random.choice(list(rollout.in_flight))
            event = DeviceSettled(device=device, outcome=scene.outcomes[device])
            settled += 1
        log.append((event, rollout.handle(event)))
    return rollout, log


def percent_over(part: int, whole: int, pct: float) -> bool:
    return whole > 0 and Fraction(part, whole) > Fraction(str(pct)) / 100


@dataclass
class Oracle:
    """Recounts a history and fails at the first step that breaks a rule."""

    scene: Scene
    outcome: dict[str, Outcome] = field(default_factory=dict)
    #: Skipped because of an upstream group.
    blocked: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    stage: int = -1
    is_stage_open: bool = False
    #: What the last closed gate said; nothing may follow False.
    has_passed: bool = True
    halted: bool = False
    finished: bool = False

    def check(self, log: Log) -> None:
        for event, instructions in log:
            assert not self.finished
            self._take(event)
            should_halt = not self.halted and self._must_halt(event)
            for number, instruction in enumerate(instructions):
                self._obey(instruction, should_halt=should_halt and number == 0)
            assert self.halted or not should_halt
            self._idle_places_are_used()
        assert self.finished
        names = {name for stage in self.scene.plan.stages for name in stage.devices}
        assert names == set(self.scene.outcomes) == set(self.outcome)

    def _take(self, event: RolloutEvent | None) -> None:
        if isinstance(event, DeviceSettled):
            assert event.device in self._in_flight()
            self.outcome[event.device] = event.outcome

    def _in_flight(self) -> list[str]:
        return [name for name in self.started if name not in self.outcome]

    def _obey(self, instruction: Instruction, *, should_halt: bool) -> None:
        assert not self.finished
        stages = self.scene.plan.stages
        match instruction:
            case StartStage(index=index, count=count):
                assert not self.halted
                assert not self.is_stage_open
                assert self.has_passed
                assert (self.stage + 1, len(stages[index].devices)) == (index, count)
                self.stage, self.is_stage_open = index, True
            case StartDevice(device=device):
                self._may_start(device)
                assert not self._is_blocked(device)
                self.started.append(device)
                assert len(self._in_flight()) <= self.scene.plan.concurrency
            case SettleDevice(device=device, outcome=outcome, reason=reason):
                assert device not in self.outcome
                assert device not in self.started
                assert reason
                if outcome is O.SKIPPED:
                    self._may_start(device)
                    assert self._is_blocked(device)
                    self.blocked.add(device)
                else:
                    assert (self.halted, outcome) == (True, O.CANCELLED)
                self.outcome[device] = outcome
            case CloseStage():
                self._close(instruction)
            case Halt():
                assert not self.halted
                assert should_halt or not (self.is_stage_open or self.has_passed)
                self.halted = True
            case Finish():
                assert not self._in_flight()
                assert self.halted or (self.has_passed and self.stage == len(stages) - 1)
                assert not self.is_stage_open
                self.finished = True

    def _may_start(self, device: str) -> None:
        """In the open stage, after its former waves; neither twice nor halted."""
        assert self.is_stage_open
        assert not self.halted
        assert device not in self.started
        waves = self.scene.plan.stages[self.stage].waves
        [wave] = [n for n, wave in enumerate(waves) if device in wave]
        assert all(name in self.outcome for former in waves[:wave] for name in former)

    def _is_blocked(self, device: str) -> bool:
        """From the raw edges; nothing in flight has an outcome, so order is free."""
        waves = self.scene.plan.stages[self.stage].waves
        own = next(wave for wave in waves if device in wave)
        # Decided when the wave opened: what happened in the wave itself is not counted.
        known = {n: o for n, o in self.outcome.items() if n not in own}
        return any(
            self._fails(group, need, known)
            for group, need in self._upstream(self.scene.groups_of[device])
        )

    def _upstream(self, groups: Sequence[str]) -> list[tuple[str, float | None]]:
        found: list[tuple[str, float | None]] = []
        for edge in self.scene.edges:
            if edge.group in groups:
                [after] = edge.after
                populated = any(after in owned for owned in self.scene.groups_of.values())
                found += [(after, edge.need_pct)] if populated else self._upstream([after])
        return found

    def _fails(self, group: str, need: float | None, known: dict[str, Outcome]) -> bool:
        members = [n for n in known if group in self.scene.groups_of[n]]
        good = [n for n in members if known[n] in SUCCESS or self._is_current(n)]
        judged = [n for n in members if known[n] in ATTEMPTED or self._is_current(n)]
        if not members or need == 0:
            return False
        return not good or (
            need is not None and Fraction(len(good), len(judged)) < Fraction(str(need)) / 100
        )

    def _is_current(self, device: str) -> bool:
        return self.outcome[device] is O.SKIPPED and device not in self.blocked

    def _must_halt(self, event: RolloutEvent | None) -> bool:
        plan = self.scene.plan
        if not isinstance(event, DeviceSettled):
            return event is not None
        if plan.any_errors_fatal and event.outcome in BAD:
            return True
        stage = plan.stages[self.stage]
        mine = self._outcomes_of([self.stage])
        lost = sum(outcome in BAD for outcome in mine)
        size = len(stage.devices)
        if plan.max_fail_pct is not None and percent_over(lost, size, plan.max_fail_pct):
            return True
        away = mine.count(O.UNREACHABLE) + mine.count(O.PENDING)
        if percent_over(away, size, stage.gate.unreachable_budget_pct):
            return True
        pools = [mine]
        if stage.shares_gate:
            sharing = [n for n, other in enumerate(plan.stages) if other.shares_gate]
            pools.append(self._outcomes_of(sharing))
        return any(self._breaks(rule, pool) for rule in stage.gate.abort_on for pool in pools)

    def _outcomes_of(self, stages: Sequence[int]) -> list[Outcome]:
        names = [name for number in stages for name in self.scene.plan.stages[number].devices]
        return [self.outcome[name] for name in names if name in self.outcome]

    @staticmethod
    def _breaks(rule: AbortRule, pool: list[Outcome]) -> bool:
        classes = {
            FailureClass.FAILED: {O.FAILED}, FailureClass.UNKNOWN: {O.UNKNOWN},
            FailureClass.ANY: {O.FAILED, O.UNKNOWN}, FailureClass.UNREACHABLE: {O.UNREACHABLE},
        }[rule.failure_class]
        count = sum(outcome in classes for outcome in pool)
        sample = sum(outcome in ATTEMPTED | classes for outcome in pool)
        if rule.count is not None and count >= rule.count:
            return True
        return (
            rule.over_pct is not None
            and sample >= rule.min_sample
            and percent_over(count, sample, rule.over_pct)
        )

    def _close(self, close: CloseStage) -> None:
        stage = self.scene.plan.stages[self.stage]
        assert self.is_stage_open
        assert (self.stage, stage.name) == (close.index, close.name)
        assert all(name in self.outcome for name in stage.devices)
        mine = self._outcomes_of([self.stage])
        assert Counter(outcome.value for outcome in mine) == dict(close.counts)
        assert (not self.halted and self._gate_holds(mine)) == close.passed
        assert close.reason
        self.has_passed = close.passed
        self.is_stage_open = False

    def _gate_holds(self, mine: list[Outcome]) -> bool:
        stage = self.scene.plan.stages[self.stage]
        attempted = [outcome for outcome in mine if outcome in ATTEMPTED]
        good = [outcome for outcome in attempted if outcome in SUCCESS]
        current = [name for name in stage.devices if self._is_current(name)]
        asked = stage.gate.success_pct
        if asked and mine and not attempted and not current:
            return False
        if asked and attempted and (
            Fraction(len(good), len(attempted)) < Fraction(str(asked)) / 100
        ):
            return False
        ran = [outcome for outcome in mine if outcome is not O.SKIPPED]
        is_wiped_out = bool(ran) and all(outcome in BAD for outcome in ran)
        return not (stage.needs_survivor and is_wiped_out)

    def _idle_places_are_used(self) -> None:
        """Between events nothing waits that could run."""
        if self.halted or self.finished:
            return
        flying = self._in_flight()
        assert flying
        waves = self.scene.plan.stages[self.stage].waves
        wave = next(wave for wave in waves if flying[0] in wave)
        waiting = [n for n in wave if n not in self.outcome and n not in flying]
        assert not waiting or len(flying) == self.scene.plan.concurrency


@settings(max_examples=400, deadline=None)
@given(scene=scenes(), random=st.randoms(use_true_random=False))
def test_every_rollout_obeys_its_rules(scene: Scene, random: Random) -> None:
    """Order, concurrency, gates, skips, halts and outcomes match the oracle."""
    rollout, log = run(scene, random)
    oracle = Oracle(scene)
    oracle.check(log)
    assert oracle.outcome == dict(rollout.outcomes)
    assert Counter(outcome.value for outcome in oracle.outcome.values()) == dict(rollout.counts)
    assert len(scene.outcomes) == sum(rollout.counts.values())
    last = [instruction for _, part in log for instruction in part][-1]
    assert Finish() == last
    assert (rollout.halt is not None) == oracle.halted


@settings(max_examples=120, deadline=None)
@given(scene=scenes(), random=st.randoms(use_true_random=False))
def test_replay_of_any_part_of_the_log_plus_the_rest_is_the_run(
    scene: Scene, random: Random
) -> None:
    """A fresh rollout that is told log[:k] goes on exactly as the first one did."""
    first, log = run(scene, random)
    for k in range(len(log)):
        resumed = Rollout(scene.plan)
        replayed: Log = [(None, resumed.start())]
        replayed += [(event, resumed.handle(event)) for event, _ in log[1 : k + 1] if event]
        assert log[: k + 1] == replayed
        open_devices = [] if resumed.is_finished else list(resumed.in_flight)
        told = {event.device for event, _ in log[: k + 1] if isinstance(event, DeviceSettled)}
        begun = [
            instruction.device
            for _, part in replayed for instruction in part if isinstance(instruction, StartDevice)
        ]
        assert [name for name in begun if name not in told] == open_devices
        rest = [(event, resumed.handle(event)) for event, _ in log[k + 1 :] if event]
        assert log[k + 1 :] == rest
        assert dict(first.outcomes) == dict(resumed.outcomes)


@settings(max_examples=120, deadline=None)
@given(
    scene=scenes(), random=st.randoms(use_true_random=False), concurrency=st.integers(1, 9),
    forget=st.booleans(),
)
def test_resume_after_a_stop_keeps_what_was_done(
    scene: Scene, random: Random, concurrency: int, forget: bool
) -> None:
    """Without the stop, and with another concurrency, no known outcome is lost.

    Unknown devices are told as such, or left out to be asked again.
    """
    _, log = run(scene, random)
    events = [
        event for event, _ in log
        if isinstance(event, DeviceSettled) and (event.outcome is not O.UNKNOWN or not forget)
    ]
    resumed = Rollout(replace(scene.plan, concurrency=concurrency))
    instructions = resumed.start()
    for event in events:
        instructions += resumed.handle(event)
    while not resumed.is_finished:
        device = next(iter(resumed.in_flight))
        instructions += resumed.handle(
            DeviceSettled(device=device, outcome=scene.outcomes[device])
        )
    assert set(scene.outcomes) == set(resumed.outcomes)
    assert {e.device: e.outcome for e in events}.items() <= dict(resumed.outcomes).items()
    assert len(scene.outcomes) == sum(resumed.counts.values())
    begun = [i.device for i in instructions if isinstance(i, StartDevice)]
    assert len(begun) == len(set(begun))
    assert sum(isinstance(instruction, Finish) for instruction in instructions) == 1


@settings(max_examples=120, deadline=None)
@given(
    scene=scenes(outcomes=[O.OK, O.FAILED, O.UNKNOWN]), random=st.randoms(use_true_random=False),
    truth=st.sampled_from([O.OK, O.FAILED, O.UNREACHABLE]),
)
def test_truth_replaces_unknown_at_any_time(
    scene: Scene, random: Random, truth: Outcome
) -> None:
    """Counts follow each revision, before and after the end."""
    rollout = Rollout(scene.plan)
    rollout.start()
    told: dict[str, Outcome] = {}
    while rollout.in_flight or O.UNKNOWN in told.values():
        unsure = [name for name, outcome in told.items() if outcome is O.UNKNOWN]
        device = random.choice([*rollout.in_flight, *unsure])
        told[device] = truth if device in unsure else scene.outcomes[device]
        rollout.handle(DeviceSettled(device=device, outcome=told[device]))
    assert rollout.is_finished
    assert told.items() <= dict(rollout.outcomes).items()
    assert Counter(outcome.value for outcome in rollout.outcomes.values()) == rollout.counts


@settings(max_examples=120, deadline=None)
@given(
    scene=scenes(), one=st.randoms(use_true_random=False),
    other=st.randoms(use_true_random=False), concurrency=st.integers(1, 9),
)
def test_outcomes_do_not_depend_on_timing_while_no_rule_halts(
    scene: Scene, one: Random, other: Random, concurrency: int
) -> None:
    """Who is skipped is decided by outcomes, never by who was faster."""
    calm = replace(scene, stop_after=None, plan=replace(
        scene.plan,
        stages=tuple(
            replace(stage, gate=Gate(), needs_survivor=False) for stage in scene.plan.stages
        ),
        any_errors_fatal=False, max_fail_pct=None,
    ))
    slow, _ = run(calm, one)
    fast, _ = run(calm, other, replace(calm.plan, concurrency=concurrency))
    assert slow.halt is None
    assert dict(slow.outcomes) == dict(fast.outcomes)


@settings(max_examples=120, deadline=None)
@given(scene=scenes(outcomes=[O.OK, O.CHANGED, O.SKIPPED]), random=st.randoms())
def test_healthy_fleet_is_never_halted(scene: Scene, random: Random) -> None:
    """No gate closes when nothing fails, whatever it asks for."""
    healthy = replace(scene, stop_after=None)
    rollout, _ = run(healthy, random)
    assert rollout.halt is None
    assert healthy.outcomes == dict(rollout.outcomes)


def digest_of_a_run() -> str:
    """One fixed scene's plan and instructions, as a hash."""
    groups_of = {f"d{n}": (GROUPS[n % 4],) for n in range(40)}
    inventory = Inventory(
        devices={n: Device(name=n, groups=groups) for n, groups in groups_of.items()},
        groups={name: Group(name=name) for name in GROUPS},
    )
    edges = tuple(GraphEdge(group=g, after=GROUPS[:n]) for n, g in enumerate(GROUPS) if n)
    spec = RolloutSpec(stages=(StageSpec(name="canary", size=Size(value=9)),), order="stable")
    play = Play(index=0, name="p", hosts="all", mark=Mark(file="p", line=1), graph=edges,
                rollout=spec)
    plan = make_plan(play, inventory, list(groups_of), forks=3, seed="r1")
    scene = Scene(plan=plan, edges=edges, groups_of=groups_of, stop_after=None,
                  outcomes=dict.fromkeys(groups_of, O.OK))
    _, log = run(scene, Random(1))
    return hashlib.sha256(f"{plan} {log}".encode()).hexdigest()


def test_plan_and_run_are_the_same_in_every_process() -> None:
    """Nothing depends on the hash seed: a resumed engine is another process."""
    code = (
        "import importlib.util as u, sys; s = u.spec_from_file_location('m', sys.argv[1]);"
        "m = u.module_from_spec(s); sys.modules['m'] = m; s.loader.exec_module(m);"
        "print(m.digest_of_a_run())"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__))],
            env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert [digest_of_a_run()] * 2 == found
