"""What one device waits for others with, at most one thing at a time. Pure."""

from __future__ import annotations

from typing import Final

from fleetrun.model.playbook import Task
from fleetrun.model.result import TaskResult
from fleetrun.model.steps import Meet, Place
from fleetrun.planning import cursor, gathering, results
from fleetrun.planning.cursor import Failure, Spot
from fleetrun.planning.handlers import Notifications
from fleetrun.planning.place import identity, place_of
from fleetrun.planning.scope import ElsewhereError
from fleetrun.planning.task_run import TaskRun

#: Kind of the failure of a device that failed for another's failure.
OTHERS_FAILED: Final = "task/others-failed"


class Rendezvous:
    """The wait of one device: asked for, handed out, over."""

    def __init__(self, handlers: Notifications) -> None:
        self._handlers = handlers
        self._spot: Spot | None = None
        self._is_parked = False
        #: The wait that is to be handed out or was; None when there is none.
        self.meet: Meet | None = None
        #: The task that this device does for its batch.
        self.led: Spot | None = None

    def place(self, spot: Spot) -> Place:
        """Returns where the task at `spot` stands."""
        return place_of(spot, self._handlers)

    def once(self, task: Task, spot: Spot) -> None:
        """Asks who does a task for all."""
        self.meet, self._spot = gathering.once(task, self.place(spot)), spot

    def read(self, error: ElsewhereError, spot: Spot) -> bool:
        """Asks to wait for what the task at `spot` reads; False when there is none."""
        task = cursor.current(spot.position)
        if not isinstance(task, Task):
            return False
        self.meet, self._spot = gathering.read(error, identity(task), self.place(spot)), spot
        return True

    def over(self, run: TaskRun, result: TaskResult) -> None:
        """Tells how a task went, before anything follows from it."""
        if self.meet is None:
            self.meet = gathering.over(run, result, self.place(run.spot_before))
            self._spot = run.spot_before

    def hand_out(self) -> Meet:
        """Returns the wait, once. Raises RuntimeError when it was handed out before."""
        if self.meet is None or self._is_parked:
            raise RuntimeError("the program waits for others; join it first")
        self._is_parked = True
        return self.meet

    def end(self) -> tuple[Meet, Spot]:
        """Ends the wait; returns it and where it was. Raises RuntimeError without one."""
        meet, spot = self.meet, self._spot
        if meet is None or spot is None or not self._is_parked:
            raise RuntimeError("the program waits for nobody")
        self.meet, self._spot, self._is_parked = None, None, False
        return meet, spot


def failure_of_another(spot: Spot, reason: str) -> Failure:
    """Returns the failure of a device that did nothing wrong itself."""
    task = cursor.current(spot.position)
    if not isinstance(task, Task):
        raise TypeError(f"a device waits at a task, not at {task!r}")
    result = results.failed(f"{reason}, and the play says that all fail then", OTHERS_FAILED)
    return Failure(task, result, is_of_another=True)
