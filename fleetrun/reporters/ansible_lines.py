"""Results of tasks in the form of Ansible's default callback. Pure.

Source: the output of ansible-core 2.19.14, compared line by line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fleetrun.model.events import TaskFinished
from fleetrun.model.result import TaskStatus
from fleetrun.model.values import Value
from fleetrun.reporters.ansible_paint import Paint
from fleetrun.reporters.escape import escape, escape_line

#: Modules whose result is always shown whole.
_VERBOSE: Final = frozenset({"debug", "assert"})
#: Kept out of what is shown: said by the line itself.
_NEVER: Final = frozenset({"failed", "skipped", "results", "exception"})
_DEBUG_NEVER: Final = frozenset({
    "changed", "item", "ansible_loop_var", "ansible_index_var", "ansible_loop", "skip_reason",
})
CENSORED_ITEM: Final = "(censored due to no_log)"
_COLOURS: Final = {
    "ok": "ok", "changed": "changed", "skipped": "skip", "failed": "error", "unknown": "error",
    "unreachable": "unreachable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is shown of a task, or of one item of its loop."""

    status: str
    values: Mapping[str, Value]
    #: As shown: "x", "{'a': 1}"; None for a task without a loop.
    label: str | None = None


def items_of(event: TaskFinished) -> tuple[Item, ...]:
    """Returns the items of a task's loop; () for a task without one."""
    if event.item_statuses is None:
        return ()
    results = event.result.values.get("results")
    results = results if isinstance(results, Sequence) and not isinstance(results, str) else ()
    found = []
    for index, status in enumerate(event.item_statuses):
        values = results[index] if index < len(results) else event.result.values
        values = values if isinstance(values, Mapping) else {}
        found.append(Item(status=status, values=values, label=_label(event, index, values)))
    return tuple(found)


def _label(event: TaskFinished, index: int, values: Mapping[str, Value]) -> str:
    if event.no_log:
        return CENSORED_ITEM
    if index < len(event.item_labels):
        return escape_line(event.item_labels[index])
    return escape_line(str(values.get(str(values.get("ansible_loop_var", "item")))))


def who(event: TaskFinished) -> str:
    """Returns the device as Ansible names it: "a", or "a -> b" for a delegated task."""
    if event.delegated_to:
        return f"{escape_line(event.device)} -> {escape_line(event.delegated_to)}"
    return escape_line(event.device)


def result_lines(event: TaskFinished, item: Item, paint: Paint, verbosity: int) -> list[str]:
    """Returns the lines of a task or an item: "ok: [gw-1]" and what belongs to it."""
    host, label = who(event), item.label
    colour = _COLOURS[item.status]
    if item.status in {TaskStatus.FAILED, TaskStatus.UNKNOWN}:
        start = f"fatal: [{host}]: FAILED! => " if label is None else (
            f"failed: [{host}] (item={label}) => "
        )
        text = start + dump(item.values, event.module, verbosity)
        return paint.lines(text, colour)
    if item.status == TaskStatus.UNREACHABLE and event.result.ignored and label is None:
        text = f"fatal: [{host}]: UNREACHABLE! => {dump(item.values, event.module, verbosity)}"
        return paint.lines(text, colour)
    word = "skipping" if item.status == TaskStatus.SKIPPED else item.status
    text = f"{word}: [{host}]"
    if label is not None:
        text += f" => (item={label})"
        text += " " if item.status == TaskStatus.SKIPPED else ""
    if _is_told(event, item, verbosity):
        text += f" => {dump(item.values, event.module, verbosity)}"
    return paint.lines(text, colour)


def _is_told(event: TaskFinished, item: Item, verbosity: int) -> bool:
    if event.task.endswith(".facts"):
        return False
    return verbosity > 0 or (event.module in _VERBOSE and item.status != TaskStatus.SKIPPED)


def dump(
    values: Mapping[str, Value], module: str = "", verbosity: int = 0, *, indent: bool = False,
    is_flat: bool = False,
) -> str:
    """Returns a result as JSON with sorted keys, as Ansible shows it."""
    is_said = module == "debug" and values.get("failed") is not True
    hidden = _NEVER | (_DEBUG_NEVER if is_said else frozenset())
    if verbosity < 3:
        hidden = hidden | {"invocation", "diff"}
    shown = {
        name: value for name, value in values.items()
        if name not in hidden and not name.startswith("_")
    }
    if isinstance(shown.get("stdout"), str) and "stdout_lines" not in shown:
        shown["stdout_lines"] = str(shown["stdout"]).splitlines()
    wide = indent or verbosity > 2 or (module in _VERBOSE and "censored" not in shown)
    text = json.dumps(
        shown, indent=0 if is_flat else 4 if wide else None, sort_keys=True,
        ensure_ascii=False, default=_plain,
    )
    return escape(text.replace("\n", "") if is_flat else text, keep="\n")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        return escape(bytes(value))
    if isinstance(value, Sequence):
        return list(value)
    return str(value)
