"""``plugin: constructed``: groups and variables made of those that are there already.

It sees what the sources before it said. Expressions are the operator's and run
against the variables of one device after the other: first `compose`, then
`groups`, then `keyed_groups`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from fleetrun.errors import Mark, Problem, TemplateError
from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.group_vars import VarsFolders
from fleetrun.loading.inventory.names import shown
from fleetrun.loading.yamlfile import YamlDocument, dump_yaml, load_yaml_text
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import Expression, TemplateText, Value, Vars
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater
from fleetrun.planning.variables import BaseVars

NAMES: Final = frozenset({"constructed", "ansible.builtin.constructed"})
_FLAGS: Final = {
    "strict": False, "use_vars_plugins": False, "use_extra_vars": False, "leading_separator": True,
}
_PARTS: Final = ("compose", "groups", "keyed_groups")
#: Of Ansible's plugin too; there is nothing slow here that would need a cache.
_CACHE: Final = ("cache", "cache_plugin", "cache_timeout", "cache_connection", "cache_prefix")
_KEYED: Final = (
    "key", "prefix", "separator", "parent_group", "default_value", "trailing_separator",
)
#: What may not stand in a group's name becomes ``_``, as in Ansible.
_INVALID: Final = re.compile(r"^[\d\W]|[^\w]")

_Pointer = tuple[str | int, ...]


def load_constructed(
    builder: InventoryBuilder, document: YamlDocument, folders: VarsFolders, extra_vars: Vars
) -> None:
    """Adds what the file constructs; everything wrong goes to the builder's problems."""
    root = document.value
    if not isinstance(root, Mapping):
        raise TypeError("a constructed inventory is a mapping")
    builder.is_reproducible = False  # the environment and vars folders may say other things
    before = len(builder.problems)
    plan = _Plan(builder, document, root)
    if len(builder.problems) == before:
        _Construction(builder, plan, folders, extra_vars).run()


class _Plan:
    """One file, checked.

    Attributes:
        flags: Values of the options that are yes or no.
        compose: Expression of each variable.
        groups: Condition of each group.
        keyed: Settings of each keyed group, with the place of its key.
    """

    def __init__(
        self, builder: InventoryBuilder, document: YamlDocument, root: Mapping[str, Value]
    ) -> None:
        self._builder = builder
        self._document = document
        self.mark = document.key_mark(("plugin",))
        self._check_keys(root, ("plugin", *_FLAGS, *_PARTS, *_CACHE), ())
        self.flags = {name: self._flag(root, name) for name in _FLAGS}
        self.compose = dict(self._expressions(root, "compose"))
        self.groups = dict(self._expressions(root, "groups"))
        self.keyed = list(self._keyed(root.get("keyed_groups")))

    def _problem(self, message: str, pointer: _Pointer, hint: str = "") -> None:
        self._builder.problem(
            "input/inventory-plugin", message, self._document.key_mark(pointer), hint=hint
        )

    def _check_keys(
        self, body: Mapping[str, Value], allowed: tuple[str, ...], at: _Pointer
    ) -> None:
        for key in body:
            if key not in allowed:
                near = get_close_matches(str(key), allowed, 1)
                self._builder.problems.append(Problem(
                    kind="input/unknown-keyword", message=f"unknown key `{shown(str(key))}`",
                    mark=self._document.key_mark((*at, key)),
                    label=f"did you mean `{near[0]}`?" if near else "", allowed=allowed,
                ))

    def _flag(self, root: Mapping[str, Value], name: str) -> bool:
        value = root.get(name, _FLAGS[name])
        if not isinstance(value, bool):
            self._problem(f"`{name}` must be yes or no", (name,))
            return False
        return value

    def _expressions(self, root: Mapping[str, Value], part: str) -> Iterator[tuple[str, Value]]:
        body = root.get(part) or {}
        if not isinstance(body, Mapping):
            self._problem(f"`{part}` must be a mapping of names to expressions", (part,))
            return
        for name, text in body.items():
            yield name, self._expression(text, (part, name))

    def _expression(self, text: Value, pointer: _Pointer) -> Value:
        if isinstance(text, str) and not isinstance(text, TemplateText):
            return Expression(text, self._document.mark(pointer))
        return text

    def _keyed(self, entries: Value) -> Iterator[tuple[Mapping[str, Value], Mark]]:
        if not isinstance(entries or [], list):
            self._problem("`keyed_groups` must be a list", ("keyed_groups",))
            return
        for index, entry in enumerate(entries or []):  # type: ignore[arg-type]  # a list
            at: _Pointer = ("keyed_groups", index)
            if not isinstance(entry, Mapping) or "key" not in entry:
                self._problem("a keyed group is a mapping with a `key`", at)
                continue
            self._check_keys(entry, _KEYED, at)
            if entry.get("default_value") is not None and "trailing_separator" in entry:
                self._problem("default_value and trailing_separator exclude each other", at,
                              hint="keep one of the two")
            key = self._expression(entry["key"], (*at, "key"))
            yield {**entry, "key": key}, self._document.key_mark((*at, "key"))


class _Construction:
    """Carries a plan out over all devices."""

    def __init__(
        self, builder: InventoryBuilder, plan: _Plan, folders: VarsFolders, extra_vars: Vars
    ) -> None:
        self._builder = builder
        self._plan = plan
        self._folders = folders if plan.flags["use_vars_plugins"] else VarsFolders([], None)
        self._extra = extra_vars if plan.flags["use_extra_vars"] else {}
        self._templater = Templater(
            environment=os.environ, yaml_dump=dump_yaml, yaml_load=load_yaml_text
        )

    def run(self) -> None:
        """Constructs for each device; stops at the first error of a strict plan."""
        inventory = self._builder.so_far(self._folders)
        if inventory is None:
            return  # its problems are told at the end
        base = BaseVars(inventory)
        for device in inventory.devices:
            try:
                self._device(inventory, device, base.of(device))
            except TemplateError as exc:
                self._builder.problem(
                    "input/inventory-plugin", f"for `{device}`: {exc.message}",
                    exc.mark or self._plan.mark,
                    hint=exc.hint or "set `strict: false` to leave out what fails",
                )
                return

    def _device(self, inventory: Inventory, device: str, values: Vars) -> None:
        magic: Vars = {
            "inventory_hostname": device,
            "inventory_hostname_short": device.partition(".")[0],
            "group_names": list(inventory.devices[device].groups) or ["ungrouped"],
        }
        composed: dict[str, Value] = {}
        scope = Scope((self._extra, magic, values))  # what is composed sees nothing composed
        for name, expression in self._plan.compose.items():
            found = self._evaluate(expression, scope)
            if found is not None:
                composed[name] = found[0]
        if composed:
            self._builder.add_device(device, (), composed, self._plan.mark)
        scope = Scope((self._extra, magic, composed, values))
        for name, condition in self._plan.groups.items():
            if self._holds(condition, scope):
                self._join(device, _safe(name), self._plan.mark)
        for entry, mark in self._plan.keyed:
            self._keyed(device, entry, mark, scope)

    def _evaluate(self, expression: Value, scope: Scope) -> tuple[Value] | None:
        """The value in a tuple; None when it fails and the plan is not strict."""
        try:
            if isinstance(expression, Expression):
                return (self._templater.evaluate(expression, scope),)
            return (self._templater.render(expression, scope),)
        except TemplateError:
            if self._plan.flags["strict"]:
                raise
            return None

    def _holds(self, condition: Value, scope: Scope) -> bool:
        found = self._evaluate(condition, scope)
        return found is not None and bool(found[0])

    def _join(self, device: str, group: str, mark: Mark) -> None:
        self._builder.define_group(group, mark)
        self._builder.add_device(device, (group,), {}, mark)

    def _keyed(
        self, device: str, entry: Mapping[str, Value], mark: Mark, scope: Scope
    ) -> None:
        found = self._evaluate(entry["key"], scope)
        if found is None:
            return
        (key,) = found
        default = entry.get("default_value")
        if not key and not (key == "" and default is not None):
            if self._plan.flags["strict"] and key not in ([], {}):
                raise self._misfit("the key of a keyed group is empty", mark)
            return
        prefix, separator = str(entry.get("prefix") or ""), str(entry.get("separator", "_"))
        names = list(self._bare_names(key, entry, separator, mark))
        if not prefix and not self._plan.flags["leading_separator"]:
            separator = ""
        above = self._evaluate(entry.get("parent_group"), scope)
        if above is None:
            return
        parent = _safe(str(above[0])) if above[0] else ""
        for name in names:
            group = _safe(f"{prefix}{separator}{name}")
            self._join(device, group, mark)
            if parent:
                self._builder.define_group(parent, mark)
                self._builder.add_child(parent, group, mark)

    def _bare_names(
        self, key: Value, entry: Mapping[str, Value], separator: str, mark: Mark
    ) -> Iterator[str]:
        default = entry.get("default_value")
        if isinstance(key, str):
            yield key or str(default)
        elif isinstance(key, list | tuple):
            yield from (str(default) if each == "" and default is not None else str(each)
                        for each in key)
        elif isinstance(key, Mapping):
            for name, value in key.items():
                if value == "" and default is not None:
                    yield f"{name}{separator}{default}"
                elif value == "" and entry.get("trailing_separator") is False:
                    yield str(name)
                else:
                    yield f"{name}{separator}{value!s}"
        else:
            raise self._misfit(
                f"the key of a keyed group gives a {type(key).__name__}; a text, a list or a "
                "mapping names groups", mark,
            )

    def _misfit(self, message: str, mark: Mark) -> TemplateError:
        return TemplateError(message, kind="template/value", mark=mark)


def _safe(name: str) -> str:
    return _INVALID.sub("_", name)
