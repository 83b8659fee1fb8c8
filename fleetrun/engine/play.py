"""Carries out one play: starts devices as its rollout machine says.

The machine decides (planning.rollout); this loop only starts devices, hands
their outcomes back, and journals every transition before it is acted on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from fleetrun.contracts import Clock
from fleetrun.engine.announce import DURABLE, event_of
from fleetrun.engine.batches import Batches, Doors
from fleetrun.engine.bus import Bus
from fleetrun.engine.factory import DeviceFactory
from fleetrun.engine.groups import one_error_group
from fleetrun.engine.past import Past
from fleetrun.engine.setup import PlayPlan
from fleetrun.engine.shard import Shard
from fleetrun.engine.timer import Timer
from fleetrun.engine.wish_reader import event_of as wish_event
from fleetrun.failpoints import passing
from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    PlayFinished,
    PlayStarted,
    StageChecked,
)
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutPlan
from fleetrun.model.run import Wish
from fleetrun.planning import outcomes
from fleetrun.planning.meeting import Opening
from fleetrun.planning.rendezvous import OTHERS_FAILED
from fleetrun.planning.rollout import Rollout
from fleetrun.planning.rollout_words import (
    AwaitApproval,
    CheckAnswered,
    CloseStage,
    ContinueDevice,
    DeviceSettled,
    Halt,
    Instruction,
    PlayEnded,
    RolloutEvent,
    RunCheck,
    SettleDevice,
    StartDevice,
    StartSoak,
    StopRequested,
    Ticked,
    WakeAt,
)

#: Outcomes after which nothing of ours can still be open on the device.
_KNOWN_END: Final = frozenset({Outcome.OK, Outcome.CHANGED, Outcome.FAILED})
_BUG: Final = "internal/bug"
_Happened: TypeAlias = "DeviceFinished | RolloutEvent"


class PlayDriver:
    """One play, from its first stage to its last device. Used once."""

    def __init__(
        self, plan: PlayPlan, devices: tuple[str, ...], *, bus: Bus, factory: DeviceFactory,
        clock: Clock, is_last: bool, past: Past | None = None,
    ) -> None:
        """`devices` are those of the selection that still take part in the run.

        `past` is what the journal has of the run.
        """
        past, index = past or Past(), plan.play.index
        self._history = past.rollout(index)
        self._rollout = Rollout(only(plan.rollout, frozenset(devices)), self._history)
        self._plan = plan = replace(plan, rollout=self._rollout.plan)
        self._play = plan.play.index
        self._devices = devices
        self._bus = bus
        self._factory = factory
        self._clock = clock
        self._shard: Shard | None = None
        self._timer: Timer | None = None
        #: External checks; at most one that is not over.
        self._errands: list[asyncio.Task[None]] = []
        #: What happened and the machine was not told yet. Bounded by the
        #: devices in flight, and the operator's one wish to stop.
        self._inbox: asyncio.Queue[_Happened] = asyncio.Queue()
        self._batches = Batches(
            plan, factory, past.leaders.get(index, ()), Doors(
                waits=self._inbox.put_nowait, decided=self._decided, bus=bus, clock=clock,
            ),
        )
        #: On resume: what the journal has and the machine was not told yet.
        self._settled: dict[str, DeviceFinished] = {}
        #: False while a play is told again that is over.
        self._is_heard = True
        #: Connections are kept for the next play when there are not too many.
        self._keeps = len(devices) <= plan.rollout.concurrency and not is_last
        self.outcomes: dict[str, Outcome] = {}
        #: The operator's stop cut a soak, a pause or a wait for approval short.
        self.is_cut = False

    @property
    def halt(self) -> Halt | None:
        """Why nothing more starts, or None."""
        return self._rollout.halt

    @property
    def in_flight(self) -> int:
        """How many devices run now."""
        return len(self._shard.in_flight) if self._shard else 0

    def stop(self) -> None:
        """Starts no more devices."""
        self._inbox.put_nowait(StopRequested(reason="stopped by the operator", cause="operator"))
        self._batches.stop()

    def hear(self, wish: Wish) -> None:
        """Takes in what an operator at another shell wants."""
        self._inbox.put_nowait(wish_event(wish))

    def abandon(self) -> None:
        """Leaves devices in flight at once; their outcome is unknown."""
        if self._shard is not None:
            self._shard.abandon()

    async def run(self, settled: Mapping[str, DeviceFinished], *, is_over: bool) -> None:
        """Fills `outcomes`.

        On resume `settled` are the outcomes that the journal has, in its order;
        a play that `is_over` is only told to the machine, and nobody hears of it.
        """
        self._settled = dict(settled)
        self._is_heard = not is_over
        self._factory.begin(self._plan.play, self._plan.selection)
        self._publish(
            PlayStarted(
                at=self._bus.now(), play=self._play, name=self._plan.play.name,
                device_count=len(self._devices),
                stages=tuple(stage.name for stage in self._plan.rollout.stages),
                waves=self._plan.rollout.wave_names,
            )
        )
        async with one_error_group() as group:
            self._shard = Shard(
                group, self._play, run=self._run_device, release=self._release,
                finished=self._inbox.put_nowait, clock=self._clock,
            )
            self._batches.open(group)
            with Timer(group, self._clock, self._tick) as self._timer:
                await self._drive(self._shard)
            for errand in self._errands:
                errand.cancel()
        self._shard = None
        self._factory.tell_warnings()
        counts = outcomes.count(self.outcomes.values())
        self._publish(PlayFinished(at=self._bus.now(), play=self._play, counts=counts))

    # -- devices ------------------------------------------------------------------

    async def _run_device(self, device: str) -> DeviceFinished:
        if device in self._plan.gone:
            return _gone(self._clock.now(), self._play, device)
        hall = self._batches.hall_of(device)
        return await self._factory.runner(self._plan.play, device, hall).run()

    async def _release(self, event: DeviceFinished) -> None:
        if self._keeps and event.outcome not in outcomes.ENDS_RUN:
            return
        is_known = event.outcome in _KNOWN_END and event.error_kind != _BUG
        await self._factory.release(event.device, is_known=is_known)

    # -- the machine ----------------------------------------------------------------

    async def _drive(self, shard: Shard) -> None:
        began_at = self._history.began_at
        now = self._clock.now()
        await self._carry_out(shard, self._rollout.start(now if began_at is None else began_at))
        # What the journal told came with the times of then.
        self._tick()
        while not self._rollout.is_finished:
            await self._carry_out(shard, await self._next())

    async def _next(self) -> list[Instruction]:
        """Waits for what happens and tells the machine."""
        happened = await self._inbox.get()
        instructions: list[Instruction] = []
        while True:
            instructions += self._tell(happened)
            if self._inbox.empty():
                self._factory.tell_warnings()
                return instructions
            happened = self._inbox.get_nowait()

    def _tell(self, happened: _Happened) -> list[Instruction]:
        if not isinstance(happened, DeviceFinished):
            if isinstance(happened, StopRequested) and happened.cause == "operator":
                self.is_cut |= not (self._rollout.in_flight or self._rollout.is_finished)
            return self._rollout.handle(happened, self._clock.now())
        self._publish(happened)
        instructions = self._note(happened)
        # Only now that it is in the journal may others go on without it.
        self._batches.end(happened.device, happened.outcome)
        return instructions

    def _note(self, event: DeviceFinished) -> list[Instruction]:
        self.outcomes[event.device] = event.outcome
        if event.outcome in outcomes.ENDS_RUN:
            self._factory.world.lose(event.device)
        told = self._rollout.handle(
            DeviceSettled(
                device=event.device, outcome=event.outcome, reason=event.reason,
                error_kind=event.error_kind,
            ),
            event.at,
        )
        if event.error_kind == OTHERS_FAILED and self._rollout.has_more:
            told += self._rollout.handle(StopRequested(reason=event.reason, cause="play"))
        return told

    def _tick(self) -> None:
        self._inbox.put_nowait(Ticked())

    def _decided(self, opening: Opening) -> None:
        """Carries out what a meeting decided for the play as a whole."""
        if any(one.meta == "end_play" for one in opening.shared.values()) and not opening.fatal:
            self._inbox.put_nowait(PlayEnded(reason="the play was ended (meta: end_play)"))

    def _replayed(self) -> list[Instruction]:
        """Tells the machine what the journal has of devices that it wants started."""
        more: list[Instruction] = []
        while True:
            told = len(more)
            for device in list(self._settled):
                if device in self._rollout.in_flight:
                    event = self._settled.pop(device)
                    more += self._note(event)
                    self._batches.rehearse(event)
            if len(more) == told:
                return more

    async def _carry_out(self, shard: Shard, instructions: Iterable[Instruction]) -> None:
        """Does what the machine says, in order."""
        pending = deque([*instructions, *self._replayed()])
        while pending:
            match pending.popleft():
                case StartDevice(device=device):
                    # Not when the journal knew its outcome.
                    if device in self._rollout.in_flight:
                        self._is_heard = True
                        await self._batches.former_over(device)
                        shard.start(device)
                case ContinueDevice(device=device):
                    self._batches.go_on(device)
                case SettleDevice() as settle:
                    pending.extend(self._settle(settle))
                case WakeAt(at=at):
                    if self._timer is not None:
                        self._timer.set(at)
                case RunCheck() as check:
                    self._errands.append(shard.group.create_task(self._check(check)))
                case told:
                    await self._announce(told)

    async def _check(self, told: RunCheck) -> None:
        verdict, text = await self._factory.probe(told)
        self._is_heard = True
        self._publish(StageChecked(
            at=self._bus.now(), play=self._play, stage=told.index, name=told.name,
            verdict=verdict.value, text=text,
        ))
        self._inbox.put_nowait(CheckAnswered(stage=told.index, verdict=verdict, text=text))

    async def _announce(self, told: Instruction) -> None:
        """A decision is durable before anything follows that leans on it."""
        if isinstance(told, StartSoak | AwaitApproval):
            # Whatever was replayed, this is now.
            self._is_heard = True
        event = event_of(told, self._play, self._bus.now())
        if event is None or not self._is_heard:
            return
        self._bus.publish(event)
        if isinstance(told, DURABLE):
            await self._bus.barrier()
        point = {CloseStage: "stage.closed", Halt: "run.halted"}.get(type(told))
        if point:
            passing(point)

    def _settle(self, settle: SettleDevice) -> list[Instruction]:
        """An outcome of a device that was never started, by this engine at least."""
        known = self._settled.pop(settle.device, None)
        if known is not None:
            more = self._note(known)
            self._batches.rehearse(known)
            return more
        self.outcomes[settle.device] = settle.outcome
        self._publish(
            DeviceFinished(
                at=self._bus.now(), play=self._play, device=settle.device,
                outcome=settle.outcome, reason=settle.reason,
            )
        )
        self._batches.end(settle.device, settle.outcome)
        return []

    def _publish(self, event: AnyEvent) -> None:
        if self._is_heard:
            self._bus.publish(event)


def _gone(now: float, play: int, device: str) -> DeviceFinished:
    return DeviceFinished(
        at=now, play=play, device=device, outcome=Outcome.UNKNOWN,
        reason="left the inventory since the run began; put it back to settle its outcome",
        error_kind="usage/device-gone",
    )


def only(plan: RolloutPlan, alive: frozenset[str]) -> RolloutPlan:
    """Returns the plan for those devices that former plays did not lose."""
    stages = tuple(
        replace(
            stage,
            waves=tuple(tuple(d for d in wave if d in alive) for wave in stage.waves),
        )
        for stage in plan.stages
    )
    return replace(plan, stages=stages)
