"""Ansible's rules about a result: changed_when, failed_when, until. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fleetrun.errors import TemplateError
from fleetrun.model.playbook import Block, LoopControl, Node, Task
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value, Vars
from fleetrun.planning import hidden
from fleetrun.planning.cursor import Failure
from fleetrun.planning.hidden import HIDDEN
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater

#: Source: ansible-core, rule 6: until without retries = 3 retries, delay 5 s.
DEFAULT_RETRIES = 3
DEFAULT_DELAY_S = 5.0


def judge(
    task: Task, raw: TaskResult, scope_of: Callable[[Vars], Scope], templater: Templater
) -> TaskResult:
    """Returns a result after changed_when and failed_when (rules 7 and 8).

    `scope_of` makes the scope in which a result's values are registered.
    """
    if raw.status in {TaskStatus.SKIPPED, TaskStatus.UNKNOWN, TaskStatus.UNREACHABLE}:
        return raw
    if task.changed_when is None and task.failed_when is None:
        return raw
    values = dict(raw.values)
    failed = raw.status is TaskStatus.FAILED
    kind = raw.error_kind
    try:
        if task.changed_when is not None:
            values["changed"] = templater.test(task.changed_when, scope_of(raw.values)) is None
        if task.failed_when is not None:
            known = hidden.like(raw.values, values)
            failed = templater.test(task.failed_when, scope_of(known)) is None
            values["failed_when_result"] = failed
            kind = (kind or "task/failed-when") if failed else ""
    except TemplateError as error:
        failed, kind = True, error.kind
        values["msg"] = error.message
    values["failed"] = failed
    if failed:
        status = TaskStatus.FAILED
    else:
        status = TaskStatus.CHANGED if values.get("changed") else TaskStatus.OK
    return replace(raw, status=status, values=values, error_kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows an attempt: another one after `delay_s`, or the result."""

    result: TaskResult
    delay_s: float | None = None
    #: Attempts that are left when there is another one.
    retries_left: int = 0


def retry(
    task: Task, result: TaskResult, attempt: int, scope: Scope, templater: Templater
) -> Verdict:
    """Decides whether a task is tried again (rule 6)."""
    try:
        retries = int(_number(templater.render(task.retries, scope), DEFAULT_RETRIES))
        delay_s = _number(templater.render(task.delay, scope), DEFAULT_DELAY_S)
    except TemplateError as error:
        return Verdict(result=_failed_by(result, error.message, error.kind))
    try:
        is_met = _is_met(task, result, scope, templater)
    except TemplateError as error:
        return Verdict(result=_failed_by(result, error.message, error.kind))
    if is_met:
        return Verdict(result=result)
    if attempt <= max(retries, 0):
        return Verdict(
            result=result, delay_s=delay_s if delay_s >= 0 else 1.0,
            retries_left=max(retries, 0) - attempt + 1,
        )
    if not task.until:
        return Verdict(result=result)
    message = result.message or f"`until` was not met in {attempt} attempts"
    values = {name: value for name, value in result.values.items() if name != "attempts"}
    if retries > 0:
        values["attempts"] = retries
    given_up = _failed_by(replace(result, values=values), message, "task/until")
    return Verdict(result=given_up)


def _is_met(task: Task, result: TaskResult, scope: Scope, templater: Templater) -> bool:
    if not task.until:
        return not result.is_failed
    try:
        return templater.test(task.until, scope) is None
    except TemplateError as error:
        if error.kind == HIDDEN:
            # It may have been met: trying again would repeat the task unasked.
            raise
        # It may need a key that only a later attempt will have.
        return False


def _failed_by(result: TaskResult, message: str, kind: str) -> TaskResult:
    values = {**result.values, "failed": True, "msg": message}
    return replace(
        result, status=TaskStatus.FAILED, values=values, error_kind=result.error_kind or kind
    )


def _number(value: Value, default: float) -> float:
    if value is None:
        return default
    try:
        return float(str(value))
    except ValueError as error:
        raise TemplateError(
            f"`retries` and `delay` need numbers, got {value!r}", kind="template/type"
        ) from error


def reason(failure: Failure) -> str:
    """Returns one sentence that says what failed."""
    name = failure.task.name or failure.task.module
    if failure.no_log:
        return f"{name}: failed (no_log hides why)"
    message = failure.result.message or "failed"
    return f"{name}: {message.splitlines()[0] if message else ''}"


def failure_vars(failure: Failure) -> Vars:
    """Returns the variables that a rescue sees (rule 16)."""
    return {
        "ansible_failed_task": {
            "name": failure.task.name, "action": failure.task.module, "id": failure.task.id,
        },
        "ansible_failed_result": failure.result.values,
    }


def loop_vars(control: LoopControl, items: list[Value], index: int) -> dict[str, Value]:
    """Returns the variables of one item of a loop (rule 49)."""
    values: dict[str, Value] = {
        control.loop_var: items[index], "ansible_loop_var": control.loop_var,
    }
    if control.index_var:
        values[control.index_var] = index
        values["ansible_index_var"] = control.index_var
    if control.extended:
        values["ansible_loop"] = _extended(control, items, index)
    return values


def _extended(control: LoopControl, items: list[Value], index: int) -> dict[str, Value]:
    count = len(items)
    about: dict[str, Value] = {
        "index": index + 1, "index0": index, "first": index == 0, "last": index == count - 1,
        "length": count, "revindex": count - index, "revindex0": count - index - 1,
    }
    if control.extended_allitems:
        about["allitems"] = list(items)
    if index:
        about["previtem"] = items[index - 1]
    if index + 1 < count:
        about["nextitem"] = items[index + 1]
    return about


def with_vars(node: Node, extra: Vars, suffix: str, depth: int = 0) -> Node:
    """Returns a node whose tasks also see `extra` (an include in a loop).

    `depth` is how many includes are around the one in the loop: their
    variables are weaker, those of the includes inside are stronger.
    """
    if not extra:
        return node
    if isinstance(node, Block):
        return replace(
            node,
            block=tuple(with_vars(child, extra, suffix, depth) for child in node.block),
            rescue=tuple(with_vars(child, extra, suffix, depth) for child in node.rescue),
            always=tuple(with_vars(child, extra, suffix, depth) for child in node.always),
        )
    layers = node.param_layers
    return replace(
        node, id=node.id + suffix, param_layers=(*layers[:depth], extra, *layers[depth:])
    )
