"""What the journal says of a run so far: the input of resume."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fleetrun.engine.device import History
from fleetrun.model.events import (
    AnyEvent,
    DeviceConnected,
    DeviceFinished,
    PlayFinished,
    RunFinished,
    RunStarted,
    StepAnswered,
    TasksIntended,
)
from fleetrun.model.result import Outcome

#: Outcomes that resume opens again.
REOPENED = frozenset({Outcome.UNKNOWN, Outcome.CANCELLED})


@dataclass(slots=True)
class Past:
    """Everything of a run's journal that decides how it goes on."""

    is_resume: bool = False
    started: RunStarted | None = None
    finished: RunFinished | None = None
    #: (play, device) -> what was intended and answered.
    histories: dict[tuple[int, str], History] = field(default_factory=dict)
    #: play -> final outcomes in the order in which they came.
    settled: dict[int, dict[str, DeviceFinished]] = field(default_factory=dict)
    finished_plays: set[int] = field(default_factory=set)
    #: play -> devices that had any outcome in it.
    members: dict[int, set[str]] = field(default_factory=dict)

    def history(self, play: int, device: str) -> History:
        """Returns what is known of a device in a play; empty when nothing is."""
        return self.histories.setdefault((play, device), History())

    def may_have_run(self, play: int, device: str) -> bool:
        """True unless the play is over and the device had no part in it."""
        return play not in self.finished_plays or device in self.members.get(play, ())

    def take(self, event: AnyEvent) -> None:
        """Adds one event, in journal order."""
        match event:
            case RunStarted():
                self.started = event
            case TasksIntended():
                history = self.history(event.play, event.device)
                history.intended.update(event.keys)
                history.boot_id = self._boot_ids.get(event.device, "")
                history.intended_at = event.at
            case StepAnswered():
                self.history(event.play, event.device).answers[event.key] = event.result
            case DeviceConnected():
                self._connected(event)
            case DeviceFinished():
                self.members.setdefault(event.play, set()).add(event.device)
                if event.outcome not in REOPENED:
                    self.settled.setdefault(event.play, {})[event.device] = event
            case PlayFinished():
                self.finished_plays.add(event.play)
            case RunFinished():
                self.finished = event
            case _:
                pass

    _boot_ids: dict[str, str] = field(default_factory=dict)

    def _connected(self, event: DeviceConnected) -> None:
        """A session after the intent: its boot_id is the one the steps ran under."""
        first = event.device not in self._boot_ids
        self._boot_ids[event.device] = event.boot_id
        if first:
            for (_, device), history in self.histories.items():
                if device == event.device and not history.boot_id:
                    history.boot_id = event.boot_id


async def read_past(events: AsyncIterator[AnyEvent]) -> Past:
    """Returns what the journal says of a run."""
    past = Past(is_resume=True)
    async for event in events:
        past.take(event)
    return past
