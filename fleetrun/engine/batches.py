"""The batches of a play: who meets whom, and what a resumed run owes to the past."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

from fleetrun.contracts import Clock
from fleetrun.engine.bus import Bus
from fleetrun.engine.dialogue import StoppedError
from fleetrun.engine.factory import DeviceFactory
from fleetrun.engine.hall import Hall, HallPorts
from fleetrun.engine.setup import PlayPlan
from fleetrun.model.events import AnyEvent, DeviceFinished, LeaderChosen
from fleetrun.model.result import Outcome
from fleetrun.model.steps import Place
from fleetrun.planning.gathering import Gathering
from fleetrun.planning.meeting import Meeting, Opening
from fleetrun.planning.rollout_words import (
    DeviceParked,
    DeviceReady,
)

#: Stage and wave.
_Batch: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What batches need of the play that they belong to."""

    #: Tells the rollout that a device waits, or waits for a place to run.
    waits: Callable[[DeviceParked | DeviceReady], None]
    #: A meeting decided something for the play as a whole.
    decided: Callable[[Opening], None]
    bus: Bus
    clock: Clock


class Batches:
    """One hall for each wave of each stage. Used by one play."""

    def __init__(
        self, plan: PlayPlan, factory: DeviceFactory,
        leaders: Collection[tuple[Place, str, str]], doors: Doors,
    ) -> None:
        self._play = plan.play
        self._waves = {
            (number, index): wave
            for number, stage in enumerate(plan.rollout.stages)
            for index, wave in enumerate(stage.waves)
        }
        self._batch_of = {name: batch for batch, wave in self._waves.items() for name in wave}
        self._max_fail_pct = plan.rollout.max_fail_pct
        self._rollout = plan.rollout
        self._former_waves: dict[int, frozenset[int]] = {}
        self._factory = factory
        self._leaders = leaders
        self._doors = doors
        self._halls: dict[_Batch, Hall] = {}
        self._places: dict[str, asyncio.Event] = {}
        self._rehearsals: dict[_Batch, set[asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None

    def open(self, group: asyncio.TaskGroup) -> None:
        """Gives the group in which devices whose outcome is known are taken along."""
        self._group = group

    def hall_of(self, device: str) -> Hall:
        """Returns where a device meets the others of its batch."""
        batch = self._batch_of[device]
        hall = self._halls.get(batch)
        if hall is None:
            members = self._waves[batch]
            meeting = Meeting(members, max_fail_pct=self._max_fail_pct, leaders=self._leaders)
            is_crowded = self._is_crowded(len(members))
            ports = HallPorts(
                carry_out=self._carry_out, note=self._note,
                parked=self._parked if is_crowded else _nothing,
                ready=self._ready if is_crowded else _at_once,
            )
            waits = Gathering(self._play, lockstep=False).waits
            hall = self._halls[batch] = Hall(meeting, ports, waits=waits)
        return hall

    def _is_crowded(self, count: int) -> bool:
        """True when members may wait for others that wait for their places."""
        plan = self._rollout
        return count > plan.concurrency or plan.waits_for is not None or bool(plan.limits)

    def end(self, device: str, outcome: Outcome) -> None:
        """A device takes no part any more; its outcome is in the journal."""
        self.hall_of(device).end(device, outcome)

    def stop(self) -> None:
        """Whoever waits, or comes to a barrier, ends there."""
        for hall in self._halls.values():
            hall.stop()

    def go_on(self, device: str) -> None:
        """There is a place for a device that was parked."""
        event = self._places.pop(device, None)
        if event is not None:
            event.set()

    # -- resume -----------------------------------------------------------------

    def rehearse(self, event: DeviceFinished) -> None:
        """Takes a device along whose outcome in this play is known."""
        if self._group is None:
            raise RuntimeError("the batches are not open")
        batch = self._batch_of[event.device]
        task = self._group.create_task(self._rehearse(event), name=f"rehearsal {event.device}")
        self._rehearsals.setdefault(batch, set()).add(task)

    async def _rehearse(self, event: DeviceFinished) -> None:
        hall = self.hall_of(event.device)
        try:
            await self._factory.rehearse(self._play, event.device, hall)
        except StoppedError:
            return
        hall.end(event.device, event.outcome)

    async def former_over(self, device: str) -> None:
        """Returns when the batches before this device's are all over."""
        stage, wave = self._batch_of[device]
        former = self._former(wave)
        for batch in list(self._rehearsals):
            if batch[0] < stage or (batch[0] == stage and batch[1] in former):
                await asyncio.wait(self._rehearsals.pop(batch))

    def _former(self, wave: int) -> frozenset[int]:
        """The waves of a stage that are over when this one opens."""
        waits_for = self._rollout.waits_for
        if waits_for is None:
            return frozenset(range(wave))
        if wave not in self._former_waves:
            found, pending = set[int](), [wave]
            while pending:
                fresh = set(waits_for[pending.pop()]) - found
                found |= fresh
                pending += fresh
            self._former_waves[wave] = frozenset(found)
        return self._former_waves[wave]

    # -- what halls need ----------------------------------------------------------

    def _carry_out(self, hall: Hall, opening: Opening) -> None:
        if opening.leader and len(hall.meeting.members) > 1:
            known = (opening.place, opening.task, opening.leader) in self._leaders
            if not known:
                self._doors.bus.publish(LeaderChosen(
                    at=self._doors.clock.now(), play=self._play.index, device=opening.leader,
                    task=opening.task, place=opening.place,
                ))
        self._factory.world.share(hall.meeting.members, opening.place, opening.shared)
        self._doors.decided(opening)

    def _note(self, event: AnyEvent) -> None:
        self._factory.world.note(self._doors.bus.cleaned(event))

    def _parked(self, device: str) -> None:
        self._doors.waits(DeviceParked(device=device))

    async def _ready(self, device: str) -> None:
        event = self._places[device] = asyncio.Event()
        self._doors.waits(DeviceReady(device=device))
        await event.wait()


def _nothing(device: str) -> None:
    del device


async def _at_once(device: str) -> None:
    del device
