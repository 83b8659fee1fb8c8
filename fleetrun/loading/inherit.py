"""What plays, blocks and imports hand down to their tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fleetrun.loading.conditions import read_conditions
from fleetrun.loading.defaults import Defaults, read_defaults
from fleetrun.loading.fields import (
    Field,
    read_flag,
    read_names,
    read_number,
    read_text,
    read_vars,
    type_name,
)
from fleetrun.loading.role_files import RoleParts
from fleetrun.model.playbook import Become
from fleetrun.model.role import Role
from fleetrun.model.values import TemplateText, Value, Vars


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """Everything a task gets from outside of itself, resolved so far."""

    when: tuple[Value, ...] = ()
    #: Blocks, outer first; the play's own variables are not among them.
    vars_layers: tuple[Vars, ...] = ()
    environment: tuple[Value, ...] = ()
    become: Become = field(default_factory=Become)
    remote_user: Value = None
    tags: frozenset[str] = frozenset()
    notify: tuple[Value, ...] = ()
    ignore_errors: Value = False
    ignore_unreachable: Value = False
    delegate_to: Value = None
    delegate_facts: Value = False
    run_once: Value = False
    throttle: Value = None
    any_errors_fatal: Value = False
    connection: Value = None
    no_log: Value = False
    check_mode: Value = None
    diff: Value = None
    timeout: Value = None
    #: Arguments of modules that tasks need not say, by module.
    module_defaults: Defaults = field(default_factory=dict)
    #: The role that the tasks are part of.
    role: Role | None = None
    #: Uses of roles around, outermost first, the tasks' own included.
    roles: tuple[RoleParts, ...] = ()
    #: Variables of the includes around, outer first.
    param_layers: tuple[Vars, ...] = ()
    #: The variables that an include hands down itself; last of `param_layers`.
    own_params: tuple[Vars, ...] = ()
    #: What is known of all devices before the run: the play's own variables.
    static_vars: tuple[Vars, ...] = ()
    #: Where the include itself stands.
    source: Field | None = None
    #: True below an include, where a role may contain itself.
    is_dynamic: bool = False
    #: Folder of the playbook: the last place to look for included files.
    play_dir: str = ""
    is_handler: bool = False


_FLAGS = (
    "ignore_errors", "ignore_unreachable", "no_log", "check_mode", "diff", "delegate_facts",
    "run_once", "any_errors_fatal",
)
_WORDS = ("remote_user", "delegate_to", "connection")


def inherit(outer: Inherited, keys: Mapping[str, Field], *, with_vars: bool = True) -> Inherited:
    """`outer` with the keywords of a play, block or task on top.

    Conditions, tags, notifications, variables and environments add up; of
    everything else the inner one wins.
    """
    changes: dict[str, object] = {
        name: read_flag(keys[name]) for name in _FLAGS if name in keys
    }
    if "when" in keys:
        changes["when"] = outer.when + read_conditions(keys["when"])
    if "vars" in keys and with_vars:
        changes["vars_layers"] = (*outer.vars_layers, read_vars(keys["vars"]))
    if "environment" in keys:
        changes["environment"] = outer.environment + _environment(keys["environment"])
    changes |= {name: read_text(keys[name]) for name in _WORDS if name in keys}
    if "throttle" in keys:
        changes["throttle"] = read_number(keys["throttle"], least=0)
    if "tags" in keys:
        changes["tags"] = outer.tags | read_tags(keys["tags"])
    if "notify" in keys:
        changes["notify"] = outer.notify + read_names(keys["notify"])
    if "module_defaults" in keys:
        changes["module_defaults"] = read_defaults(
            keys["module_defaults"], outer.module_defaults
        )
    if "timeout" in keys:
        changes["timeout"] = read_number(keys["timeout"], least=0)
    if {"become", "become_user", "become_method", "become_exe", "become_flags"} & set(keys):
        changes["become"] = _become(outer.become, keys)
    return replace(outer, **changes)  # type: ignore[arg-type]  # names and types match the fields


def read_tags(field_: Field) -> frozenset[str]:
    """Names of tags: a list, or text with commas."""
    return frozenset(read_names(field_, is_static=True, comma=True))


def _become(outer: Become, keys: Mapping[str, Field]) -> Become:
    return Become(
        enabled=read_flag(keys["become"]) if "become" in keys else outer.enabled,
        user=read_text(keys["become_user"]) if "become_user" in keys else outer.user,
        method=read_text(keys["become_method"]) if "become_method" in keys else outer.method,
        exe=read_text(keys["become_exe"]) if "become_exe" in keys else outer.exe,
        flags=read_text(keys["become_flags"]) if "become_flags" in keys else outer.flags,
    )


def _environment(field_: Field) -> tuple[Value, ...]:
    """One layer for each mapping; a template may stand for a whole layer."""
    fields = field_.children() if isinstance(field_.value, list) else [field_]
    layers: list[Value] = []
    for one in fields:
        if isinstance(one.value, TemplateText):
            layers.append(one.value)
        elif isinstance(one.value, dict):
            layers.append(_environment_layer(one))
        elif one.value is not None:
            one.complain(
                "input/type", f"`environment` must be a mapping, not {type_name(one.value)}",
                hint="write NAME: VALUE pairs",
            )
    return tuple(layers)


def _environment_layer(field_: Field) -> Vars:
    """Names and values as text, so that `NO` or `0644` does not change silently."""
    layer: dict[str, Value] = {}
    for child in field_.children():
        name = str(child.pointer[-1])
        if not name or "=" in name:
            child.complain(
                "input/variable-name", f"`{name}` cannot name an environment variable",
                mark=child.key_mark,
            )
        elif child.value is not None:
            layer[name] = read_text(child)
        else:
            layer[name] = ""
    return layer
