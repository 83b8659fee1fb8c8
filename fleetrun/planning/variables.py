"""A device's variables before any play: merged levels 3 to 10, and the magic ones.

Half a million devices share what they have in common: groups are merged once
per combination of groups, and a device adds only its own variables on top.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence

from typing_extensions import override

from fleetrun.model.inventory import Group, Inventory, VarLayers
from fleetrun.model.role import RoleNames
from fleetrun.model.values import Value, Vars
from fleetrun.planning.connection_vars import ConnectionVars, Jump, connection_settings
from fleetrun.planning.scope import LiveMapping, Scope, ScopeView
from fleetrun.planning.select import select
from fleetrun.planning.templates_values import OMIT

__all__ = [
    "BaseVars", "ConnectionVars", "Groups", "HostVars", "Jump", "LayeredVars",
    "connection_settings", "groups_of", "magic_variables", "role_variables",
]

#: What ``ansible_version`` says: the release whose language this follows.
_ANSIBLE_VERSION: Vars = {
    "full": "2.19.0", "string": "2.19.0", "major": 2, "minor": 19, "revision": 0,
}


class LayeredVars(Mapping[str, Value]):
    """A device's own variables over those it shares; copies neither."""

    __slots__ = ("_own", "_shared")

    def __init__(self, own: Vars, shared: Vars) -> None:
        self._own = own
        self._shared = shared

    @override
    def __getitem__(self, name: str) -> Value:
        return self._own[name] if name in self._own else self._shared[name]

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._shared

    @override
    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._shared if name not in self._own)

    @override
    def __len__(self) -> int:
        return len(self._own.keys() | self._shared.keys())


class BaseVars:
    """Levels 3 to 10 of precedence: what inventory and *_vars folders say."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._merged: dict[tuple[str, ...], Vars] = {}

    def of(self, device: str) -> Vars:
        """Returns the merged raw variables of `device`.

        Devices that are in the same groups and have no variables of their own
        get the same object. Raises KeyError for an unknown device.
        """
        found = self._inventory.devices[device]
        shared = self._merged.get(found.groups)
        if shared is None:
            shared = self._merged[found.groups] = self._merge_groups(found.groups)
        own = own_vars(found.layers)
        return LayeredVars(own, shared) if own else shared

    def of_all(self) -> Vars:
        """Returns the variables of a device that is in no group but ``all``."""
        if () not in self._merged:
            self._merged[()] = self._merge_groups(())
        return self._merged[()]

    def _merge_groups(self, names: tuple[str, ...]) -> Vars:
        """Merges in Ansible's order: by place first, then by group (rule 25)."""
        known = self._inventory.groups
        everyone = known["all"].layers
        groups = sorted(
            (known[name] for name in names if name != "all"), key=_group_order
        )
        merged: dict[str, Value] = dict(everyone.source)
        for group in groups:
            merged.update(group.layers.source)
        merged.update(everyone.beside_inventory)
        merged.update(everyone.beside_playbook)
        for group in groups:
            merged.update(group.layers.beside_inventory)
        for group in groups:
            merged.update(group.layers.beside_playbook)
        return merged


def _group_order(group: Group) -> tuple[int, int, str]:
    return (group.depth, group.priority, group.name)


def own_vars(layers: VarLayers) -> Vars:
    """Returns a device's own three places as one; the only one that says something itself."""
    said = [
        place for place in (layers.source, layers.beside_inventory, layers.beside_playbook)
        if place
    ]
    if len(said) == 1:
        return said[0]
    merged: dict[str, Value] = {}
    for place in said:
        merged.update(place)
    return merged


class Groups(LiveMapping):
    """``groups``: the devices of every group, listed when asked for, once each."""

    __slots__ = ("_inventory", "_lists")

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._lists: dict[str, list[Value]] = {}

    def is_of(self, inventory: Inventory) -> bool:
        """True when these are the groups of that very inventory."""
        return self._inventory is inventory

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Returns the devices that a pattern selects; raises UsageError."""
        return select(self._inventory, pattern)

    @override
    def __getitem__(self, name: str) -> list[Value]:
        if name not in self._lists:
            self._lists[name] = list(self._members(self._inventory.groups[name]))
        return self._lists[name]

    def _members(self, group: Group) -> list[str]:
        """A group's own devices first, then its children's, each once."""
        if group.name == "all":
            return list(select(self._inventory, "all"))
        found: dict[str, None] = {}
        queue, seen = [group], {group.name}
        while queue:
            current = queue.pop(0)
            found.update(dict.fromkeys(current.devices))
            fresh = [name for name in current.children if name not in seen]
            seen.update(fresh)
            queue += [self._inventory.groups[name] for name in fresh]
        return list(found)

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._inventory.groups

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._inventory.groups)

    @override
    def __len__(self) -> int:
        return len(self._inventory.groups)


#: The `Groups` of the inventory in use: half a million devices share one.
_LATEST: list[Groups] = []


def groups_of(inventory: Inventory) -> Groups:
    """Returns ``groups`` of an inventory; the same object for the same inventory."""
    if not (_LATEST and _LATEST[0].is_of(inventory)):
        _LATEST[:] = [Groups(inventory)]
    return _LATEST[0]


class HostVars(LiveMapping):
    """``hostvars``: each device's variables, rendered with that device's scope."""

    __slots__ = ("_names", "_render", "_scope_of")

    def __init__(
        self,
        inventory: Inventory,
        scope_of: Callable[[str], Scope],
        render: Callable[[Value, Scope], Value],
    ) -> None:
        """Makes the mapping; `render` is `Templater.render`."""
        self._names: Mapping[str, object] = inventory.devices
        self._scope_of = scope_of
        self._render = render

    @override
    def __getitem__(self, name: str) -> ScopeView:
        if name not in self._names:
            raise KeyError(name)
        return ScopeView(self._scope_of(name), self._render)

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._names

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    @override
    def __len__(self) -> int:
        return len(self._names)


def magic_variables(  # noqa: PLR0913  # one argument for each thing Ansible tells a template
    inventory: Inventory,
    device: str,
    *,
    playbook_dir: str = "",
    check: bool = False,
    diff: bool = False,
    tags: Sequence[str] = (),
    skip_tags: Sequence[str] = (),
    limit: str = "",
    forks: int = 50,
    verbosity: int = 0,
    play_name: str = "",
    play_devices: Sequence[str] = (),
    live_devices: Sequence[str] | None = None,
    batch: Sequence[str] | None = None,
    run: str = "",
    hostvars: HostVars | None = None,
) -> Vars:
    """Returns the variables that exist without anybody setting them.

    Sequences are kept, not copied: pass the same tuple for every device.
    `live_devices` are those of the play that have not failed, `batch` those of
    the current stage or batch; both default to all `play_devices`.
    """
    live = play_devices if live_devices is None else live_devices
    current = live if batch is None else batch
    source = inventory.sources[0] if inventory.sources else ""
    magic: dict[str, Value] = {
        "inventory_hostname": device,
        "inventory_hostname_short": device.partition(".")[0],
        "group_names": list(inventory.devices[device].groups) or ["ungrouped"],
        "groups": groups_of(inventory),
        "inventory_file": source,
        "inventory_dir": posixpath.dirname(source),
        "ansible_inventory_sources": inventory.sources,
        "playbook_dir": playbook_dir,
        "ansible_check_mode": check,
        "ansible_diff_mode": diff,
        "ansible_forks": forks,
        "ansible_verbosity": verbosity,
        "ansible_run_tags": tuple(tags) or ("all",),
        "ansible_skip_tags": tuple(skip_tags),
        "ansible_play_name": play_name,
        "ansible_play_hosts_all": play_devices,
        "ansible_play_hosts": live,
        "play_hosts": live,
        "ansible_play_batch": current,
        "ansible_version": _ANSIBLE_VERSION,
        "omit": OMIT,
        "fleetrun_run": run,
    }
    if limit:
        magic["ansible_limit"] = limit
    if hostvars is not None:
        magic["hostvars"] = hostvars
    return magic


def role_variables(names: RoleNames) -> Vars:
    """Returns ``ansible_role_names`` and its kin; nothing for a play without roles."""
    direct, dependent = list(names.direct), list(names.dependent)
    return {
        "ansible_role_names": list(dict.fromkeys([*dependent, *direct])),
        "ansible_play_role_names": direct, "role_names": direct,
        "ansible_dependent_role_names": dependent,
    }
