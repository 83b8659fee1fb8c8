"""debug: shows a message or the value of an expression."""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.errors import TemplateError
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value
from fleetrun.planning.results import skipped
from fleetrun.planning.toolbox import ActionContext

UNDEFINED = "VARIABLE IS NOT DEFINED!"


def debug(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns a result whose `msg` (or the named variable) is what to show."""
    wanted = int(str(args.get("verbosity") or 0))
    if wanted > context.verbosity:
        return skipped(reason="Verbosity threshold not met.")
    name = args.get("var")
    values: dict[str, Value] = {"changed": False, "failed": False}
    if name is None:
        values["msg"] = args.get("msg", "Hello world!")
    elif isinstance(name, str):
        values[name] = _value_of(name, context)
    else:
        values[str(type(name))] = name
    return TaskResult(status=TaskStatus.OK, values=values)


def _value_of(expression: str, context: ActionContext) -> Value:
    try:
        return context.templater.evaluate(expression, context.scope)
    except TemplateError as error:
        if error.kind != "template/undefined":
            raise
        return UNDEFINED
