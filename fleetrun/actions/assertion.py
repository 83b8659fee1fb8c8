"""assert and fail: tasks that stop a device on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value
from fleetrun.planning.results import failed
from fleetrun.planning.toolbox import ActionContext


def assert_that(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns a failure that names the first condition that does not hold."""
    that = args.get("that")
    conditions = list(that) if isinstance(that, list | tuple) else [that]
    false_condition = context.templater.test(conditions, context.scope)
    if false_condition is not None:
        message = str(args.get("fail_msg") or args.get("msg") or "Assertion failed")
        return failed(
            message, "task/assertion", assertion=false_condition, evaluated_to=False
        )
    message = str(args.get("success_msg") or "All assertions passed")
    return TaskResult(status=TaskStatus.OK, values={"changed": False, "msg": message})


def fail(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns a failure with the operator's message, which keeps its type as in Ansible."""
    del context
    message = args.get("msg", "Failed as requested from task")
    return replace(
        failed("", "task/fail"), values={"failed": True, "changed": False, "msg": message}
    )
