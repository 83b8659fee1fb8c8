"""The state of one task on one device while its steps are out."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleetrun.model.module import ModuleKind, ModuleSpec
from fleetrun.model.playbook import IncludedRole, Task
from fleetrun.model.result import TaskResult
from fleetrun.model.values import Value
from fleetrun.planning.cursor import Spot
from fleetrun.planning.step_builder import Traits


@dataclass(slots=True)
class TaskRun:
    """One task, all its loop items and attempts."""

    task: Task
    spec: ModuleSpec
    spot_before: Spot
    spot_after: Spot
    key: str
    is_handler: bool = False
    items: list[Value] = field(default_factory=list)
    #: One per item; None while its end is not known.
    results: list[TaskResult | None] = field(default_factory=list)
    #: First item that is not built yet.
    next_item: int = 0
    #: seq of a step that is out -> its (item, attempt).
    waiting: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: Variables that the task sets on the controller (set_fact).
    writes: dict[str, Value] = field(default_factory=dict)
    #: Variables that include_vars loaded (level 18).
    loads: dict[str, Value] = field(default_factory=dict)
    #: Roles that it included.
    published: list[IncludedRole] = field(default_factory=list)
    #: Facts that a module of it found for the device itself.
    facts: dict[str, Value] = field(default_factory=dict)
    #: device -> what the task sets there (delegate_facts).
    variables_for: dict[str, dict[str, Value]] = field(default_factory=dict)
    facts_for: dict[str, dict[str, Value]] = field(default_factory=dict)
    #: Item -> the device that it was delegated to, itself included.
    delegates: dict[int, str] = field(default_factory=dict)
    #: This device does it for all of its batch.
    is_led: bool = False
    #: Nobody may go on before it is over on all devices.
    is_gathering: bool = False
    #: The others have been met.
    is_met: bool = False
    #: meta: reset_connection.
    resets: bool = False
    traits: Traits | None = None
    has_upload: bool = False
    #: Its loop could not be evaluated: there are no items to tell of.
    is_without_items: bool = False
    #: meta: not shown, not counted.
    is_silent: bool = False
    #: What is shown of an item where `label:` says so; by its index.
    labels: dict[int, str] = field(default_factory=dict)

    def set_items(self, items: list[Value]) -> None:
        """Sets the loop's items; no item gives an empty result at once."""
        self.items = items
        self.results = [None] * len(items)

    @property
    def known_traits(self) -> Traits:
        """The rendered keywords; only asked for once they are there."""
        if self.traits is None:
            raise RuntimeError(f"traits of {self.key} are not rendered")
        return self.traits

    def stop_after(self, index: int) -> None:
        """Ends the loop with an item; those behind it are not looked at."""
        del self.items[index + 1:], self.results[index + 1:]

    @property
    def has_more(self) -> bool:
        """True while items wait to be built."""
        return self.next_item < len(self.items)

    @property
    def is_waiting(self) -> bool:
        """True while a step of it is out."""
        return bool(self.waiting)

    @property
    def is_complete(self) -> bool:
        """True when every item has its result."""
        return not self.has_more and not self.waiting and None not in self.results

    @property
    def is_one_by_one(self) -> bool:
        """True when an item must be answered before the next is built."""
        loop = self.task.loop
        judged = self.traits is not None and self.traits.is_judged_here
        if loop is not None and (loop.control.pause_s > 0 or loop.control.break_when):
            return True
        return judged or self.has_upload

    @property
    def closes_batch(self) -> bool:
        """True when nothing may be built behind it before it is answered."""
        if self.is_gathering or (self.traits is not None and self.traits.throttle):
            return True
        if self.is_complete:
            return self.has_failed_locally
        return (
            self.has_more
            or self.is_one_by_one
            or self.spec.kind is ModuleKind.DIALOGUE
            or self.has_failed_locally
        )

    @property
    def has_failed_locally(self) -> bool:
        """True when an item's failure is known without the device."""
        return any(result is not None and result.is_failed for result in self.results)

    @property
    def ignores_errors(self) -> bool:
        """True when the playbook said to go on despite a failure."""
        if self.traits is None:
            return self.task.ignore_errors is True
        return self.traits.ignore_errors

    @property
    def is_fatal(self) -> bool:
        """True when its failure is everybody's."""
        return self.is_led or (self.traits is not None and self.traits.is_fatal)

    @property
    def no_log(self) -> bool:
        """True when results must not be shown; said or not renderable."""
        if self.traits is None:
            return self.task.no_log is not False
        return self.traits.no_log

    @property
    def item_statuses(self) -> tuple[str, ...] | None:
        """What became of each item; None for a task without a loop."""
        if self.task.loop is None:
            return None
        return tuple(result.status.value for result in self.results if result is not None)

    @property
    def item_labels(self) -> tuple[str, ...]:
        """What is shown of the items; () when no `label:` is given."""
        if not self.labels or self.no_log:
            return ()
        return tuple(self.labels.get(index, "") for index in range(len(self.items)))

    @property
    def group(self) -> int:
        """Number shared by the steps of this task's loop in a batch."""
        return self.spot_before.phase * 1_000_000 + _stable_number(self.key)

    def step_key(self, item: int, attempt: int) -> str:
        """Returns the name of one execution within (run, device)."""
        place = f"[{item}]" if self.task.loop is not None else ""
        return f"{self.key}{place}#{attempt}"

    def answered(self, seq: int) -> tuple[int, int]:
        """Takes a step off the waiting list; returns its (item, attempt)."""
        return self.waiting.pop(seq)

    def rewind(self) -> None:
        """Forgets the steps that are out: their items are built again."""
        if self.waiting:
            self.next_item = min(item for item, _ in self.waiting.values())
            for item in range(self.next_item, len(self.items)):
                self.results[item] = None
        self.waiting.clear()


def _stable_number(key: str) -> int:
    """A number for a key that is the same in every process."""
    number = 0
    for char in key:
        number = (number * 131 + ord(char)) % 999_983
    return number
