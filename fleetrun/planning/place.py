"""Where a task stands in the order of a play, comparable between devices. Pure.

Devices walk one tree of blocks, so a task's way down the tree is its place: two
devices at the same task have the same place, and the one whose place is less is
behind. Handlers come after the task or section whose flush runs them.
"""

from __future__ import annotations

from typing import Final

from fleetrun.model.playbook import Task
from fleetrun.model.steps import Place
from fleetrun.planning.cursor import Section, Spot
from fleetrun.planning.handlers import Notifications

#: Behind every task.
END: Final[Place] = (2**31,)

_RANK: Final = {
    Section.ROOT: 0, Section.BLOCK: 0, Section.RESCUE: 1, Section.ALWAYS: 2, Section.HANDLERS: 3,
}


def place_of(spot: Spot, handlers: Notifications) -> Place:
    """Returns the place of the node at `spot`."""
    parts = [spot.phase]
    last = len(spot.position) - 1
    for depth, frame in enumerate(spot.position):
        # A frame that was entered from has moved on to the node behind already.
        index = frame.index if depth == last else frame.index - 1
        if frame.section is Section.HANDLERS and 0 <= index < len(frame.nodes):
            index = handlers.index_of(frame.nodes[index])
        parts += (_RANK[frame.section], index)
    return tuple(parts)


def identity(task: Task) -> str:
    """Names a task among those that may stand at one place (included files)."""
    return f"{task.id}@{task.mark.file}:{task.mark.line}"
