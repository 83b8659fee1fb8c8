"""Ad-hoc results in the form of Ansible's ``minimal`` and ``oneline`` callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleetrun.model.events import AnyEvent, DeviceFinished, Notice, RunFinished, TaskFinished
from fleetrun.model.redact import censor
from fleetrun.model.result import Outcome, TaskStatus
from fleetrun.model.values import Value
from fleetrun.reporters.ansible_diff import diff_lines
from fleetrun.reporters.ansible_lines import dump
from fleetrun.reporters.ansible_paint import Paint
from fleetrun.reporters.escape import escape, escape_line
from fleetrun.reporters.sink import Out, room_in

#: Modules whose result is shown as a terminal would show it.
_PLAIN: Final = frozenset({"command", "shell", "raw", "script"})
_WORDS: Final = {
    TaskStatus.OK: ("SUCCESS", "ok"), TaskStatus.CHANGED: ("CHANGED", "changed"),
    TaskStatus.SKIPPED: ("SKIPPED", "skip"), TaskStatus.FAILED: ("FAILED", "error"),
    TaskStatus.UNKNOWN: ("FAILED", "error"), TaskStatus.UNREACHABLE: ("UNREACHABLE", "unreachable"),
}


class AnsibleAdhocReporter:
    """Shows each device's result as it comes: ``gw-1 | CHANGED | rc=0 >>``."""

    def __init__(
        self, *, stdout: Out, stderr: Out, colour: bool = False, is_oneline: bool = False,
        verbosity: int = 0,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._paint = Paint(colour=colour)
        self._is_oneline = is_oneline
        self._verbosity = verbosity

    async def handle(self, event: AnyEvent) -> None:
        """Shows one event; raises OSError when the output is gone."""
        event = censor(event)
        match event:
            case TaskFinished():
                self._result(event)
            case DeviceFinished() if event.outcome is Outcome.UNREACHABLE:
                self._unreachable(event)
            case Notice():
                self._stderr.write(f"[{event.level.upper()}]: {escape_line(event.message)}\n")
            case RunFinished() if event.exit_code:
                for command in event.next_commands:
                    self._stderr.write(f"next: {escape_line(command)}\n")
            case _:
                return
        await room_in(self._stdout)

    async def close(self) -> None:
        """Flushes the streams."""
        self._stdout.flush()
        self._stderr.flush()

    def _result(self, event: TaskFinished) -> None:
        result = event.result
        word, colour = _WORDS[result.status]
        device = escape_line(event.device)
        lines = diff_lines(result.values, self._paint)
        if result.status is TaskStatus.SKIPPED:
            text = f"{device} | {word}"
        elif event.module in _PLAIN and "rc" in result.values:
            text = self._plain(device, word, result.values)
        else:
            is_bad = word == "FAILED"
            text = f"{device} | {word}{'!' * is_bad} => {self._json(event, result.values)}"
        self._give([*lines, *self._paint.lines(text, colour)])

    def _json(self, event: TaskFinished, values: Mapping[str, Value]) -> str:
        return dump(values, event.module, indent=not self._is_oneline, is_flat=self._is_oneline)

    def _plain(self, device: str, word: str, values: Mapping[str, Value]) -> str:
        out, err, msg = (str(values.get(name) or "") for name in ("stdout", "stderr", "msg"))
        rc = values.get("rc")
        if not self._is_oneline:
            body = escape(f"{out}{err}{msg}", keep="\n\t")
            return f"{device} | {word} | rc={rc} >>\n{body}".removesuffix("\n")
        shown = [escape(text.replace("\n", "\\n").replace("\r", "\\r")) for text in (out, err)]
        text = f"{device} | {word} | rc={rc} | (stdout) {shown[0]}"
        return f"{text} (stderr) {shown[1]}" if err else text

    def _unreachable(self, event: DeviceFinished) -> None:
        values: dict[str, Any] = {
            "changed": False, "msg": event.reason or event.error_kind, "unreachable": True,
        }
        shown = dump(values, indent=not self._is_oneline, is_flat=self._is_oneline)
        text = f"{escape_line(event.device)} | UNREACHABLE! => {shown}"
        self._give(self._paint.lines(text, "unreachable"))

    def _give(self, lines: list[str]) -> None:
        self._stdout.write("".join(f"{line}\n" for line in lines))
