"""Whole runs over scripted devices: real engine, real program, fake ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fleetrun.actions.registry import dialogues
from fleetrun.contracts import Dialogue, Lease, Reporter
from fleetrun.engine.bus import Bus
from fleetrun.engine.controller import RunController
from fleetrun.engine.past import Past, read_past
from fleetrun.engine.setup import PlayPlan, RunSetup
from fleetrun.engine.wishes import Wishes
from fleetrun.model.events import AnyEvent, DeviceFinished, Event, RunFinished
from fleetrun.model.inventory import Device, Group, Inventory, VarLayers
from fleetrun.model.playbook import Play
from fleetrun.model.redact import Redactor
from fleetrun.model.rollout import RolloutSpec, Size, SizeUnit, StageSpec
from fleetrun.model.run import Invocation, RunState
from fleetrun.planning.planner import make_plan
from fleetrun.planning.toolbox import ProgramOptions, Toolbox
from fleetrun.planning.variables import BaseVars
from fleetrun.testing.devices import Answer, Call, FakeDevice, FakeTransport
from fleetrun.testing.fakes import FakeClock, MemoryJournal, MemoryStore
from tests.support.programs import toolbox

RUN = "run-1"
LIB = ": # the runtime; scripted devices need none"
FAILS = Answer(status=1, values={"changed": False, "msg": "no"})


class NoSecrets:
    """contracts.SecretSource of an operator who typed one password, or none."""

    def __init__(self, password: str | None = None) -> None:
        self.password = password

    def become_password(self, device: str) -> str | None:
        return self.password


def by_name(answers: Mapping[str, Answer]) -> Callable[[Call], Answer]:
    """Answers by a command's first word or the module's name; changed for the others."""
    return lambda call: answers.get(call.name, Answer())


def inventory(names: Sequence[str], variables: Mapping[str, Mapping[str, Any]]) -> Inventory:
    """Devices in no group."""
    return Inventory(
        devices={
            name: Device(name=name, layers=VarLayers(source=variables.get(name, {})))
            for name in names
        },
        groups={"all": Group(name="all", depth=0), "ungrouped": Group(name="ungrouped")},
    )


def stages(*sizes: int, **gate: Any) -> RolloutSpec:
    """A rollout with stages of these cumulative sizes."""
    return RolloutSpec(stages=tuple(
        StageSpec(name=f"stage {number}", size=Size(value=size, unit=SizeUnit.COUNT), **gate)
        for number, size in enumerate(sizes)
    ))


@dataclass
class World:
    """Devices, a journal and the plays of one run; `run` and `resume` drive it."""

    plays: Sequence[Play]
    names: Sequence[str] = ("d1",)
    answer: Callable[[Call], Answer] | None = None
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    forks: int = 50
    password: str | None = None
    reporters: Sequence[Reporter] = ()
    hosts: Callable[[Play, str], bool] = lambda play, name: True
    tools: Toolbox = field(default_factory=toolbox)
    options: ProgramOptions = field(default_factory=ProgramOptions)
    dialogues: Mapping[str, Dialogue] = field(default_factory=lambda: dialogues("/nowhere"))
    warnings: tuple[str, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)
    on_controller: Callable[[RunController], None] = lambda controller: None

    def __post_init__(self) -> None:
        self.trace: list[str] = []
        self.store = MemoryStore()
        self.devices = {
            name: FakeDevice(name, self.answer, trace=self.trace) for name in self.names
        }
        self.transport = FakeTransport(self.devices.values())
        self.clock = FakeClock()
        self.plays = tuple(replace(play, index=i) for i, play in enumerate(self.plays))
        self.journal = self._journal()
        self.controller: RunController | None = None

    @property
    def device(self) -> FakeDevice:
        """The first device."""
        return next(iter(self.devices.values()))

    @property
    def events(self) -> list[AnyEvent]:
        """What the journal has."""
        return self.store.runs[RUN].events

    def of(self, kind: type[Event]) -> list[Any]:
        """The journal's events of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    def finished(self, device: str = "d1", play: int = 0) -> DeviceFinished:
        """A device's last outcome in a play."""
        return [
            event for event in self.of(DeviceFinished)
            if (event.device, event.play) == (device, play)
        ][-1]

    @property
    def ran(self) -> dict[str, list[str]]:
        """What ran on each device."""
        return {name: device.ran for name, device in self.devices.items()}

    async def run(self) -> RunFinished:
        """Runs everything; as an app would, the run is closed at the end."""
        lease = await self.journal.create_run(RUN, "title", self.invocation, {})
        return await self._execute(lease, Past())

    async def resume(self) -> RunFinished:
        """Goes on as another engine after this one died."""
        self.store.crash()
        self.clock = FakeClock(self.clock.now() + 60)
        self.journal = self._journal()
        lease = await self.journal.take_lease(RUN)
        return await self._execute(lease, await read_past(self.journal.events(RUN)))

    @property
    def invocation(self) -> Invocation:
        return Invocation(playbook="play.yml", forks=self.forks)

    def _journal(self) -> MemoryJournal:
        return MemoryJournal(self.store, trace=self.trace)

    async def _execute(self, lease: Lease, past: Past) -> RunFinished:
        bus = Bus(self.journal, lease, self.reporters, Redactor(()), self.clock)
        async with bus:
            setup = self.setup()
            self.controller = RunController(setup, self.journal, lease, bus, past)
            self.on_controller(self.controller)
            event = await self.controller.run()
        await self.journal.finish_run(lease, RunState.FINISHED, event.exit_code)
        return event

    def setup(self) -> RunSetup:
        """What the controller is made of."""
        found = inventory(self.names, self.variables)
        return RunSetup(
            wishes=self.wishes,
            run=RUN, title="title", invocation=self.invocation, inventory=found,
            plans=tuple(self._plan(play, found) for play in self.plays), playbook_dir="/play",
            toolbox=self.tools, options=self.options, base_vars=BaseVars(found), lib=LIB,
            transports={"ssh": self.transport}, dialogues=self.dialogues,
            secrets=NoSecrets(self.password), clock=self.clock, warnings=self.warnings,
        )

    def _plan(self, play: Play, found: Inventory) -> PlayPlan:
        selection = tuple(name for name in self.names if self.hosts(play, name))
        rollout = make_plan(
            play, found, selection, forks=self.forks, seed="seed", group_edges=()
        )
        return PlayPlan(play=play, selection=selection, rollout=rollout)
