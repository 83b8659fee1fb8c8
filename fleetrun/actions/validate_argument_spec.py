"""validate_argument_spec: are a role's arguments as its spec says?"""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value
from fleetrun.planning.argument_spec import check_arguments
from fleetrun.planning.results import failed
from fleetrun.planning.scope import ABSENT, PendingValueError, Scope
from fleetrun.planning.toolbox import ActionContext


def validate_argument_spec(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns ok, or a failure that lists everything that is wrong.

    Raises TemplateError when an argument cannot be rendered.
    """
    options = args.get("argument_spec")
    if not isinstance(options, Mapping):
        return failed("`argument_spec` must be a mapping", "module/bad-arguments")
    said: dict[str, Value] = {"validate_args_context": args.get("validate_args_context") or {}}
    errors = check_arguments(options, _given(options, args, context))
    if not errors:
        values = {"changed": False, "msg": "The arg spec validation passed", **said}
        return TaskResult(status=TaskStatus.OK, values=values)
    message = "Validation of arguments failed:\n" + "\n".join(errors)
    result = failed(message, "task/arguments")
    values = {
        **result.values, **said, "argument_errors": list(errors), "argument_spec_data": options,
    }
    return TaskResult(status=result.status, values=values, error_kind=result.error_kind)


def _given(
    options: Mapping[str, Value], args: Mapping[str, Value], context: ActionContext
) -> dict[str, Value]:
    """The arguments that are there: variables of their names, and those passed along."""
    given = {
        name: value for name in options
        if (value := _rendered(name, context.scope, context)) is not ABSENT
    }
    provided = args.get("provided_arguments")
    if isinstance(provided, Mapping):
        given.update(provided)
    return given  # type: ignore[return-value]  # ABSENT was left out


def _rendered(name: str, scope: Scope, context: ActionContext) -> object:
    if scope.is_pending(name):
        raise PendingValueError(name)
    raw = scope.find(name)
    if raw is ABSENT:
        return ABSENT
    return context.templater.render(raw, scope)  # type: ignore[arg-type]  # not ABSENT
