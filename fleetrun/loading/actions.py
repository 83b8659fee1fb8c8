"""Which module a task names, and where its arguments stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from fleetrun.errors import InputError, Mark
from fleetrun.loading.fields import (
    Field,
    did_you_mean,
    is_keyword,
    nearest,
    read_text,
    type_name,
)
from fleetrun.loading.modules import canonical_name
from fleetrun.loading.schema import KEYWORDS, MODULE_SUBSTITUTES, Level
from fleetrun.model.module import ArgSpec, ArgType, ModuleKind, ModuleSpec
from fleetrun.model.values import TemplateText

_TASK_KEYS = frozenset(KEYWORDS[Level.HANDLER])
#: Actions that bring in a role.
ROLES: Final = frozenset({"import_role", "include_role"})


def _role_spec(name: str) -> ModuleSpec:
    texts = ("tasks_from", "vars_from", "defaults_from", "handlers_from")
    flags = ("allow_duplicates", "public", "rolespec_validate")
    args = {
        "name": ArgSpec(name="name", required=True, aliases=("role",)),
        **{text: ArgSpec(name=text) for text in texts},
        **{flag: ArgSpec(name=flag, type=ArgType.BOOL) for flag in flags},
        "apply": ArgSpec(name="apply", type=ArgType.DICT),
    }
    if name == "import_role":
        del args["apply"]
    return ModuleSpec(name=name, family="", summary="", kind=ModuleKind.INCLUDE, args=args)


def _include_spec(name: str) -> ModuleSpec:
    args = {
        "file": ArgSpec(name="file", type=ArgType.PATH),
        "apply": ArgSpec(name="apply", type=ArgType.DICT),
    }
    return ModuleSpec(
        name=name, family="", summary="", kind=ModuleKind.INCLUDE, free_form=True, args=args
    )


#: Specs that do not depend on the library.
INCLUDES: Final = {
    **{name: _include_spec(name) for name in ("include_tasks", "import_tasks")},
    **{name: _role_spec(name) for name in sorted(ROLES)},
}


class ModuleLookup(Protocol):
    """The modules that tasks may name."""

    def get(self, name: str) -> ModuleSpec | None:
        """The spec of a module, or None; raises InputError when its files are wrong."""
        ...

    def names(self) -> tuple[str, ...]:
        """All names."""
        ...


#: Keys whose value names the module. ``local_action`` is delegated to localhost.
OLDER_NOTATION: Final = ("action", "local_action")


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A module and the value that its key has, as found in a task."""

    #: Without the prefix of Ansible's own collections.
    module: str
    #: As it is written.
    written: str = ""
    #: Where the arguments stand: a mapping, text or nothing.
    field: Field
    #: Text that follows the module's name in ``action: copy src=a``.
    text: str | None = None
    #: Keys of the mapping that are no arguments.
    not_args: tuple[str, ...] = ()


def find_action(field: Field, modules: ModuleLookup, what: str) -> Action | None:
    """The one action of a task; None after a complaint."""
    unknown = [child for child in field.children() if str(child.pointer[-1]) not in _TASK_KEYS]
    named = [child for child in unknown if _is_action(str(child.pointer[-1]), modules)]
    older = [child for child in field.children() if child.pointer[-1] in OLDER_NOTATION]
    keyword = older[0] if older else None
    names = [str(child.pointer[-1]) for child in [*named, *older]]
    if len(names) > 1:
        second = named[min(1, len(named) - 1)] if named else older[1]
        second.complain(
            "input/several-modules", f"{what} has more than one module: "
            + ", ".join(f"`{name}`" for name in names), mark=second.key_mark,
            hint="write one task for each",
        )
        return None
    if named:
        return _checked(_action_of_key(named[0]))
    if keyword is None:
        _complain_no_module(field, unknown, modules, what)
        return None
    action = _action_of_keyword(keyword)
    if action is not None and not _is_action(action.module, modules):
        complain_unknown_module(keyword, action.module, modules, keyword.mark)
        return None
    return _checked(action)


def _is_action(name: str, modules: ModuleLookup) -> bool:
    short = canonical_name(name)
    special = short in INCLUDES or short == "import_playbook"
    return special or short in modules.names()


def _checked(action: Action | None) -> Action | None:
    """The action, unless it may not stand among tasks."""
    if action is not None and action.module == "import_playbook":
        action.field.complain(
            "input/misplaced", "`import_playbook` stands among tasks",
            mark=action.field.key_mark, hint="move it to the top level of the playbook",
        )
        return None
    return action


def _complain_no_module(
    field: Field, unknown: list[Field], modules: ModuleLookup, what: str
) -> None:
    for child in field.children():
        known = child.pointer[-1] in _TASK_KEYS
        if known and not is_keyword(child, Level.HANDLER, what):
            return  # `local_action` and the like have said it all
    is_named = False
    for child in unknown:
        name = str(child.pointer[-1])
        is_like_module = bool(nearest(canonical_name(name), modules.names(), 0.75))
        is_like_keyword = bool(nearest(name, _TASK_KEYS, 0.75)) or name.startswith("with_")
        if is_like_keyword and not is_like_module:
            is_keyword(child, Level.TASK, what)
        else:
            is_named = True
            complain_unknown_module(child, name, modules, child.key_mark)
    if not is_named:
        field.complain(
            "input/no-module", f"{what} has no module",
            hint="a task needs one key that is a module's name, such as `command:`",
        )


def _action_of_key(field: Field) -> Action:
    """The action of ``copy: {src: a}``."""
    name = str(field.pointer[-1])
    return Action(module=canonical_name(name), field=field, written=name)


def _action_of_keyword(field: Field) -> Action | None:
    """The action of ``action: copy src=a`` or ``action: {module: copy, src: a}``."""
    holder = field
    if isinstance(field.value, dict) and "module" in field.value:
        holder = field.child("module")
    elif not isinstance(field.value, str):
        field.complain(
            "input/type", f"`{field.key}` needs text, not {type_name(field.value)}",
            hint="write the module as the key: `copy: {src: a, dest: b}`",
        )
        return None
    name, _, rest = read_text(holder).strip().partition(" ")
    if isinstance(holder.value, TemplateText) and "{" in name:
        holder.complain(
            "input/template-not-allowed", "the module's name cannot be a template",
            hint="use one task for each module and `when:`",
        )
        return None
    is_mapping = holder is not field
    text = rest.strip() if rest.strip() or not is_mapping else None
    return Action(
        module=canonical_name(name), field=field, text=text, written=name,
        not_args=("module",) if is_mapping else (),
    )


def complain_unknown_module(field: Field, name: str, modules: ModuleLookup, mark: Mark) -> None:
    """Notes that there is no module `name`."""
    short = canonical_name(name)
    substitute = MODULE_SUBSTITUTES.get(short.rsplit(".", 1)[-1], "")
    names = modules.names()
    last = short.rsplit(".", 1)[-1]
    label = f"use `{substitute}`" if substitute in names else did_you_mean(last, names)
    sought = f" (looked for `{last}`)" if last != name else ""
    field.complain(
        "input/unknown-module", f"there is no module `{name}`{sought}", mark=mark, label=label,
        allowed=names, hint="`fleetrun doc MODULE` explains a module",
    )


def spec_of(action: Action, modules: ModuleLookup) -> ModuleSpec | None:
    """The spec of an action's module; None when its own files are wrong (noted)."""
    if action.module in INCLUDES:
        return INCLUDES[action.module]
    try:
        return modules.get(action.module)
    except InputError as exc:
        action.field.problems.extend(exc.problems)
        return None
