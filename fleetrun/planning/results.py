"""From a device's reply to Ansible's result dictionary. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import Reply, ReplyKind, Step
from fleetrun.model.values import Value, Vars
from fleetrun.planning.command_results import COMMAND_MODULES, add_output, text
from fleetrun.planning.jobs import job_reply

#: What a skipped task registers (rule 4).
SKIP_REASON = "Conditional result was False"


def from_reply(step: Step, reply: Reply, now: float | None = None) -> TaskResult:
    """Returns the module's own result, before changed_when and failed_when.

    `now` are seconds since the epoch: when the reply came. Without it a command
    has no times.
    """
    if reply.kind is ReplyKind.LOST:
        return unknown(reply.error_kind or "lost/closed")
    if step.is_launched and not reply.error_kind:
        return _result(TaskStatus.CHANGED, dict(reply.values), "", reply)
    if step.spec.name == "async_status":
        reply = job_reply(reply)
    values: dict[str, Value] = dict(reply.values)
    if step.is_async:
        values |= {"ansible_job_id": step.key, "started": True, "finished": True}
    if not step.diff:
        values.pop("diff", None)
    if step.spec.name in COMMAND_MODULES or step.spec.name == "async_status":
        add_output(values, step, reply, now)
    else:
        _add_stray_output(values, reply)
    failed = reply.exit_status != 0 or bool(reply.error_kind)
    # Of a job that took too long Ansible says so; what it had done is not known.
    is_late = step.is_async and reply.error_kind == "module/timeout"
    values["changed"] = values.get("changed") is True and not is_late
    if failed:
        values["failed"] = True
        values["msg"] = values.get("msg") or _failure_message(step, reply)
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


def _add_stray_output(values: dict[str, Value], reply: Reply) -> None:
    stray = (text(reply.stdout) + text(reply.stderr)).strip()
    if stray:
        values["module_stdout"] = stray
    for name in ("stdout", "stderr"):
        said = values.get(name)
        if isinstance(said, str):
            values.setdefault(f"{name}_lines", said.splitlines())


def _failure_message(step: Step, reply: Reply) -> str:
    if step.is_async and reply.error_kind == "module/timeout":
        return f"async task did not complete within the requested time - {step.timeout_s:g}s"
    messages = {
        "module/timeout": f"timed out after {step.timeout_s:g} s; its process group was killed"
        if step.timeout_s is not None else "took longer than it may; its process group was killed",
        "module/killed": "was killed by a signal",
        "module/bad-output": "ended without a result: its last output is not a frame",
    }
    return messages.get(reply.error_kind, "non-zero return code")


def registered(values: Vars) -> Vars:
    """Returns what `register` stores of a result: whether it failed is always said.

    Not of a skipped one, and not of a loop as a whole (rules 3 and 4).
    """
    if "failed" in values or "skipped" in values:
        return values
    return {**values, "failed": False}


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
        "results": [registered(result.values) for result in results],
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
