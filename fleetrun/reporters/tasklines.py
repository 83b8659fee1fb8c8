"""One task on one device, as lines of text. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from fleetrun.model.events import TaskFinished
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value
from fleetrun.planning.health import health_line, is_health
from fleetrun.reporters.escape import escape, escape_block, escape_line
from fleetrun.reporters.failures import describe
from fleetrun.reporters.palette import GLYPHS, Palette

#: Left out where a result is shown as JSON: said elsewhere, or twice.
_NOT_SHOWN: Final = frozenset({"stdout_lines", "stderr_lines", "diff", "failed"})

#: Lines of a diff that are shown of one file.
DIFF_LINES: Final = 500


def task_line(event: TaskFinished, palette: Palette) -> str:
    """Returns "✗ gw-07 · update app · No space left on device"."""
    status = event.result.status.value
    words = [escape_line(event.device), escape_line(event.name or event.module)]
    if event.result.status in {TaskStatus.FAILED, TaskStatus.UNKNOWN, TaskStatus.UNREACHABLE}:
        words.append(describe(event.result))
    if event.result.ignored:
        words.append("ignored")
    return f"{palette.paint(GLYPHS[status], status)} {' · '.join(words)}"


def result_json(result: TaskResult) -> str:
    """Returns what a task gave as indented JSON, escaped."""
    shown = {key: value for key, value in result.values.items() if key not in _NOT_SHOWN}
    text = json.dumps(shown, indent=2, ensure_ascii=False, default=_plain)
    return escape(text, keep="\n")


def debug_text(result: TaskResult) -> str:
    """Returns what ``debug`` says: its message, or the variable it shows."""
    values = {key: value for key, value in result.values.items() if key != "changed"}
    if set(values) == {"msg"} and isinstance(values["msg"], str):
        return escape_block(values["msg"])
    text = json.dumps(values.get("msg", values), ensure_ascii=False, default=_plain)
    return escape_block(text)


def command_output(result: TaskResult) -> str:
    """Returns a result as the output of an ad-hoc command, not escaped.

    stdout, then stderr; for a module without output what it gave, of a
    diagnosis what is wrong. A failure says so first.
    """
    values = result.values
    if is_health(values):
        return health_line(values)
    if "stdout" in values or "stderr" in values:
        parts = [str(values.get(name) or "") for name in ("stdout", "stderr")]
        text = "\n".join(part.rstrip() for part in parts if part.strip())
    else:
        text = _brief(values)
    if result.status is TaskStatus.FAILED:
        status = values.get("rc")
        label = f"failed (rc {status})" if isinstance(status, int) else "failed"
        reason = text or result.message or result.error_kind
        return f"{label}\n{reason}" if "\n" in reason else f"{label}: {reason}"
    return text


def diff_lines(result: TaskResult, palette: Palette) -> list[str]:
    """Returns the result's diffs as unified diff lines, escaped, coloured."""
    found = result.values.get("diff")
    diffs = found if isinstance(found, (list, tuple)) else [found]
    lines: list[str] = []
    for diff in diffs:
        if isinstance(diff, Mapping):
            lines += _one_diff(diff, palette)
    return lines


def _one_diff(diff: Mapping[str, Value], palette: Palette) -> list[str]:
    if isinstance(diff.get("prepared"), str):
        raw = str(diff["prepared"]).splitlines()
    else:
        raw = list(difflib.unified_diff(
            _text_lines(diff.get("before")), _text_lines(diff.get("after")),
            str(diff.get("before_header") or "before"),
            str(diff.get("after_header") or "after"), lineterm="",
        ))
    shown = [_paint_diff(escape(line, keep="\t"), palette) for line in raw[:DIFF_LINES]]
    if len(raw) > DIFF_LINES:
        shown.append(f"… {len(raw) - DIFF_LINES} more lines")
    return shown


def _text_lines(value: Value) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (str, bytes)):
        return escape_block(value).splitlines()
    return json.dumps(value, indent=2, sort_keys=True, default=_plain).splitlines()


def _paint_diff(line: str, palette: Palette) -> str:
    roles = {"+": "added", "-": "removed", "@": "hunk"}
    return palette.paint(line, roles.get(line[:1], ""))


def _brief(values: Mapping[str, Value]) -> str:
    rest = {
        key: value for key, value in values.items() if key not in _NOT_SHOWN | {"changed"}
    }
    if set(rest) == {"msg"}:
        return str(rest["msg"])
    if len(rest) == 1:
        ((key, value),) = rest.items()
        if isinstance(value, (str, int, float)):
            return f"{key}: {value}"
    return json.dumps(rest, indent=2, ensure_ascii=False, default=_plain) if rest else ""


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        return escape(bytes(value))
    if isinstance(value, Sequence):
        return list(value)
    return str(value)
