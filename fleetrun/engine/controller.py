"""Carries out a run: play by play, one rollout machine each.

The machine decides (planning.rollout); this loop only starts devices, hands
their outcomes back, and journals every transition before it is acted on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from fleetrun import __version__
from fleetrun.contracts import Journal, Lease
from fleetrun.engine.bus import Bus
from fleetrun.engine.device import StopFlag
from fleetrun.engine.factory import DeviceFactory, RunSetup
from fleetrun.engine.groups import one_error_group
from fleetrun.engine.past import Past
from fleetrun.engine.shard import Shard
from fleetrun.errors import ExitCode
from fleetrun.failpoints import passing
from fleetrun.model.events import (
    DeviceFinished,
    PlayFinished,
    PlayStarted,
    RunFinished,
    RunHalted,
    RunResumed,
    RunStarted,
    StageFinished,
    StageStarted,
)
from fleetrun.model.playbook import Play
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutPlan
from fleetrun.planning import outcomes
from fleetrun.planning.rollout import (
    CloseStage,
    DeviceSettled,
    Finish,
    Halt,
    Instruction,
    Rollout,
    SettleDevice,
    StartDevice,
    StartStage,
    StopRequested,
)

#: Seconds between renewals of the run's lease (its time to live is 10 s).
RENEW_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayPlan:
    """A play with the devices that it selects and how it rolls out."""

    play: Play
    #: Order of the inventory.
    selection: tuple[str, ...]
    rollout: RolloutPlan
    #: On resume: selected when the run began, and by nobody any more.
    gone: frozenset[str] = frozenset()


class RunController:
    """One run, from its first event to its last."""

    def __init__(
        self, setup: RunSetup, plans: Sequence[PlayPlan], journal: Journal, lease: Lease,
        bus: Bus, past: Past,
    ) -> None:
        self._setup = setup
        self._plans = plans
        self._journal = journal
        self._lease = lease
        self._bus = bus
        self._past = past
        self._stop = StopFlag()
        self._factory = DeviceFactory(setup, bus, past, self._stop)
        self._outcomes: dict[str, Outcome] = {}
        self._rollout: Rollout | None = None
        self._shard: Shard | None = None
        self._halt_reason = ""
        self._is_halted = False
        self._stop_event = asyncio.Event()

    # -- what the command line calls ------------------------------------------

    def stop(self) -> int:
        """Starts no more devices; running ones end at a safe point.

        Returns how many devices are in flight.
        """
        self._stop.is_set = True
        self._stop_event.set()
        return len(self._shard.in_flight) if self._shard else 0

    def abandon(self) -> None:
        """Leaves devices in flight at once; their outcome is unknown."""
        self.stop()
        if self._shard is not None:
            self._shard.abandon()

    async def run(self) -> RunFinished:
        """Returns the last event of the run."""
        started = self._setup.clock.monotonic()
        self._announce()
        await self._bus.barrier()
        passing("run.started")
        renewal = asyncio.create_task(self._keep_lease())
        try:
            await self._until_done(renewal)
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(renewal, return_exceptions=True)
            await self._factory.close()
        event = self._finished(self._setup.clock.monotonic() - started)
        self._bus.publish(event)
        await self._bus.barrier()
        passing("run.finished")
        return event

    # -- the run ------------------------------------------------------------------

    def _announce(self) -> None:
        now = self._bus.now()
        if self._past.is_resume:
            self._bus.publish(RunResumed(at=now, run=self._setup.run, epoch=self._lease.epoch))
            return
        self._bus.publish(
            RunStarted(
                at=now, run=self._setup.run, title=self._setup.title, devices=self._selected(),
                version=__version__, check=self._setup.options.check,
            )
        )

    def _selected(self) -> tuple[str, ...]:
        selected = {device for plan in self._plans for device in plan.selection}
        in_order = [device for device in self._setup.inventory.devices if device in selected]
        return (*in_order, *sorted(selected - set(in_order)))

    async def _until_done(self, renewal: asyncio.Task[None]) -> None:
        """Runs the plays; a lost lease ends them at once."""
        plays = asyncio.create_task(self._run_plays())
        done, _ = await asyncio.wait({plays, renewal}, return_when=asyncio.FIRST_COMPLETED)
        if plays not in done:
            plays.cancel()
            await asyncio.gather(plays, return_exceptions=True)
            await renewal
        await plays

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            await self._journal.renew_lease(self._lease)

    async def _run_plays(self) -> None:
        for plan in self._plans:
            if self._is_halted or self._stop.is_set:
                return
            alive = self._alive(plan.selection)
            if alive:
                await self._run_play(plan, alive)
            if plan.selection and not self._alive(plan.selection):
                # Nobody is left: a playbook stops here (rule 11).
                return

    def _alive(self, selection: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            device for device in selection
            if self._outcomes.get(device) not in outcomes.ENDS_RUN
        )

    async def _run_play(self, plan: PlayPlan, alive: tuple[str, ...]) -> None:
        play = plan.play
        rollout = Rollout(_only(plan.rollout, frozenset(alive)))
        self._rollout = rollout
        play_outcomes: dict[str, Outcome] = {}
        self._bus.publish(
            PlayStarted(
                at=self._bus.now(), play=play.index, name=play.name, device_count=len(alive),
                stages=tuple(stage.name for stage in plan.rollout.stages),
                waves=plan.rollout.wave_names,
            )
        )
        keep = len(alive) <= plan.rollout.concurrency and play.index + 1 < len(self._plans)

        async def run_device(device: str) -> DeviceFinished:
            if device in plan.gone:
                return _gone(self._bus.now(), play.index, device)
            try:
                return await self._factory.runner(play, device, alive).run()
            finally:
                await asyncio.shield(self._factory.release(device, keep=keep))

        async with one_error_group() as group:
            self._shard = Shard(group, play.index, run_device, self._setup.clock)
            await self._drive(play.index, rollout, self._shard, play_outcomes)
        self._shard = None
        self._bus.publish(
            PlayFinished(
                at=self._bus.now(), play=play.index,
                counts=outcomes.count(play_outcomes.values()),
            )
        )

    async def _drive(
        self, play: int, rollout: Rollout, shard: Shard, play_outcomes: dict[str, Outcome]
    ) -> None:
        """Feeds the machine until it is finished."""
        old = dict(self._past.settled.get(play, {}))
        pending = list(rollout.start())
        stop = asyncio.create_task(self._stop_event.wait())
        try:
            while True:
                pending += self._replay_settled(rollout, old, play_outcomes)
                is_finished = await self._carry_out(play, rollout, shard, pending, play_outcomes)
                if is_finished:
                    return
                pending = await self._next(rollout, shard, stop, play_outcomes)
        finally:
            stop.cancel()
            await asyncio.gather(stop, return_exceptions=True)

    def _replay_settled(
        self, rollout: Rollout, old: dict[str, DeviceFinished],
        play_outcomes: dict[str, Outcome],
    ) -> list[Instruction]:
        """On resume: outcomes that the journal has, in its order."""
        more: list[Instruction] = []
        for device, event in list(old.items()):
            if device not in rollout.in_flight:
                # Settled by the machine itself the last time; it will do so again.
                continue
            del old[device]
            self._note(event.device, event.outcome, play_outcomes)
            more += rollout.handle(_settled(event))
        if more:
            more += self._replay_settled(rollout, old, play_outcomes)
        return more

    async def _carry_out(
        self, play: int, rollout: Rollout, shard: Shard, pending: list[Instruction],
        play_outcomes: dict[str, Outcome],
    ) -> bool:
        """Does what the machine says; True when it said Finish."""
        is_finished = False
        for instruction in pending:
            match instruction:
                case StartStage():
                    self._bus.publish(
                        StageStarted(
                            at=self._bus.now(), play=play, stage=instruction.index,
                            name=instruction.name, device_count=instruction.count,
                        )
                    )
                case StartDevice():
                    if instruction.device in rollout.in_flight:
                        shard.start(instruction.device)
                case CloseStage():
                    await self._close_stage(play, instruction)
                case SettleDevice():
                    self._settle(play, instruction, play_outcomes)
                case Halt():
                    await self._halt(instruction)
                case Finish():
                    is_finished = True
        pending.clear()
        return is_finished

    async def _close_stage(self, play: int, close: CloseStage) -> None:
        """The gate's decision is durable before any device of the next stage starts."""
        self._bus.publish(
            StageFinished(
                at=self._bus.now(), play=play, stage=close.index, name=close.name,
                passed=close.passed, reason=close.reason, counts=dict(close.counts),
            )
        )
        await self._bus.barrier()
        passing("stage.closed")

    async def _halt(self, halt: Halt) -> None:
        self._halt_reason = halt.reason
        self._is_halted = halt.cause != "operator"
        self._bus.publish(RunHalted(at=self._bus.now(), reason=halt.reason, cause=halt.cause))
        await self._bus.barrier()
        passing("run.halted")

    def _settle(
        self, play: int, settle: SettleDevice, play_outcomes: dict[str, Outcome]
    ) -> None:
        """An outcome of a device that was never started."""
        self._note(settle.device, settle.outcome, play_outcomes)
        self._bus.publish(
            DeviceFinished(
                at=self._bus.now(), play=play, device=settle.device, outcome=settle.outcome,
                reason=settle.reason,
            )
        )

    async def _next(
        self, rollout: Rollout, shard: Shard, stop: asyncio.Task[bool],
        play_outcomes: dict[str, Outcome],
    ) -> list[Instruction]:
        """Waits for outcomes (or the operator) and gives them to the machine."""
        get = asyncio.create_task(shard.finished.get())
        waiting: set[asyncio.Task[Any]] = {get}
        if rollout.halt is None:
            waiting.add(stop)
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            get.cancel()
            raise
        instructions: list[Instruction] = []
        if stop.done() and rollout.halt is None:
            instructions += rollout.handle(
                StopRequested(reason="stopped by the operator", cause="operator")
            )
        if not get.done():
            get.cancel()
            await asyncio.gather(get, return_exceptions=True)
            if get.cancelled():
                return instructions
        event = get.result()
        while True:
            self._bus.publish(event)
            self._note(event.device, event.outcome, play_outcomes)
            instructions += rollout.handle(_settled(event))
            if shard.finished.empty():
                return instructions
            event = shard.finished.get_nowait()

    def _note(self, device: str, outcome: Outcome, play_outcomes: dict[str, Outcome]) -> None:
        play_outcomes[device] = outcome
        self._outcomes[device] = outcomes.combine(self._outcomes.get(device), outcome)

    def _finished(self, elapsed_s: float) -> RunFinished:
        final = {
            device: self._outcomes.get(device, Outcome.CANCELLED) for device in self._selected()
        }
        code = outcomes.exit_code(
            final, is_halted=self._is_halted, is_interrupted=self._stop.is_set
        )
        return RunFinished(
            at=self._bus.now(), run=self._setup.run, exit_code=int(code), outcomes=final,
            reason=self._halt_reason if code is not ExitCode.OK else "",
            next_commands=outcomes.next_commands(self._setup.run, code, final),
            elapsed_s=elapsed_s,
        )


def _gone(now: float, play: int, device: str) -> DeviceFinished:
    return DeviceFinished(
        at=now, play=play, device=device, outcome=Outcome.UNKNOWN,
        reason="left the inventory since the run began; put it back to settle its outcome",
        error_kind="usage/device-gone",
    )


def _settled(event: DeviceFinished) -> DeviceSettled:
    return DeviceSettled(
        device=event.device, outcome=event.outcome, reason=event.reason,
        error_kind=event.error_kind,
    )


def _only(plan: RolloutPlan, alive: frozenset[str]) -> RolloutPlan:
    """Returns the plan without the devices that former plays lost."""
    stages = tuple(
        replace(
            stage,
            waves=tuple(tuple(d for d in wave if d in alive) for wave in stage.waves),
        )
        for stage in plan.stages
    )
    return replace(plan, stages=stages)
