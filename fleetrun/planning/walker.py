"""One device's walk through the sections of its play, and its handlers."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from fleetrun.model.playbook import Play, Task
from fleetrun.planning import cursor, handlers
from fleetrun.planning.cursor import Failure, Section, Spot
from fleetrun.planning.task_run import TaskRun


class BarrierError(Exception):
    """Nothing more can be built until an answer comes."""


class BlockFailedError(Exception):
    """An ``always`` section ended, and the failure of its block goes on."""

    def __init__(self, spot: Spot, failure: Failure) -> None:
        super().__init__(failure.task.name)
        self.spot = spot
        self.failure = failure


class Walker:
    """Where the device stands; positions are values, so one can go back."""

    def __init__(self, play: Play, flight: deque[TaskRun]) -> None:
        self._phases = (play.pre_tasks, play.tasks, play.post_tasks)
        self._flight = flight
        self.handlers = handlers.Notifications(play.handlers)
        #: Roles that ran to their end, by key (rule 36).
        self.completed_roles: set[str] = set()
        self.spot = Spot(0, False, cursor.root(self._phases[0]))

    @property
    def end(self) -> Spot:
        """The place behind the last section."""
        return Spot(len(self._phases), True, cursor.root(()))

    def arrive(self, spot: Spot) -> Spot | None:
        """Walks to the next task, through handlers and sections; None = end.

        Raises BarrierError when answers must come first, BlockFailedError when
        a block's failure goes on behind its `always`.
        """
        while True:
            if spot.position[-1].section is Section.HANDLERS and not cursor.current(spot.position):
                spot = self._next_handler(spot)
                continue
            arrival = cursor.walk(spot.position)
            if arrival.failure is not None:
                return self._failed(spot, arrival.failure)
            if arrival.task is not None:
                return replace(spot, position=arrival.position)
            if arrival.position and arrival.position[-1].section is Section.HANDLERS:
                spot = replace(spot, position=arrival.position)
            elif not spot.is_flushing:
                spot = self.flush(replace(spot, is_flushing=True, position=arrival.position))
            elif spot.phase + 1 < len(self._phases):
                phase = spot.phase + 1
                spot = Spot(phase, False, cursor.root(self._phases[phase]))
            else:
                self.spot = spot
                return None

    def _failed(self, spot: Spot, failure: Failure) -> Spot:
        if self._flight:
            raise BarrierError
        raise BlockFailedError(spot, failure)

    def skip(self, spot: Spot) -> None:
        """Goes past the task at `spot`: another device did it for all."""
        task = cursor.current(spot.position)
        if isinstance(task, Task):
            self.handlers.clear(task)
        self.spot = replace(spot, position=cursor.advance(spot.position))

    def flush(self, spot: Spot) -> Spot:
        """Returns the place where the notified handlers run, then goes on at `spot`."""
        return replace(spot, position=cursor.enter_nodes(spot.position, (), Section.HANDLERS))

    def _next_handler(self, spot: Spot) -> Spot:
        """Adds the next notified handler to the frame, or leaves the frame."""
        if any(run.task.notify for run in self._flight):
            raise BarrierError
        frame = spot.position[-1]
        if not frame.nodes and any(run.is_handler for run in self._flight):
            # Those of the flush before still count as notified until they end.
            raise BarrierError
        after = self.handlers.index_of(frame.nodes[-1]) if frame.nodes else -1
        handler = self.handlers.next_after(after)
        if handler is None:
            return replace(spot, position=spot.position[:-1])
        grown = replace(frame, nodes=(*frame.nodes, handler))
        return replace(spot, position=(*spot.position[:-1], grown))
