"""Turns one task (or one item of its loop) into a step or a finished result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from fleetrun.errors import FleetrunError, TemplateError
from fleetrun.model.module import CheckMode, ModuleKind, ModuleSpec
from fleetrun.model.playbook import Loop, Play, Task
from fleetrun.model.result import TaskResult
from fleetrun.model.steps import LOGIN, OWN, Identity, OnFailure, Upload, Via
from fleetrun.model.values import SecretText, Value, Vars
from fleetrun.planning import results
from fleetrun.planning.command_results import in_check_mode
from fleetrun.planning.scope import CONTROLLER, PendingValueError, Scope
from fleetrun.planning.templates import omit_missing
from fleetrun.planning.toolbox import ActionContext, DeviceVars, Prepared, ProgramOptions, Toolbox

_FALSE_WORDS = frozenset({"no", "off", "false", "0", "n", "f", ""})


def truth(value: Value) -> bool:
    """Returns a keyword's value as a boolean, with Ansible's words."""
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE_WORDS
    return bool(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a task says about its steps, rendered once for all its items."""

    ignore_errors: bool
    no_log: bool
    check: bool
    diff: bool
    timeout_s: float | None
    is_async: bool
    is_launched: bool
    identity: Identity
    environment: Mapping[str, str]
    #: The controller must judge the result before anything may follow.
    is_judged_here: bool
    on_failure: OnFailure
    #: A failure fails the whole batch.
    is_fatal: bool = False
    ignores_unreachable: bool = False
    #: Most devices at once; 0 = no limit.
    throttle: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A step without its names (key, seq, group), which the program gives it."""

    args: Mapping[str, Value]
    upload: Upload | None = None


class StepBuilder:
    """Renders tasks for one device."""

    def __init__(self, toolbox: Toolbox, options: ProgramOptions, device_vars: DeviceVars) -> None:
        self._tools = toolbox
        self._options = options
        self._vars = device_vars
        #: The device's own name.
        self.device = device_vars.view.device

    def traits(self, task: Task, spec: ModuleSpec, scope: Scope, layers: Sequence[Vars]) -> Traits:
        """Returns the rendered keywords of a task.

        Raises TemplateError and PendingValueError.
        """
        ignore = truth(self._render(task.ignore_errors, scope))
        judged = _is_judged_here(task)
        check = self._switch(task.check_mode, scope, self._options.check)
        timeout_s = _seconds(self._render(task.timeout, scope))
        # What runs in check mode touches nothing, and is waited for.
        async_s = None if check else _seconds(self._render(task.async_limit, scope))
        return Traits(
            ignore_errors=ignore,
            no_log=truth(self._render(task.no_log, scope)),
            check=check,
            diff=self._switch(task.diff, scope, self._options.diff) and spec.diff,
            timeout_s=timeout_s if async_s is None else async_s,
            is_async=async_s is not None,
            is_launched=async_s is not None and self._is_launched(task, scope),
            identity=self.identity(task, scope, layers),
            environment=self._environment(task, scope),
            is_judged_here=judged,
            on_failure=_on_failure(task, ignore=ignore, judged=judged),
            is_fatal=truth(self._render(task.any_errors_fatal, scope)),
            ignores_unreachable=truth(self._render(task.ignore_unreachable, scope)),
            throttle=_count(self._render(task.throttle, scope), task),
        )

    def _is_launched(self, task: Task, scope: Scope) -> bool:
        return task.poll is not None and _seconds(self._render(task.poll, scope)) is None

    def items(self, loop: Loop, scope: Scope) -> list[Value]:
        """Returns the items of a loop; raises TemplateError, PendingValueError."""
        if loop.lookup:
            return self._looked_up(loop, scope)
        value = omit_missing(self._render(loop.items, scope))
        if loop.flatten:
            return _flatten_once(value)
        if isinstance(value, list | tuple):
            return list(value)
        raise TemplateError(
            f"The `loop` value must resolve to a 'list', not '{type(value).__name__}': "
            f"{str(value)[:60]!r}", kind="template/type",
            hint="use `| list`, or `| dict2items` for a mapping",
        )

    def _looked_up(self, loop: Loop, scope: Scope) -> list[Value]:
        """The items of a ``with_X``: what the lookup X finds."""
        templater = self._tools.templater
        if loop.lookup == "first_found":
            terms = self._known(loop.items, scope)
        else:
            terms = omit_missing(self._render(loop.items, scope))
        return templater.loop_items(loop.lookup, terms, scope)

    def _known(self, value: Value, scope: Scope) -> Value:
        """`value` without what lacks a variable: there may be another file to find."""
        if isinstance(value, Mapping):
            return {name: self._known(item, scope) for name, item in value.items()}
        if not isinstance(value, list | tuple):
            return self._render(value, scope)
        found: list[Value] = []
        for item in value:
            try:
                found.append(self._known(item, scope))
            except TemplateError as error:
                if error.kind != "template/undefined":
                    raise
        return found

    def draft(
        self, task: Task, spec: ModuleSpec, scope: Scope, traits: Traits
    ) -> Draft | TaskResult:
        """Returns the step to run, or its result when it is known already.

        Raises PendingValueError when something it needs is not known yet.
        """
        try:
            false_condition = self._tools.templater.test(task.when, scope)
            if false_condition is not None:
                return results.skipped(false_condition)
            args = omit_missing(self._render(task.args, scope))
            if _reads_here(spec, args) and scope.is_pending(CONTROLLER):
                raise PendingValueError(CONTROLLER)
            if spec.kind is ModuleKind.CONTROLLER:
                return self._act(task, spec, args, scope, traits)
            if traits.check and spec.check_mode is CheckMode.SKIP and isinstance(args, Mapping):
                known = in_check_mode(spec.name, args)
                if known is not None:
                    return known
            args = self._tools.coerce(spec, args)
            if spec.kind is ModuleKind.PREPARED:
                prepared = self._tools.preparers[spec.name](args, self._context(task, scope))
                return Draft(args=self._own_place(prepared), upload=prepared.upload)
            return Draft(args=args)
        except FleetrunError as error:
            return from_error(error)

    def _own_place(self, prepared: Prepared) -> Mapping[str, Value]:
        """Names an upload after the device, too: two devices may share a home.

        They do where an account's home is mounted from a server, and where
        several names stand for one machine.
        """
        if prepared.upload is None:
            return prepared.args
        device = str(self._vars.magic.get("inventory_hostname", ""))
        tag = sha256(device.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return {**prepared.args, "_src_path": f"{prepared.args['_src_path']!s}.{tag}"}

    def include_path(self, task: Task, scope: Scope) -> str:
        """Returns the rendered path of an include; raises TemplateError."""
        args = self._render(task.args, scope)
        path = args.get("file") or args.get("_raw_params") if isinstance(args, Mapping) else None
        return str(path or "")

    def _act(
        self, task: Task, spec: ModuleSpec, args: Value, scope: Scope, traits: Traits
    ) -> TaskResult:
        action = self._tools.actions[spec.name]
        checked = dict(args) if isinstance(args, Mapping) else {}
        if spec.args:
            checked = dict(self._tools.coerce(spec, checked))
        return action(checked, self._context(task, scope, check=traits.check))

    def _context(self, task: Task, scope: Scope, *, check: bool = False) -> ActionContext:
        return ActionContext(
            task=task, scope=scope, templater=self._tools.templater,
            check=check, verbosity=self._options.verbosity,
        )

    def _render(self, value: Value, scope: Scope) -> Value:
        if value is None or value is False or value is True:
            return value
        return self._tools.templater.render(value, scope)

    def _switch(self, keyword: Value, scope: Scope, default: bool) -> bool:
        return default if keyword is None else truth(self._render(keyword, scope))

    def _environment(self, task: Task, scope: Scope) -> dict[str, str]:
        merged: dict[str, str] = {}
        for layer in task.environment:
            value = self._render(layer, scope)
            if not isinstance(value, Mapping):
                raise TemplateError(
                    f"`environment` needs a mapping, got {type(value).__name__}",
                    kind="template/type", mark=task.mark,
                )
            merged.update({str(name): str(content) for name, content in value.items()})
        return merged

    def via(self, task: Task, scope: Scope, play: Play) -> Via:
        """Returns where a task (an item of its loop) runs and how that is reached.

        Raises TemplateError and PendingValueError.
        """
        own_words = (task.connection, task.remote_user)
        if task.delegate_to is None and own_words == (play.connection, play.remote_user):
            return OWN
        connection, user = (str(self._render(word, scope) or "") for word in own_words)
        device = str(self._render(task.delegate_to, scope) or "")
        if device and device != self.device:
            return Via(device=device, connection=connection, user=user)
        return Via(
            connection="" if task.connection == play.connection else connection,
            user="" if task.remote_user == play.remote_user else user,
        )

    def delegated(self, task: Task, device: str) -> Identity:
        """Returns whom a step runs as on the device delegated to: its variables say it."""
        layers = list(self._vars.layers_of(device))
        return self.identity(task, Scope(layers), layers)

    def identity(self, task: Task, scope: Scope, layers: Sequence[Vars]) -> Identity:
        """Returns whom a task runs as: variables beat keywords beat the command line (rule 41)."""
        options = self._options
        said = self._first(layers, scope, ("ansible_become",), task.become.enabled, options.become)
        if not truth(said):
            return LOGIN
        user = self._first(
            layers, scope, ("ansible_become_user",), task.become.user, options.become_user
        )
        method = self._first(
            layers, scope, ("ansible_become_method",), task.become.method, options.become_method
        )
        exe = self._first(layers, scope, ("ansible_become_exe",), task.become.exe, "")
        flags = self._first(layers, scope, ("ansible_become_flags",), task.become.flags, "")
        return Identity(
            user=str(user or "root"), method=_short_name(str(method or "sudo")),
            exe=str(exe or ""), flags=tuple(str(flags or "").split()),
        )

    def _first(
        self, layers: Sequence[Vars], scope: Scope, names: Sequence[str],
        keyword: Value, default: Value,
    ) -> Value:
        for name in names:
            for layer in layers:
                if name in layer:
                    return self._render(layer[name], scope)
        return default if keyword is None else self._render(keyword, scope)


def from_error(error: FleetrunError) -> TaskResult:
    """Returns the failure that a controller-side error gives a task."""
    place = getattr(error, "mark", None)
    message = error.message + (f" at {place}" if place else "")
    message += f" ({error.hint})" if error.hint else ""
    return results.failed(message, error.kind)


def _reads_here(spec: ModuleSpec, args: Value) -> bool:
    """True when a task reads files of this machine before it goes to the device."""
    if spec.kind is not ModuleKind.PREPARED or not isinstance(args, Mapping):
        return spec.name == "include_vars"
    return args.get("content") is None and not truth(args.get("remote_src"))


def secrets_in(args: Mapping[str, Value], spec: ModuleSpec) -> tuple[str, ...]:
    """Returns the argument values that must reach no sink."""
    found = [
        str(value)
        for name, value in args.items()
        if isinstance(value, SecretText) or (name in spec.args and spec.args[name].secret and value)
    ]
    return tuple(found)


def _seconds(value: Value) -> float | None:
    """A number of seconds; None for none and 0."""
    return float(str(value)) if value not in (None, 0, "0", "") else None


def _count(value: Value, task: Task) -> int:
    try:
        return max(0, int(str(value or 0)))
    except ValueError as error:
        raise TemplateError(
            f"`throttle` needs a number, got {value!r}", kind="template/type", mark=task.mark
        ) from error


def _is_judged_here(task: Task) -> bool:
    """True when only the controller can say whether the task failed.

    A changed_when that is no constant counts too: it may be undefined.
    """
    if task.until or task.retries is not None:
        return True
    if task.failed_when is not None and task.failed_when != (False,):
        return True
    return task.changed_when is not None and any(isinstance(c, str) for c in task.changed_when)


def _on_failure(task: Task, *, ignore: bool, judged: bool) -> OnFailure:
    if ignore or judged or task.failed_when is not None:
        return OnFailure.GO
    return OnFailure.DEFER if task.loop is not None else OnFailure.STOP


def _flatten_once(value: Value) -> list[Value]:
    if not isinstance(value, list | tuple):
        return [value]
    flat: list[Value] = []
    for item in value:
        flat.extend(item) if isinstance(item, list | tuple) else flat.append(item)
    return flat


def _short_name(name: str) -> str:
    return name.rsplit(".", 1)[-1]
