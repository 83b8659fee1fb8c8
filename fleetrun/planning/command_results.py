"""What commands add to a result: their output, what was run, and when. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import Captured, Reply, Step
from fleetrun.model.values import Value

#: Modules whose own output is the output of the operator's command.
COMMAND_MODULES = frozenset({"command", "shell", "raw", "script"})
#: Of these the output is given as it is; of the others without line ends at its end.
_WHOLE = frozenset({"raw", "script"})
_TIME = "%Y-%m-%d %H:%M:%S.%f"


def text(captured: Captured) -> str:
    """Returns output as text; bytes that are no UTF-8 are shown as \\xNN."""
    return captured.content.decode("utf-8", "backslashreplace")


def add_output(
    values: dict[str, Value], step: Step, reply: Reply, now: float | None
) -> None:
    """Adds to `values` what Ansible's command modules and async_status give.

    `now` are seconds since the epoch: when the reply came. Without it a command
    has no times.
    """
    name = step.spec.name
    is_stripped = name not in _WHOLE and step.args.get("strip_empty_ends") is not False
    _add_texts(values, reply, is_stripped=is_stripped)
    if name in COMMAND_MODULES and reply.exit_status is not None:
        values.setdefault("rc", reply.exit_status)
    if name in COMMAND_MODULES - _WHOLE and now is not None:
        _add_run(values, step, reply, now)


def in_check_mode(name: str, args: Mapping[str, Value]) -> TaskResult | None:
    """Returns what a module that only runs commands gives in check mode.

    None when the device must be asked: `creates` and `removes` of command and
    shell say whether it would run.
    """
    values: dict[str, Value] = {"changed": False, "skipped": True}
    if name not in COMMAND_MODULES - _WHOLE:
        values["skip_reason"] = "running in check mode"
        return TaskResult(status=TaskStatus.SKIPPED, values=values)
    if args.get("creates") or args.get("removes"):
        return None
    values |= {"msg": "Command would have run if not in check mode", "rc": 0, "failed": False}
    for stream in ("stdout", "stderr"):
        values |= {stream: "", f"{stream}_lines": []}
    _add_words(values, name, args)
    return TaskResult(status=TaskStatus.SKIPPED, values=values)


def _add_run(values: dict[str, Value], step: Step, reply: Reply, now: float) -> None:
    """What was run, and when, as Ansible tells it; times are UTC on the controller's clock."""
    _add_words(values, step.spec.name, step.args)
    if "msg" in values:
        # It did not run: creates or removes said so, or there is no such program.
        if reply.exit_status and isinstance(words := values["cmd"], list):
            values["cmd"] = shlex.join(map(str, words))
        return
    values["msg"] = ""
    began, ended = (datetime.fromtimestamp(at, UTC) for at in (now - reply.elapsed_s, now))
    values["start"], values["end"] = (at.strftime(_TIME) for at in (began, ended))
    values["delta"] = str(ended - began)


def _add_words(values: dict[str, Value], name: str, args: Mapping[str, Value]) -> None:
    """What is run; the times are for those who ran."""
    words = args.get("argv") or args.get("cmd") or args.get("_raw_params") or ""
    if name == "command" and isinstance(words, str):
        with suppress(ValueError):
            words = list[Value](shlex.split(words))
    values.update(cmd=words, start=None, end=None, delta=None)


def _add_texts(values: dict[str, Value], reply: Reply, *, is_stripped: bool) -> None:
    for name, captured in (("stdout", reply.stdout), ("stderr", reply.stderr)):
        shown = text(captured)
        if is_stripped:
            shown = shown.rstrip("\r\n")
        values[name] = shown
        values[f"{name}_lines"] = shown.splitlines()
        if captured.truncated:
            values[f"{name}_bytes"] = captured.length
            values[f"{name}_sha256"] = captured.sha256
