"""Devices and groups that a play adds to the inventory (add_host, group_by). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from fleetrun.model.inventory import Device, Group, Inventory
from fleetrun.model.values import Value

_ALL, _UNGROUPED = "all", "ungrouped"


def grow(inventory: Inventory, changes: Iterable[tuple[str, Mapping[str, Value]]]) -> Inventory:
    """Returns the inventory with what tasks added, in their order.

    A change is (the device whose task it was, {"add_host": {"host_name",
    "groups", "host_vars"}} or {"add_group": name, "parent_groups": names}).
    """
    draft = _Draft(inventory)
    for device, change in changes:
        host = change.get("add_host")
        if isinstance(host, Mapping):
            variables = host.get("host_vars")
            draft.add_device(
                str(host["host_name"]), list(_names(host.get("groups"))),
                variables if isinstance(variables, Mapping) else {},
            )
        for group in _names(change.get("add_group")):
            draft.add_group(group, list(_names(change.get("parent_groups"))))
            draft.join(device, group)
    return replace(inventory, devices=draft.devices, groups=draft.groups)


def _names(value: Value) -> Iterator[str]:
    for name in value if isinstance(value, list | tuple) else [value]:
        if name:
            yield str(name)


class _Draft:
    """An inventory being changed."""

    def __init__(self, inventory: Inventory) -> None:
        self.devices: dict[str, Device] = dict(inventory.devices)
        self.groups: dict[str, Group] = dict(inventory.groups)

    def add_device(self, name: str, groups: list[str], variables: Mapping[str, Value]) -> None:
        device = self.devices.get(name)
        if device is None:
            device = self.devices[name] = Device(name=name)
            self._add_member(_UNGROUPED, name)
        if variables:
            source = {**device.layers.source, **variables}
            self.devices[name] = replace(
                device, layers=replace(device.layers, source=source)
            )
        for group in groups:
            self.add_group(group, [])
            self.join(name, group)

    def add_group(self, name: str, parents: list[str]) -> None:
        """Makes a group, and puts it below its parents."""
        self.groups.setdefault(name, Group(name=name))
        for parent in parents:
            if parent in {name, _ALL}:
                continue
            above = self.groups.setdefault(parent, Group(name=parent))
            group = self.groups[name]
            if name not in above.children:
                self.groups[parent] = replace(
                    above, children=tuple(sorted({*above.children, name})),
                    child_order=(*(above.child_order or above.children), name),
                )
            self.groups[name] = replace(
                group, parents=tuple(sorted({*group.parents, parent})),
                depth=max(group.depth, above.depth + 1),
            )

    def join(self, device: str, group: str) -> None:
        """Makes a device a member of a group."""
        if device not in self.devices or group == _ALL:
            return
        self._add_member(group, device)
        found = self.devices[device]
        groups = {*found.groups, *self._with_ancestors(group)} - {_ALL, _UNGROUPED}
        self.devices[device] = replace(found, groups=tuple(sorted(groups)))
        loose = self.groups[_UNGROUPED]
        if group != _UNGROUPED and device in loose.devices:
            kept = tuple(name for name in loose.devices if name != device)
            self.groups[_UNGROUPED] = replace(loose, devices=kept)

    def _add_member(self, group: str, device: str) -> None:
        found = self.groups.setdefault(group, Group(name=group))
        if device not in found.devices:
            self.groups[group] = replace(found, devices=(*found.devices, device))

    def _with_ancestors(self, name: str) -> set[str]:
        found: set[str] = set()
        queue = [name]
        while queue:
            current = queue.pop()
            if current not in found and current in self.groups:
                found.add(current)
                queue += self.groups[current].parents
        return found
