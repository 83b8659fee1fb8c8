"""Ansible's ``[ERROR]`` blocks: what failed, and the task in the operator's file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from fleetrun.model.events import TaskFinished
from fleetrun.reporters.ansible_lines import Item
from fleetrun.reporters.escape import escape

#: Modules that Ansible runs on the controller: there the action fails.
_ACTIONS: Final = frozenset({
    "fail", "assert", "debug", "set_fact", "include_vars", "template", "copy", "fetch", "script",
    "add_host", "group_by", "pause", "reboot", "wait_for_connection", "unarchive", "assemble",
})
_LINES_BEFORE: Final = 2


class ErrorBlocks:
    """Makes the blocks; the same one is shown once in a run."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def of(self, event: TaskFinished, item: Item) -> list[str]:
        """Returns the block of a failure, or nothing when it was shown already."""
        text = f"[ERROR]: Task failed: {_cause(event, item)}{_origin(event.path)}"
        if text in self._told:
            return []
        self._told.add(text)
        return [text]


def _cause(event: TaskFinished, item: Item) -> str:
    values = item.values
    message = values.get("msg")
    if event.no_log:
        return "Module failed." if event.module not in _ACTIONS else "Action failed."
    shown = escape(str(message), keep="\n").rstrip("\n") if "msg" in values else ""
    if values.get("failed_when_result") is True:
        return f"Action failed: {shown}" if shown else "Action failed."
    word = "Action" if event.module in _ACTIONS else "Module"
    return f"{word} failed: {shown}" if shown else f"{word} failed."


def _origin(path: str) -> str:
    """Returns "Origin: …" and the lines of the file around the task."""
    file, _, rest = path.partition(":")
    line, _, column = rest.partition(":")
    if not line.isdigit() or not column.isdigit():
        return ""
    number = int(line)
    source = _source(file)
    text = f"\nOrigin: {Path(file).absolute()}:{line}:{column}\n"
    if not 0 < number <= len(source):
        return text
    first = max(1, number - _LINES_BEFORE)
    shown = range(first, number + 1)
    width = len(str(number))
    text += "".join(f"\n{n:>{width}} {escape(source[n - 1], keep='	')}".rstrip() for n in shown)
    return f"{text}\n{' ' * (width + int(column))}^ column {column}\n"


@lru_cache(maxsize=64)
def _source(file: str) -> tuple[str, ...]:
    try:
        return tuple(Path(file).read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ()
