"""A batch's meeting with devices that really wait: parks them and lets them go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fleetrun.engine.dialogue import StoppedError
from fleetrun.model.events import AnyEvent
from fleetrun.model.result import Outcome
from fleetrun.model.steps import Meet, Place, Verdict
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.meeting import Meeting, Opening, alone

#: Outcomes of devices that a batch has lost.
_LOST = frozenset({Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class HallPorts:
    """What a hall needs of the play that it belongs to."""

    #: Carries out what was decided, before anybody goes on.
    carry_out: Callable[[Hall, Opening], None]
    #: A device waits and needs no place among those that run.
    parked: Callable[[str], None]
    #: Told of every task that is over.
    note: Callable[[AnyEvent], None]
    #: Returns when the device may run again.
    ready: Callable[[str], Awaitable[None]]


class Hall:
    """The devices of one batch. Everything happens in the event loop's thread."""

    def __init__(self, meeting: Meeting, ports: HallPorts, *, waits: bool) -> None:
        """`waits` is False where the play's strategy lets nobody wait."""
        self.meeting = meeting
        self.waits = waits
        self._ports = ports
        self._futures: dict[str, asyncio.Future[Verdict]] = {}
        #: device -> where it stood when it ended, and its task if that is fatal.
        self._last: dict[str, tuple[Place, str]] = {}
        #: device -> where it left the play by itself.
        self._left: dict[str, Place] = {}
        self._is_stopped = False

    async def meet(self, device: str, meet: Meet, *, is_ghost: bool = False) -> Verdict:
        """Returns how the device goes on; raises StoppedError when it shall not."""
        if self._is_stopped:
            raise StoppedError
        if not self.waits:
            self._ports.carry_out(self, Opening(
                place=meet.place, task=meet.task, verdicts={}, shared={device: meet.shared},
            ))
            return alone(meet)
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._futures[device] = future
        self.meeting.arrive(device, meet)
        self._open()
        if future.done() or is_ghost:
            return await future
        self._ports.parked(device)
        verdict = await future
        await self._ports.ready(device)
        return verdict

    def start(self, device: str, reached: Callable[[], Place]) -> None:
        """A device runs; see `Meeting.start`."""
        self.meeting.start(device, reached)

    def moved(self, event: AnyEvent) -> None:
        """A device has finished a task: somebody may wait for just that."""
        self._ports.note(event)
        if self.meeting.has_readers:
            self._open()

    def leaving(self, device: str, program: DeviceProgram) -> None:
        """Notes where a device stands that is about to end."""
        self._last[device] = (program.lost_at, program.is_fatal_now)
        if program.left_at:
            self._left[device] = program.left_at

    def end(self, device: str, outcome: Outcome) -> None:
        """A device takes no part any more; called once that is in the journal."""
        place, fatal = self._last.pop(device, ((), ""))
        self.meeting.end(
            device, lost_at=place if outcome in _LOST else None,
            fatal_task=fatal if outcome in _LOST else "", left_at=self._left.pop(device, None),
        )
        self._open()

    def stop(self) -> None:
        """Nobody goes on: those that wait end where they are."""
        self._is_stopped = True
        for future in self._futures.values():
            if not future.done():
                future.set_exception(StoppedError())

    def _open(self) -> None:
        while not self._is_stopped and (openings := self.meeting.openings()):
            for opening in openings:
                self._ports.carry_out(self, opening)
                for device, verdict in opening.verdicts.items():
                    future = self._futures.pop(device)
                    if not future.done():
                        future.set_result(verdict)
