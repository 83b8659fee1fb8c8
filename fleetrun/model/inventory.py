"""The inventory: devices, groups and their layered variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetrun.errors import Mark
from fleetrun.model.values import NO_VARS, Vars


@dataclass(frozen=True, slots=True, kw_only=True)
class VarLayers:
    """The three places a group's or a device's variables come from.

    Kept apart because Ansible's precedence interleaves them between groups
    and hosts (levels 3 to 10); merged by `planning.variables`.
    """

    #: From the inventory source itself.
    source: Vars = field(default_factory=lambda: NO_VARS)
    #: From group_vars/ or host_vars/ next to the inventory.
    beside_inventory: Vars = field(default_factory=lambda: NO_VARS)
    #: From group_vars/ or host_vars/ next to the playbook.
    beside_playbook: Vars = field(default_factory=lambda: NO_VARS)


EMPTY_LAYERS = VarLayers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of devices."""

    name: str
    #: Direct parents, sorted; ``all`` is implied and not listed unless direct.
    parents: tuple[str, ...] = ()
    #: Direct child groups, sorted.
    children: tuple[str, ...] = ()
    #: The same groups in the order in which the sources name them; decides the
    #: order of the devices of a group of groups.
    child_order: tuple[str, ...] = ()
    #: Names of the devices that are direct members, in inventory order.
    devices: tuple[str, ...] = ()
    #: Longest way from ``all``; ``all`` is 0.
    depth: int = 1
    #: ``ansible_group_priority``; merged later when higher, within one depth.
    priority: int = 1
    layers: VarLayers = EMPTY_LAYERS
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device; its name is its identity (host keys are pinned to it)."""

    name: str
    #: All groups it is in, direct or through a child, sorted, without ``all``.
    groups: tuple[str, ...] = ()
    layers: VarLayers = EMPTY_LAYERS
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All devices and groups, in the order in which the sources name them."""

    devices: Mapping[str, Device]
    #: Always has ``all`` and ``ungrouped``.
    groups: Mapping[str, Group]
    #: Paths of the sources, as given.
    sources: tuple[str, ...] = ()
    #: Things a person should know about the sources (not errors).
    warnings: tuple[str, ...] = ()
    #: Hash of all that the sources say, of a large inventory; "" = not known.
    digest: str = ""
