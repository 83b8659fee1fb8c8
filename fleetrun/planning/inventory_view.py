"""The inventory as `ansible-inventory` shows it: its list, its tree, its graph. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass

from fleetrun.model.inventory import Group, Inventory, VarLayers
from fleetrun.model.values import SecretText, TemplateText, Value, Vars
from fleetrun.planning.variables import BaseVars, own_vars

#: Variables that Ansible makes itself and never lists.
_INTERNAL = frozenset({
    "ansible_diff_mode", "ansible_config_file", "ansible_facts", "ansible_forks",
    "ansible_inventory_sources", "ansible_limit", "ansible_playbook_python", "ansible_run_tags",
    "ansible_skip_tags", "ansible_verbosity", "ansible_version", "inventory_dir",
    "inventory_file", "inventory_hostname", "inventory_hostname_short", "groups", "group_names",
    "omit", "playbook_dir",
})
_PRIORITY = "ansible_group_priority"
_LOOKS_LIKE_TEMPLATE = re.compile(r"\{[{%#]")

#: Puts what may be shown in the place of a secret.
Cover = Callable[[SecretText], Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryView:
    """One way to look at an inventory.

    Attributes:
        shown: Devices that --limit leaves.
        extra_vars: Variables over those of every device; not exported.
        is_export: Variables stand where they were set, not merged.
        marks_unsafe: Text that looks like a template and is none is marked, as
            in Ansible's JSON.
    """

    inventory: Inventory
    shown: Container[str]
    cover: Cover
    extra_vars: Vars
    is_export: bool = False
    marks_unsafe: bool = False

    def listing(self) -> dict[str, Value]:
        """Returns what an executable inventory prints for ``--list``."""
        groups: dict[str, Value] = {}
        devices: dict[str, Vars] = {}
        base = BaseVars(self.inventory)
        for group in self.inventory.groups.values():
            body = self._group(group)
            if body:
                groups[group.name] = body
        for name in filter(self.shown.__contains__, self.inventory.devices):
            values = self.device_vars(name, base)
            if values:
                devices[name] = values
        meta: Vars = {"hostvars": devices, "profile": "inventory_legacy"}
        return {**groups, "_meta": meta}

    def _group(self, group: Group) -> dict[str, Value]:
        body: dict[str, Value] = {}
        if group.name != "all" and (devices := [d for d in group.devices if d in self.shown]):
            body["hosts"] = devices
        if group.child_order:
            body["children"] = list(group.child_order)
        if self.is_export and (values := self._group_vars(group)):
            body["vars"] = values
        return body

    def tree(self) -> dict[str, Value]:
        """Returns the groups inside each other, as a YAML inventory has them."""
        seen: set[str] = set()
        return {"all": self._branch(self.inventory.groups["all"], seen, BaseVars(self.inventory))}

    def _branch(self, group: Group, seen: set[str], base: BaseVars) -> dict[str, Value]:
        children: dict[str, Value] = {}
        for name in group.child_order:
            if f"@{name}" in seen:  # no device is called so
                children[name] = {}
            elif branch := self._branch(self.inventory.groups[name], seen, base):
                children[name] = branch
            seen.add(f"@{name}")
        devices: dict[str, Value] = {}
        for name in group.devices if group.name != "all" else ():
            if name in self.shown:
                devices[name] = {} if name in seen else self.device_vars(name, base)
                seen.add(name)
        values = self._group_vars(group) if self.is_export else {}
        parts: dict[str, Value] = {"children": children, "hosts": devices, "vars": values}
        return {key: part for key, part in parts.items() if part}

    def device_vars(self, name: str, base: BaseVars | None = None) -> Vars:
        """Returns a device's variables, ready to be shown; raises KeyError."""
        device = self.inventory.devices[name]
        if self.is_export:
            return self._shown(own_vars(device.layers))
        values = (base or BaseVars(self.inventory)).of(name)
        return self._shown({**values, **self.extra_vars})

    def _group_vars(self, group: Group) -> Vars:
        # It is set on a group as a variable is, but no device has it as one.
        priority = {_PRIORITY: group.priority} if group.priority != 1 else {}
        return self._shown({**_in_order(group.layers), **priority})

    def _shown(self, values: Vars) -> dict[str, Value]:
        return {
            name: self._plain(value) for name, value in values.items() if name not in _INTERNAL
        }

    def _plain(self, value: Value) -> Value:
        if isinstance(value, SecretText):
            return self.cover(value)
        if isinstance(value, TemplateText):
            return str(value)
        if isinstance(value, str):
            is_unsafe = self.marks_unsafe and _LOOKS_LIKE_TEMPLATE.search(value)
            return {"__ansible_unsafe": value} if is_unsafe else value
        if isinstance(value, Mapping):
            return {str(name): self._plain(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        return value

    def graph(self, start: str = "all", *, with_vars: bool = False) -> Iterator[str]:
        """Yields the lines of a drawn group; a name stands below each of its parents."""
        base = BaseVars(self.inventory)
        yield f"@{start}:"
        yield from self._drawn(self.inventory.groups[start], 1, base, with_vars=with_vars)

    def _drawn(
        self, group: Group, depth: int, base: BaseVars, *, with_vars: bool
    ) -> Iterator[str]:
        for child in group.child_order:
            yield _line(f"@{child}:", depth)
            below = self.inventory.groups[child]
            yield from self._drawn(below, depth + 1, base, with_vars=with_vars)
        for name in group.devices if group.name != "all" else ():
            yield _line(name, depth)
            if with_vars:
                yield from _pairs(self.device_vars(name, base), depth + 1)
        if with_vars:
            yield from _pairs(self._group_vars(group), depth)


def _line(text: str, depth: int) -> str:
    return "  " + "|  " * (depth - 1) + "|--" + text


def _pairs(values: Vars, depth: int) -> Iterator[str]:
    for name, value in sorted(values.items()):
        yield _line(f"{{{name} = {value!s}}}", depth)


def _in_order(layers: VarLayers) -> Vars:
    return {**layers.source, **layers.beside_inventory, **layers.beside_playbook}

