"""Groups what devices report by task, in the order of the playbook. Pure.

Devices flow freely: one is at its tenth task while another is at its second.
Whoever reads Ansible's output expects a task's header once, with all devices
below it. So lines are held until every device of the batch has come to the task
or has ended. What is held is bounded: beyond `hold_lines` everything is shown
in the playbook's order, and a header may then stand there a second time.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

#: Place of a task in its play; sorts in the playbook's order.
Place: TypeAlias = tuple[tuple[int, int], ...]

#: Lines that are held before they are shown out of turn.
HOLD_LINES: Final = 20_000

_WORDS: Final = {
    "facts": -1, "pre_tasks": 0, "roles": 1, "tasks": 2, "post_tasks": 3,
    "block": 4, "rescue": 5, "always": 6, "handlers": 9,
}
_TOKEN: Final = re.compile(r"\d+|[a-z_]+")
_END: Final[Place] = ((9, 0),)


def place_of(task: str) -> Place:
    """Returns the place of a task from its id, ``0.tasks.3.rescue.0``."""
    return tuple(
        (1, int(token)) if token.isdigit() else (0, _WORDS.get(token, 7))
        for token in _TOKEN.findall(task)
    )


@dataclass(slots=True)
class Group:
    """What is to be shown of one task."""

    header: str
    lines: list[str] = field(default_factory=list)
    #: Text -> devices: one line for all of them, once all have said it.
    shared: dict[str, list[str]] = field(default_factory=dict)

    def take_shared(self) -> list[str]:
        """Returns the shared lines, the devices filled in, and forgets them."""
        lines = [text % ", ".join(sorted(devices)) for text, devices in self.shared.items()]
        self.shared.clear()
        return lines


#: A header to show, or None to go on below the last one; and lines.
Shown: TypeAlias = tuple["str | None", list[str]]


class TaskOrder:
    """Holds the lines of one batch of devices. A new one for each batch."""

    def __init__(self, device_count: int, *, hold_lines: int = HOLD_LINES) -> None:
        self._missing = device_count
        self._hold_lines = hold_lines
        self._held: dict[Place, Group] = {}
        self._held_lines = 0
        self._open: Place | None = None
        self._group = Group("")
        #: device -> (place, 1 when it is past it, 0 when it is at it).
        self._at: dict[str, tuple[Place, int]] = {}
        #: The same, the least first; entries that are no longer true are skipped.
        self._least: list[tuple[Place, int, str]] = []
        #: device -> place of its last task that is no handler.
        self._last: dict[str, Place] = {}

    def is_at(self, device: str) -> Place | None:
        """Returns the place of the task that a device is about to do, None if not known."""
        place, past = self._at.get(device, ((), 1))
        return None if past else place

    def place(self, device: str, task: str) -> Place:
        """Returns the place of a task; handlers come after the device's last task."""
        place = place_of(task)
        if "handlers" in task.split("."):
            return (*self._last.get(device, ()), (2, 0), *place)
        self._last[device] = place
        return place

    def arrives(self, device: str, place: Place, header: str) -> Iterator[Shown]:
        """A device is about to do a task."""
        if place != self._open:
            self._held.setdefault(place, Group(header))
        self._move(device, place, 0)
        return self._show()

    def reports(
        self, device: str, place: Place, header: str, lines: list[str], *, is_over: bool = True
    ) -> Iterator[Shown]:
        """A device says something of a task, and is past it when `is_over`."""
        if place == self._open:
            yield None, lines
        else:
            self._held.setdefault(place, Group(header)).lines += lines
            self._held_lines += len(lines)
        self._move(device, place, int(is_over))
        yield from self._show()

    def shares(
        self, device: str, place: Place, header: str, texts: list[str]
    ) -> Iterator[Shown]:
        """As `reports`; a text holds one %s for the devices that say the same."""
        group = self._group
        if place != self._open:
            group = self._held.setdefault(place, Group(header))
        for text in texts:
            group.shared.setdefault(text, []).append(device)
        yield from self.reports(device, place, header, [])

    def ends(self, device: str) -> Iterator[Shown]:
        """A device does nothing more in this batch."""
        self._move(device, _END, 1)
        yield from self._show()

    def rest(self) -> Iterator[Shown]:
        """Everything that is held, in order."""
        yield None, self._group.take_shared()
        for place in sorted(self._held):
            group = self._held[place]
            if group.lines or group.shared:
                yield group.header, [*group.lines, *group.take_shared()]
        self._held.clear()
        self._held_lines = 0
        self._open, self._group = None, Group("")

    def _move(self, device: str, place: Place, past: int) -> None:
        if device not in self._at:
            self._missing -= 1
        self._at[device] = (place, past)
        heapq.heappush(self._least, (place, past, device))

    def _show(self) -> Iterator[Shown]:
        """Shows the tasks that nobody can come before any more."""
        if self._held_lines > self._hold_lines:
            yield from self.rest()
            return
        if self._missing > 0:
            return
        while self._least and self._at[self._least[0][2]] != self._least[0][:2]:
            heapq.heappop(self._least)
        least = self._least[0][:2]
        while True:
            if self._open is not None and self._group.shared and least >= (self._open, 1):
                yield None, self._group.take_shared()
            if not self._held or (place := min(self._held)) > least[0]:
                return
            group = self._held.pop(place)
            self._held_lines -= len(group.lines)
            self._open, self._group = place, group
            yield group.header, group.lines
