"""Random rollouts in virtual time: limits, rate, soak, approval, scopes, wishes and kills.

A small world plays devices and an operator against the machine, and kills the
engine at random: another machine then goes on with what the journal would
have. What must hold is recounted here from the recorded history alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.errors import Mark
from fleetrun.model.inventory import Device, Group, Inventory
from fleetrun.model.playbook import Play
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import (
    Approval,
    Gate,
    GraphEdge,
    LimitSpec,
    OnTimeout,
    RateSpec,
    RolloutHistory,
    RolloutPlan,
    RolloutSpec,
    Size,
    SizeUnit,
    StageSpec,
)
from fleetrun.planning.planner import make_plan
from fleetrun.planning.rollout import Rollout
from fleetrun.planning.rollout_words import (
    Approved,
    CloseStage,
    ContinueDevice,
    DeviceParked,
    DeviceReady,
    DeviceSettled,
    Halt,
    Instruction,
    Pause,
    PauseRequested,
    Promoted,
    ReleaseStage,
    RolloutEvent,
    SettleDevice,
    StartDevice,
    StartStage,
    Ticked,
    Unpause,
    WakeAt,
)

O = Outcome  # noqa: E741  # as in the other properties
SITES = ("n", "s", "w")


@dataclass(frozen=True)
class Scene:
    """A plan, what devices do, and what the operator and fate do."""

    plan: RolloutPlan
    site_of: dict[str, str | None]
    group_of: dict[str, str]
    is_scoped: bool
    outcomes: dict[str, Outcome]
    duration: dict[str, float]
    #: Seconds at which the operator does something, and what.
    wishes: tuple[tuple[float, str], ...]
    #: The engine dies before these steps of the world.
    kills: frozenset[int]
    parks: bool


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Up to 12 devices of two groups on three sites."""
    names = [f"d{number}" for number in range(draw(st.integers(1, 12)))]
    site_of = {name: draw(st.sampled_from([*SITES, None])) for name in names}
    group_of = {name: draw(st.sampled_from(["front", "back", "none"])) for name in names}
    scope = draw(st.sampled_from(["", "site"]))
    edges = (GraphEdge(group="back", after=("front",), scope=scope),)
    sizes = st.integers(1, 3).map(lambda n: Size(value=n)) | st.just(
        Size(value=50, unit=SizeUnit.PERCENT)
    )
    approval = st.builds(
        Approval, who=st.just("ops"), timeout_s=st.sampled_from([None, 50.0, 500.0]),
        on_timeout=st.sampled_from(OnTimeout),
    )
    stages = (
        StageSpec(name="canary", size=Size(value=draw(st.integers(1, 4))),
                  soak_s=draw(st.sampled_from([0.0, 30.0, 300.0]))),
        *([StageSpec(name="ask", size=None, approval=draw(approval))]
          if draw(st.booleans()) else []),
        StageSpec(name="rest", size=Size(value=100, unit=SizeUnit.PERCENT),
                  soak_s=draw(st.sampled_from([0.0, 20.0]))),
    )
    spec = RolloutSpec(
        stages=stages, concurrency=draw(st.integers(1, 5)),
        gate=draw(st.just(Gate()) | st.just(Gate(success_pct=0.0))),
        limits=tuple(
            LimitSpec(per=per, size=draw(sizes))
            for per in draw(st.lists(st.sampled_from(["site", "kind"]), max_size=2, unique=True))
        ),
        rate=draw(st.none() | st.builds(
            RateSpec, per_minute=st.sampled_from([1.0, 3.0, 40.0]),
            growth=st.sampled_from([1.0, 2.0]), grow_after=st.integers(1, 3),
            max_per_minute=st.sampled_from([None, 60.0]),
        )),
    )
    inventory = Inventory(
        devices={
            name: Device(name=name, groups=(group_of[name],)) for name in names
        },
        groups={name: Group(name=name) for name in ("all", "ungrouped", "front", "back", "none")},
    )
    play = Play(index=0, name="p", hosts="all", mark=Mark(file="p", line=1), graph=edges,
                rollout=spec)

    def value_of(device: str, variable: str) -> str | None:
        return site_of[device] if variable == "site" else str(len(device))

    plan = make_plan(play, inventory, names, forks=3, seed="s", value_of=value_of)
    return Scene(
        plan=plan, site_of=site_of, group_of=group_of, is_scoped=bool(scope),
        outcomes={
            name: draw(st.sampled_from([O.OK, O.OK, O.CHANGED, O.FAILED, O.UNREACHABLE]))
            for name in names
        },
        duration={name: draw(st.sampled_from([0.0, 1.0, 7.0, 90.0])) for name in names},
        wishes=tuple(sorted(draw(st.lists(st.tuples(
            st.sampled_from([1.0, 20.0, 45.0, 400.0]),
            st.sampled_from(["pause", "promote", "approve"]),
        ), max_size=4)))),
        kills=draw(st.frozensets(st.integers(1, 25), max_size=3)),
        parks=draw(st.booleans()),
    )


@dataclass
class World:
    """Plays a scene; `log` is what was decided, with its time."""

    scene: Scene
    random: Random
    now: float = 1000.0
    log: list[tuple[float, Instruction]] = field(default_factory=list)
    #: Spans in which a device was at work: start, end (None = not yet).
    spans: dict[str, list[list[float | None]]] = field(default_factory=dict)
    known: dict[str, tuple[float, Outcome]] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)
    parked: set[str] = field(default_factory=set)
    has_parked: set[str] = field(default_factory=set)
    wake: float | None = None
    history: RolloutHistory = field(default_factory=RolloutHistory)
    starts: list[float] = field(default_factory=list)

    def play(self) -> Rollout:
        wishes = [(1000.0 + at, what) for at, what in self.scene.wishes]
        rollout = self._begin()
        for step in range(1, 3000):
            if rollout.is_finished:
                return rollout
            if step in self.scene.kills:
                self._die()
                rollout = self._begin()
                continue
            event = self._next(wishes, rollout)
            self._do(rollout, rollout.handle(event, self.now))
        raise AssertionError(f"it never ends: {self.log[-5:]}")

    def _begin(self) -> Rollout:
        rollout = Rollout(self.scene.plan, self.history)
        began = self.history.began_at
        self._do(rollout, rollout.start(self.now if began is None else began))
        self._do(rollout, rollout.handle(Ticked(), self.now))
        return rollout

    def _die(self) -> None:
        """The engine is gone; devices that were at work will be started again."""
        for device in self.running:
            if self.spans[device][-1][1] is None:
                self.spans[device][-1][1] = self.now
        opened: dict[int, float] = {}
        passed, released = set(), set()
        for at, told in self.log:
            match told:
                case StartStage(index=index):
                    opened.setdefault(index, at)
                case CloseStage(index=index, passed=True):
                    passed.add(index)
                case ReleaseStage(index=index):
                    released.add(index)
        self.history = RolloutHistory(
            began_at=1000.0, settled=frozenset(self.known), opened_at=opened,
            passed=frozenset(passed), released=frozenset(released),
            last_start=self.starts[-1] if self.starts else None,
            begun=frozenset(self.running.keys() | self.parked),
        )
        self.running.clear()
        self.parked.clear()
        self.has_parked.clear()
        self.wake = None
        self.now += self.random.choice([0.0, 5.0, 1000.0])

    def _next(self, wishes: list[tuple[float, str]], rollout: Rollout) -> RolloutEvent:
        """The next thing that happens; moves the clock there."""
        if self.parked and self.random.random() < 0.5:
            device = min(self.parked)
            self.parked.discard(device)
            self.running[device] = float("inf")
            return DeviceReady(device=device)
        times = [*self.running.values(), *([self.wake] if self.wake is not None else []),
                 *(at for at, _ in wishes[:1])]
        at = min(times, default=float("inf"))
        if at == float("inf"):
            if self.parked:
                device = min(self.parked)
                self.parked.discard(device)
                self.running[device] = float("inf")
                return DeviceReady(device=device)
            # Only the operator can help.
            assert not rollout.in_flight
            return Promoted(by="op")
        self.now = max(self.now, at)
        for device, end in self.running.items():
            if end <= self.now:
                return self._end(device)
        if wishes and wishes[0][0] <= self.now:
            what = wishes.pop(0)[1]
            return {"pause": PauseRequested(by="op"), "promote": Promoted(by="op"),
                    "approve": Approved(by="op")}[what]
        self.wake = None
        return Ticked()

    def _end(self, device: str) -> RolloutEvent:
        del self.running[device]
        if self.scene.parks and device not in self.has_parked:
            self.has_parked.add(device)
            self.parked.add(device)
            self.spans[device][-1][1] = self.now
            return DeviceParked(device=device)
        self.spans[device][-1][1] = self.now
        outcome = self.scene.outcomes[device]
        self.known[device] = (self.now, outcome)
        return DeviceSettled(device=device, outcome=outcome)

    def _do(self, rollout: Rollout, told: list[Instruction]) -> None:
        replayed: list[str] = []
        for instruction in told:
            match instruction:
                case StartDevice(device=device) if device in self.known:
                    replayed.append(device)
                case StartDevice(device=device):
                    self.running[device] = self.now + self.scene.duration[device]
                    self.spans.setdefault(device, []).append([self.now, None])
                    self.starts.append(self.now)
                    self.log.append((self.now, instruction))
                case ContinueDevice(device=device):
                    self.running[device] = self.now + 1
                    self.spans[device].append([self.now, None])
                case WakeAt(at=at):
                    self.wake = at
                case _:
                    self.log.append((self.now, instruction))
        for device in sorted(replayed, key=lambda name: self.known[name][0]):
            at, outcome = self.known[device]
            self._do(rollout, rollout.handle(DeviceSettled(device=device, outcome=outcome), at))


def at_once(world: World, some: set[str], at: float) -> int:
    """How many of `some` are at work just after `at`."""
    return sum(
        start <= at and (end is None or end > at)
        for name in some for start, end in world.spans.get(name, ()) if start is not None
    )


def check_places(world: World) -> None:
    """Concurrency, limits and rate hold at every instant."""
    plan = world.scene.plan
    everyone = set(world.scene.outcomes)
    instants = sorted({span[0] for spans in world.spans.values() for span in spans})
    for at in instants:
        assert at_once(world, everyone, at) <= plan.concurrency
        for limit in plan.limits:
            for value, most in limit.most.items():
                some = {name for name, own in limit.value_of.items() if own == value}
                assert at_once(world, some, at) <= most
    if plan.rate is not None and plan.rate.growth == 1:
        for first in world.starts:
            within = [at for at in world.starts if first <= at < first + 60]
            assert len(within) <= plan.rate.per_minute


def check_order(world: World) -> None:
    """Stages, soaks, approvals, pauses and the graph, from the log alone."""
    scene, plan = world.scene, world.scene.plan
    stage_of = {name: n for n, stage in enumerate(plan.stages) for name in stage.devices}
    closed: dict[int, float] = {}
    released: set[int] = set()
    is_paused = False
    for at, told in world.log:
        match told:
            case CloseStage(index=index, passed=True):
                closed.setdefault(index, at)
                own = [known for name, known in world.known.items() if stage_of[name] == index]
                good = [when for when, outcome in own if outcome in {O.OK, O.CHANGED}]
                stage = plan.stages[index]
                if good and index not in released:
                    assert at >= max(good) + stage.soak_s
                if stage.approval and index not in released:
                    assert stage.approval.on_timeout is OnTimeout.CONTINUE
            case ReleaseStage(index=index):
                released.add(index)
            case Pause():
                is_paused = True
            case Unpause():
                is_paused = False
            case StartDevice(device=device):
                # A new engine goes on where one was paused: what began goes on too.
                assert not is_paused or scene.kills
                assert all(number in closed for number in range(stage_of[device]))
                check_upstream(world, device, at, stage_of)
            case _:
                pass


def check_upstream(world: World, device: str, at: float, stage_of: dict[str, int]) -> None:
    """All of the stage that the device waits for have settled."""
    scene = world.scene
    if scene.group_of[device] != "back":
        return
    site = scene.site_of[device]
    fronts = [
        name for name, group in scene.group_of.items()
        if group == "front" and stage_of[name] == stage_of[device]
        and (not scene.is_scoped or site is None or scene.site_of[name] == site)
    ]
    assert all(name in world.known and world.known[name][0] <= at for name in fronts)


@settings(max_examples=300, deadline=None)
@given(scene=scenes(), random=st.randoms(use_true_random=False))
def test_rules_hold_at_every_instant_across_kills(scene: Scene, random: Random) -> None:
    """Limits, rate, order, soak and approval; one outcome per device."""
    world = World(scene, random)
    rollout = world.play()
    assert set(scene.outcomes) == set(rollout.outcomes)
    given_up = Counter(
        told.device for _, told in world.log if isinstance(told, SettleDevice)
    )
    assert not scene.kills or set(given_up) <= set(scene.outcomes) - set(world.known)
    if not scene.kills:
        assert set(given_up.values()) <= {1}
        assert given_up.keys() ^ world.known.keys() == set(scene.outcomes)
        assert all(len(spans) <= 2 for spans in world.spans.values())
    check_places(world)
    check_order(world)


@settings(max_examples=100, deadline=None)
@given(scene=scenes(), seed=st.integers(0, 9))
def test_the_same_world_gives_the_same_decisions(scene: Scene, seed: int) -> None:
    """No decision depends on anything but events and their times."""
    first, second = World(scene, Random(seed)), World(scene, Random(seed))
    assert dict(first.play().outcomes) == dict(second.play().outcomes)
    assert first.log == second.log


@settings(max_examples=100, deadline=None)
@given(scene=scenes(), random=st.randoms(use_true_random=False))
def test_nothing_waits_that_could_run(scene: Scene, random: Random) -> None:
    """Without rate, wishes and kills a free place is never left to a device that fits."""
    calm = Scene(
        plan=scene.plan, site_of=scene.site_of, group_of=scene.group_of,
        is_scoped=scene.is_scoped, outcomes=dict.fromkeys(scene.outcomes, O.OK),
        duration=scene.duration, wishes=(), kills=frozenset(), parks=False,
    )
    world = World(calm, random)
    rollout = world.play()
    if not any(isinstance(told, Halt) for _, told in world.log):
        assert dict(rollout.outcomes) == calm.outcomes
