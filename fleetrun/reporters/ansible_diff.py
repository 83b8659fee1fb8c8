"""Differences of files in the form of Ansible's ``--diff``. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Final

from fleetrun.model.values import Value
from fleetrun.reporters.ansible_paint import Paint
from fleetrun.reporters.escape import escape

_CONTEXT_LINES: Final = 3
_ROLES: Final = {"+": "added", "-": "removed", "@": "hunk"}


def diff_lines(values: Mapping[str, Value], paint: Paint) -> list[str]:
    """Returns the lines of a result's diffs; empty when it has none."""
    found = values.get("diff")
    lines: list[str] = []
    for diff in found if isinstance(found, (list, tuple)) else [found]:
        if isinstance(diff, Mapping) and diff:
            lines += _one(diff, paint)
    return lines


def _one(diff: Mapping[str, Value], paint: Paint) -> list[str]:
    text = "".join(_pieces(diff))
    if isinstance(diff.get("prepared"), str):
        text += str(diff["prepared"])
    if not text:
        return []
    shown = []
    for line in text.removesuffix("\n").split("\n"):
        clean = escape(line, keep="\t")
        role = _ROLES.get(line[:1])
        shown.append(paint.text(clean, role) if role else clean)
    return [*shown, ""]


def _pieces(diff: Mapping[str, Value]) -> Iterator[str]:
    if "before" not in diff and "after" not in diff:
        return
    before, after = _text(diff.get("before")), _text(diff.get("after"))
    names = [
        f"{word}: {diff[f'{word}_header']!s}" if diff.get(f"{word}_header") else word
        for word in ("before", "after")
    ]
    unified = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), names[0], names[1],
        n=_CONTEXT_LINES,
    )
    for line in unified:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _text(value: Value) -> str:
    if isinstance(value, (bytes, bytearray)):
        return escape(bytes(value), keep="\n\t")
    if isinstance(value, Mapping):
        return json.dumps(dict(value), indent=4, sort_keys=True, default=str) + "\n"
    return "" if value is None else str(value)
