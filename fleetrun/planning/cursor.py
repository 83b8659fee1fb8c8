"""Where a device stands in its play: immutable positions in the block tree.

A position is a stack of frames. Moving gives a new position and costs nothing
to keep, so the program may look ahead and come back to where a task stood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeAlias

from fleetrun.model.playbook import Block, Node, Task
from fleetrun.model.result import TaskResult
from fleetrun.model.role import Role


class Section(Enum):
    """Which part of the tree a frame walks through."""

    ROOT = auto()
    BLOCK = auto()
    RESCUE = auto()
    ALWAYS = auto()
    HANDLERS = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """The task that failed, for ``rescue:`` and for the final reason."""

    task: Task
    result: TaskResult
    #: True when no sink may show why.
    no_log: bool = False
    #: Another device failed, and the play says that all do.
    is_of_another: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One level of the walk: `nodes[index]` is next."""

    section: Section
    nodes: tuple[Node, ...]
    index: int = 0
    block: Block | None = None
    #: In RESCUE: what is being rescued; in ALWAYS: what goes on failing after.
    failure: Failure | None = None


Position: TypeAlias = tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the play: its section, whether its handlers run, the walk."""

    #: 0 pre_tasks, 1 tasks, 2 post_tasks, 3 behind the end.
    phase: int
    is_flushing: bool
    position: Position


def root(nodes: tuple[Node, ...]) -> Position:
    """Returns the start of a section of a play."""
    return (Frame(Section.ROOT, nodes),)


def current(position: Position) -> Node | None:
    """Returns the node at a position, None at the end of the innermost frame."""
    frame = position[-1]
    return frame.nodes[frame.index] if frame.index < len(frame.nodes) else None


def advance(position: Position) -> Position:
    """Returns the position behind the current node."""
    frame = position[-1]
    return (*position[:-1], replace(frame, index=frame.index + 1))


def enter(position: Position, block: Block) -> Position:
    """Returns the first position inside `block`, the current node."""
    return (*advance(position), Frame(Section.BLOCK, block.block, block=block))


def enter_nodes(position: Position, nodes: tuple[Node, ...], section: Section) -> Position:
    """Returns the first position in `nodes`, to be walked before going on."""
    return (*position, Frame(section, nodes))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a walk came to rest."""

    position: Position
    #: The task there; None at the end of the outermost frame or of handlers.
    task: Task | None
    #: Set when the walk ended because of a failure nobody rescued.
    failure: Failure | None = None


def walk(position: Position) -> Arrival:
    """Goes down into blocks and out of finished frames to the next task."""
    while position:
        node = current(position)
        if isinstance(node, Task):
            return Arrival(position, node)
        if isinstance(node, Block):
            position = enter(position, node)
            continue
        frame = position[-1]
        if len(position) == 1 or frame.section is Section.HANDLERS:
            return Arrival(position, None)
        if frame.section in {Section.BLOCK, Section.RESCUE} and frame.block and frame.block.always:
            position = (*position[:-1], _always(frame.block, None))
        elif frame.section is Section.ALWAYS and frame.failure is not None:
            return fail(position[:-1], frame.failure)
        else:
            position = position[:-1]
    return Arrival((), None)


def end_of_role(position: Position, role: Role) -> Position:
    """Returns the place of the task that ends `role`, from within it."""
    while True:
        arrival = walk(position)
        task = arrival.task
        if task is None:
            return position
        if task.is_implicit and task.role is role:
            return arrival.position
        position = advance(arrival.position)


def fail(position: Position, failure: Failure) -> Arrival:
    """Unwinds from a failed task to the nearest rescue or always."""
    while position:
        frame = position[-1]
        block = frame.block
        if block is not None and frame.section is Section.BLOCK and block.rescue:
            rescue = Frame(Section.RESCUE, block.rescue, block=block, failure=failure)
            return walk((*position[:-1], rescue))
        if (
            block is not None
            and frame.section in {Section.BLOCK, Section.RESCUE}
            and block.always
        ):
            return walk((*position[:-1], _always(block, failure)))
        position = position[:-1]
    return Arrival((), None, failure)


def is_rescued(position: Position) -> bool:
    """True when a failure at `position` would enter a ``rescue:``."""
    return any(
        frame.section is Section.BLOCK and frame.block is not None and bool(frame.block.rescue)
        for frame in position
    )


def _always(block: Block, failure: Failure | None) -> Frame:
    return Frame(Section.ALWAYS, block.always, block=block, failure=failure)
