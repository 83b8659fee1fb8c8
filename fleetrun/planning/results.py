"""From a device's reply to Ansible's result dictionary. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta

from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import Captured, Reply, ReplyKind, Step
from fleetrun.model.values import Value

#: Modules whose own output is the output of the operator's command.
COMMAND_MODULES = frozenset({"command", "shell", "raw", "script"})

#: What a skipped task registers (rule 4).
SKIP_REASON = "Conditional result was False"


def text(captured: Captured) -> str:
    """Returns output as text; bytes that are no UTF-8 are shown as \\xNN."""
    return captured.content.decode("utf-8", "backslashreplace")


def from_reply(step: Step, reply: Reply) -> TaskResult:
    """Returns the module's own result, before changed_when and failed_when."""
    if reply.kind is ReplyKind.LOST:
        return unknown(reply.error_kind or "lost/closed")
    values: dict[str, Value] = dict(reply.values)
    if not step.diff:
        values.pop("diff", None)
    if step.spec.name in COMMAND_MODULES:
        _add_output(values, step, reply)
    else:
        _add_stray_output(values, reply)
        for name in ("stdout", "stderr"):
            said = values.get(name)
            if isinstance(said, str):
                values.setdefault(f"{name}_lines", said.splitlines())
    failed = reply.exit_status != 0 or bool(reply.error_kind)
    values["changed"] = values.get("changed") is True
    if failed:
        values["failed"] = True
        values.setdefault("msg", _failure_message(step, reply))
        kind = reply.error_kind or str(values.pop("error_kind", "")) or "task/failed"
        return _result(TaskStatus.FAILED, values, kind, reply)
    values.pop("failed", None)
    if values.get("skipped") is True:
        return _result(TaskStatus.SKIPPED, values, "", reply)
    status = TaskStatus.CHANGED if values["changed"] else TaskStatus.OK
    return _result(status, values, "", reply)


def _result(
    status: TaskStatus, values: Mapping[str, Value], kind: str, reply: Reply
) -> TaskResult:
    return TaskResult(status=status, values=values, error_kind=kind, elapsed_s=reply.elapsed_s)


def _add_output(values: dict[str, Value], step: Step, reply: Reply) -> None:
    keeps_ends = step.args.get("strip_empty_ends") is False
    for name, captured in (("stdout", reply.stdout), ("stderr", reply.stderr)):
        shown = text(captured) if keeps_ends else text(captured).rstrip("\r\n")
        values[name] = shown
        values[f"{name}_lines"] = shown.splitlines()
        if captured.truncated:
            values[f"{name}_bytes"] = captured.length
            values[f"{name}_sha256"] = captured.sha256
    if reply.exit_status is not None:
        values.setdefault("rc", reply.exit_status)
    if step.spec.name in {"command", "shell"}:
        has_run = "msg" not in values
        values["cmd"] = _command(step)
        values["delta"] = str(timedelta(seconds=round(reply.elapsed_s, 6))) if has_run else None
        if reply.exit_status == 0:
            values.setdefault("msg", "")


def _command(step: Step) -> Value:
    """What was run: the words of command, the text of shell."""
    argv = step.args.get("argv")
    if argv is not None:
        return argv
    line = str(step.args.get("cmd") or step.args.get("_raw_params") or "")
    if step.spec.name == "shell":
        return line
    try:
        return shlex.split(line)
    except ValueError:
        return line


def _add_stray_output(values: dict[str, Value], reply: Reply) -> None:
    stray = (text(reply.stdout) + text(reply.stderr)).strip()
    if stray:
        values["module_stdout"] = stray


def _failure_message(step: Step, reply: Reply) -> str:
    messages = {
        "module/timeout": f"timed out after {step.timeout_s:g} s; its process group was killed"
        if step.timeout_s is not None else "timed out",
        "module/killed": "was killed by a signal",
        "module/bad-output": "ended without a result: its last output is not a frame",
    }
    return messages.get(reply.error_kind, "non-zero return code")


def failed(message: str, kind: str, **values: Value) -> TaskResult:
    """Returns a failure that was found on the controller."""
    return TaskResult(
        status=TaskStatus.FAILED,
        values={"failed": True, "changed": False, "msg": message, **values},
        error_kind=kind,
    )


def unreachable(message: str, kind: str) -> TaskResult:
    """Returns the result of a step that nobody could be reached for (rule 9)."""
    return TaskResult(
        status=TaskStatus.UNREACHABLE,
        values={"unreachable": True, "changed": False, "msg": message}, error_kind=kind,
    )


def unknown(kind: str, message: str = "") -> TaskResult:
    """Returns the result of a step whose end is not known."""
    return TaskResult(
        status=TaskStatus.UNKNOWN,
        values={"failed": True, "changed": False, "msg": message or "its end is not known"},
        error_kind=kind,
    )


def skipped(condition: str | bool = "", reason: str = SKIP_REASON) -> TaskResult:
    """Returns the result of a task whose condition was false (rule 4)."""
    values: dict[str, Value] = {"changed": False, "skipped": True, "skip_reason": reason}
    if condition != "":
        values["false_condition"] = condition
    return TaskResult(status=TaskStatus.SKIPPED, values=values)


def aggregate(results: Sequence[TaskResult]) -> TaskResult:
    """Returns the result of a loop from its items' results (rules 3 and 5)."""
    if not results:
        return TaskResult(
            status=TaskStatus.SKIPPED,
            values={
                "changed": False, "skipped": True, "results": [],
                "skipped_reason": "No items in the list",
            },
        )
    statuses = {result.status for result in results}
    failures = [result for result in results if result.is_failed]
    values: dict[str, Value] = {
        "results": [result.values for result in results],
        "changed": TaskStatus.CHANGED in statuses
        or any(result.values.get("changed") is True for result in results),
        "msg": "All items completed", "skipped": False,
    }
    if statuses == {TaskStatus.SKIPPED}:
        values |= {"skipped": True, "msg": "All items skipped"}
    if failures:
        values |= {"failed": True, "msg": "One or more items failed"}
    return TaskResult(
        status=_worst(statuses),
        values=values,
        error_kind=failures[0].error_kind if failures else "",
        elapsed_s=sum(result.elapsed_s for result in results),
    )


def _worst(statuses: set[TaskStatus]) -> TaskStatus:
    for status in (
        TaskStatus.UNKNOWN, TaskStatus.FAILED, TaskStatus.CHANGED, TaskStatus.OK,
    ):
        if status in statuses:
            return status
    return TaskStatus.SKIPPED
