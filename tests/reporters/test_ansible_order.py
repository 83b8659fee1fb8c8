"""Lines of devices that flow freely, grouped by task."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from fleetrun.reporters.ansible_order import Shown, TaskOrder, place_of


def flat(shown: Iterable[Shown]) -> list[str]:
    return [line for header, lines in shown for line in ([header] if header else []) + lines]


def test_places_sort_as_the_playbook_reads() -> None:
    """Facts, sections, blocks with rescue and always; numbers, not text."""
    ids = [
        "0.facts", "0.pre_tasks.0", "0.tasks.0", "0.tasks.2.block.0", "0.tasks.2.rescue.0",
        "0.tasks.2.always.1", "0.tasks.10", "0.tasks.10/0", "0.post_tasks.0",
    ]
    shuffled = random.Random(1).sample(ids, len(ids))
    assert ids == sorted(shuffled, key=place_of)


def test_a_header_stands_above_all_devices_of_its_task() -> None:
    """A device that is ahead waits in memory until the others came as far."""
    order = TaskOrder(2)
    said = []
    for device, task in [("a", 0), ("a", 1), ("b", 0), ("b", 1)]:
        place = order.place(device, f"0.tasks.{task}")
        said += flat(order.reports(device, place, f"T{task}", [f"{device}{task}"]))
    assert said == ["T0", "a0", "b0", "T1", "a1", "b1"]


def test_a_header_is_shown_before_the_first_answer() -> None:
    """When all devices are at a task, its header tells that it runs."""
    order = TaskOrder(2)
    place = place_of("0.tasks.0")
    said = flat(order.arrives("a", place, "T0"))
    assert said == []
    assert flat(order.arrives("b", place, "T0")) == ["T0"]


def test_a_device_that_ended_holds_up_nobody() -> None:
    """Its end counts as having come past every task."""
    order = TaskOrder(2)
    place = order.place("a", "0.tasks.0")
    assert flat(order.reports("a", place, "T0", ["a0"])) == []
    assert flat(order.ends("b")) == ["T0", "a0"]


def test_handlers_come_after_the_last_task_of_the_device() -> None:
    """Handlers of a section stand between its tasks and those of the next one."""
    order = TaskOrder(1)
    said = []
    for task in ("0.pre_tasks.0", "0.handlers.0", "0.tasks.0", "0.handlers.0"):
        said += flat(order.reports("a", order.place("a", task), task, [f"- {task}"]))
    assert said[::2] == ["0.pre_tasks.0", "0.handlers.0", "0.tasks.0", "0.handlers.0"]


def test_a_shared_line_names_all_its_devices_once() -> None:
    """`included:` waits for the last device of the task."""
    order = TaskOrder(2)
    said = []
    for device in ("b", "a"):
        place = order.place(device, "0.tasks.0")
        said += flat(order.shares(device, place, "T0", ["included for %s"]))
    assert said == ["T0", "included for a, b"]


def test_what_is_held_is_bounded() -> None:
    """Beyond the bound lines are shown, and the header comes once more."""
    order = TaskOrder(2, hold_lines=2)
    said = []
    for task in range(3):
        place = order.place("a", f"0.tasks.{task}")
        said += flat(order.reports("a", place, f"T{task}", [f"a{task}"]))
    said += flat(order.reports("b", order.place("b", "0.tasks.0"), "T0", ["b0"]))
    said += flat(order.rest())
    assert said == ["T0", "a0", "T1", "a1", "T2", "a2", "T0", "b0"]


@given(
    st.integers(1, 5), st.lists(st.booleans(), min_size=1, max_size=6), st.randoms(),
)
def test_every_line_comes_once_below_its_one_header(
    devices: int, skips: list[bool], chance: random.Random
) -> None:
    """Whatever the interleaving: each header once, in order, all lines below it."""
    order = TaskOrder(devices)
    todo = {
        f"d{n}": [t for t, skip in enumerate(skips) if not (skip and chance.random() < 0.5)]
        for n in range(devices)
    }
    wanted = {(device, task) for device, tasks in todo.items() for task in tasks}
    said: list[str] = []
    while todo:
        device = chance.choice(sorted(todo))
        if not todo[device]:
            del todo[device]
            said += flat(order.ends(device))
            continue
        task = todo[device].pop(0)
        place = order.place(device, f"0.tasks.{task}")
        if chance.random() < 0.5:
            said += flat(order.arrives(device, place, f"T{task}"))
        said += flat(order.reports(device, place, f"T{task}", [f"{device} T{task}"]))
    said += flat(order.rest())
    headers = [line for line in said if line.startswith("T")]
    under, seen = "", set()
    for line in said:
        if line.startswith("T"):
            under = line
        else:
            device, task_name = line.split()
            assert task_name == under
            seen.add((device, int(task_name[1:])))
    assert wanted == seen
    assert headers == sorted({header for header, _ in groupby(headers)}, key=lambda h: int(h[1:]))
