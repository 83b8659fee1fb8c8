"""Assembles the inventory from what the sources say, in the order they say it.

Sources call `define_group`, `add_child`, `set_group_vars` and `add_device`;
`finish` orders the groups, works out depths and memberships and makes the
model. Nothing here raises: what is wrong goes to `problems`, so that one run
of the loader finds everything.

Half a million devices pass through here, so what several of them have in
common (group tuples, layers, closures) is one object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from fleetrun.errors import Mark, Problem
from fleetrun.loading.inventory.group_vars import VarsFolders
from fleetrun.loading.inventory.groups import ALL, UNGROUPED, Edge, GroupTree
from fleetrun.loading.inventory.names import (
    device_name_fault,
    group_name_fault,
    is_plain_group_name,
    shown,
)
from fleetrun.model.inventory import EMPTY_LAYERS, Device, Group, Inventory, VarLayers
from fleetrun.model.values import NO_VARS, Value, Vars

#: More are of no use to a person; the last one says how many there are.
MAX_PROBLEMS = 200
_PRIORITY = "ansible_group_priority"
#: Direct groups, variables and first place of a device.
_Entry = tuple[tuple[str, ...], Vars, Mark | None]


class _GroupDraft:
    """A group that is being put together."""

    __slots__ = ("devices", "is_defined", "mark", "priority", "source", "waiting")

    def __init__(self) -> None:
        self.devices: list[str] = []
        self.source: dict[str, Value] = {}
        self.priority = 1
        self.mark: Mark | None = None
        self.is_defined = False
        #: Places that name the group before it is defined: parent ("" for
        #: variables) and position.
        self.waiting: list[tuple[str, Mark | None]] = []

    def copy(self) -> _GroupDraft:
        """A draft that can be finished without changing this one."""
        other = _GroupDraft()
        other.devices = list(self.devices)
        other.source = dict(self.source)
        other.priority = self.priority
        other.mark = self.mark
        other.is_defined = self.is_defined
        return other


class InventoryBuilder:
    """Collects devices, groups and variables; `finish` makes the model."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        #: The same files give the same inventory again, whatever else changes.
        self.is_reproducible = True
        self._groups: dict[str, _GroupDraft] = {}
        self._edges: dict[str, dict[str, Mark | None]] = {}
        self._devices: dict[str, _Entry] = {}
        self._odd_groups: list[str] = []
        self.define_group(ALL, None)
        self.add_child(ALL, UNGROUPED, None)

    def problem(
        self, kind: str, message: str, mark: Mark | None = None, *, label: str = "", hint: str = ""
    ) -> None:
        """Notes something that is wrong in a source."""
        self.problems.append(
            Problem(kind=kind, message=message, mark=mark, label=label, hint=hint)
        )

    def mark_of(self, device: str) -> Mark | None:
        """Where a device was first named; None when it was not."""
        entry = self._devices.get(device)
        return entry[2] if entry else None

    def define_group(self, name: str, mark: Mark | None) -> None:
        """Makes the group unless it is there; parents that wait for it get it now."""
        draft = self._groups.get(name)
        if draft is not None and draft.is_defined:
            return
        fault = group_name_fault(name)
        if fault:
            self.problem(
                "input/group-name", f"`{shown(name)}` cannot be the name of a group: {fault}", mark
            )
        elif not is_plain_group_name(name):
            self._odd_groups.append(name)
        # A group stands where it is defined, not where it was first spoken of.
        self._groups.pop(name, None)
        draft = draft or _GroupDraft()
        draft.is_defined = True
        draft.mark = mark
        self._groups[name] = draft
        for parent, place in draft.waiting:
            if parent:
                self._link(parent, name, place)
        draft.waiting.clear()

    def add_child(
        self, parent: str, child: str, mark: Mark | None, *, is_definition: bool = True
    ) -> None:
        """Puts group `child` into `parent`; a mere mention must be defined somewhere else."""
        if is_definition:
            self.define_group(child, mark)
        draft = self._groups.setdefault(child, _GroupDraft())
        if draft.is_defined:
            self._link(parent, child, mark)
        else:
            draft.waiting.append((parent, mark))

    def _link(self, parent: str, child: str, mark: Mark | None) -> None:
        self._edges.setdefault(parent, {}).setdefault(child, mark)

    def set_group_vars(
        self, name: str, values: Mapping[str, Value], mark: Mark | None,
        *, is_definition: bool = True,
    ) -> None:
        """Sets variables of a group, over earlier ones."""
        if is_definition:
            self.define_group(name, mark)
        draft = self._groups.setdefault(name, _GroupDraft())
        if not draft.is_defined:
            draft.waiting.append(("", mark))
        draft.source.update(values)
        if _PRIORITY in values:
            self._set_priority(draft, draft.source.pop(_PRIORITY), mark)

    def _set_priority(self, draft: _GroupDraft, value: Value, mark: Mark | None) -> None:
        try:
            draft.priority = int(value)  # type: ignore[arg-type]  # TypeError is caught
        except (TypeError, ValueError):
            self.problem(
                "input/type", f"{_PRIORITY} must be a whole number, not {shown(repr(value))}",
                mark,
            )

    def add_device(
        self, name: str, groups: tuple[str, ...], values: Vars, mark: Mark | None
    ) -> None:
        """Adds a device, or its further groups and variables.

        `groups` must be defined, hold no duplicate, and may be shared, as
        `values` may be; neither is changed later.
        """
        entry = self._devices.get(name)
        if entry is None:
            fault = device_name_fault(name)
            if fault:
                self._refuse_device(name, fault, mark)
                return
            self._devices[name] = (groups, values, mark)
            new = groups
        else:
            known, old, first = entry
            new = tuple([group for group in groups if group not in known])
            merged = {**old, **values} if old and values else values or old
            self._devices[name] = (known + new if new else known, merged, first)
        for group in new:
            self._groups[group].devices.append(name)

    def _refuse_device(self, name: str, fault: str, mark: Mark | None) -> None:
        self.problem(
            "input/device-name", f"`{shown(name)}` cannot be the name of a device: {fault}", mark,
            hint="the name is the device's identity; put its address into ansible_host",
        )

    def so_far(self, folders: VarsFolders) -> Inventory | None:
        """Returns the inventory of what was said until now; None when that has problems.

        Nothing that was said is changed, and what is said later still counts.
        """
        copy = InventoryBuilder()
        copy.problems = list(self.problems)
        copy._groups = {name: draft.copy() for name, draft in self._groups.items()}  # its own class
        copy._edges = {parent: dict(kids) for parent, kids in self._edges.items()}
        copy._devices = dict(self._devices)
        for name in [name for name, draft in copy._groups.items() if not draft.is_defined]:
            del copy._groups[name]  # a later source may define it
        return copy.finish(folders, ())

    def finish(self, folders: VarsFolders, sources: Sequence[str]) -> Inventory | None:
        """Makes the inventory; None when there are problems."""
        self._check_undefined()
        tree = self._grow_tree()
        if tree is None or self.problems:
            self._cap_problems()
            return None
        members = self._settle_ungrouped()
        group_layers = folders.group_layers({n: d.source for n, d in self._groups.items()})
        host_layers = folders.host_layers(self._devices)
        self.problems += folders.problems
        if self.problems:
            self._cap_problems()
            return None
        self._note_clashes()
        return Inventory(
            devices=self._make_devices(tree, host_layers),
            groups={
                name: self._make_group(name, tree, members, group_layers[name])
                for name in self._groups
            },
            sources=tuple(sources), warnings=tuple(self.warnings),
        )

    def _check_undefined(self) -> None:
        names = [name for name, draft in self._groups.items() if draft.is_defined]
        for name in [name for name in self._groups if not self._groups[name].is_defined]:
            near = get_close_matches(name, names, 1)
            for parent, mark in self._groups.pop(name).waiting:
                where = f"as a child of `{shown(parent)}`" if parent else "in a :vars section"
                self.problem(
                    "input/unknown-group",
                    f"the group `{shown(name)}` is named {where}, but no source defines it", mark,
                    label=f"did you mean `{near[0]}`?" if near else "",
                    hint=f"add a section [{shown(name)}], which may be empty",
                )

    def _grow_tree(self) -> GroupTree | None:
        has_parent = {child for parent, kids in self._edges.items() for child in kids}
        for name in self._groups:
            if name != ALL and name not in has_parent:
                self._link(ALL, name, None)
        edges = [
            Edge(parent=parent, child=child, mark=mark)
            for parent, kids in self._edges.items() for child, mark in kids.items()
        ]
        tree = GroupTree(list(self._groups), edges)
        if tree.cycle:
            path = " -> ".join(f"`{shown(edge.parent)}`" for edge in tree.cycle)
            mark = next((edge.mark for edge in reversed(tree.cycle) if edge.mark), None)
            self.problem(
                "input/group-cycle",
                f"groups contain each other in a circle: {path} -> `{tree.cycle[0].parent}`",
                mark, hint="remove one of these :children lines",
            )
            return None
        return tree

    def _settle_ungrouped(self) -> dict[str, list[str]]:
        """Members per group: `ungrouped` holds exactly the devices of no other group."""
        only = {ALL, UNGROUPED}
        members = {name: draft.devices for name, draft in self._groups.items()}
        is_lonely: dict[tuple[str, ...], bool] = {}
        for name, (groups, values, mark) in self._devices.items():
            lonely = is_lonely.get(groups)
            if lonely is None:
                lonely = is_lonely[groups] = only.issuperset(groups)
            if lonely and UNGROUPED not in groups:
                self._devices[name] = ((*groups, UNGROUPED), values, mark)
                members[UNGROUPED].append(name)
            elif not lonely and UNGROUPED in groups:
                rest = tuple(group for group in groups if group != UNGROUPED)
                self._devices[name] = (rest, values, mark)
        members[UNGROUPED] = [
            name for name in members[UNGROUPED] if UNGROUPED in self._devices[name][0]
        ]
        return members

    def _note_clashes(self) -> None:
        if self._odd_groups:
            names = ", ".join(f"`{shown(name)}`" for name in self._odd_groups[:5])
            more = f" and {len(self._odd_groups) - 5} more" if len(self._odd_groups) > 5 else ""
            self.warnings.append(
                f"group names that are no plain identifiers: {names}{more}; a pattern may "
                "read their signs as its own"
            )
        for name in self._groups:
            if name in self._devices:
                self.warnings.append(
                    f"`{name}` is a group and a device; a pattern that says `{name}` means "
                    "the device"
                )

    def _make_devices(
        self, tree: GroupTree, host_layers: Mapping[str, tuple[Vars, Vars]]
    ) -> dict[str, Device]:
        closures: dict[tuple[str, ...], tuple[str, ...]] = {}
        devices: dict[str, Device] = {}
        shared_vars: Vars = NO_VARS
        shared = EMPTY_LAYERS
        for name, (groups, values, mark) in self._devices.items():
            closure = closures.get(groups)
            if closure is None:
                closure = closures[groups] = tree.ancestors(groups)
            if name in host_layers:
                beside, playbook = host_layers[name]
                layers = VarLayers(
                    source=values, beside_inventory=beside, beside_playbook=playbook
                )
            else:
                if values is not shared_vars:  # the devices of a range share one object
                    shared_vars = values
                    shared = VarLayers(source=values) if values else EMPTY_LAYERS
                layers = shared
            devices[name] = Device(name=name, groups=closure, layers=layers, mark=mark)
        return devices

    def _make_group(
        self, name: str, tree: GroupTree, members: Mapping[str, list[str]], layers: VarLayers
    ) -> Group:
        draft = self._groups[name]
        children = tree.children[name]
        return Group(
            name=name, parents=tuple(sorted(tree.parents[name])),
            children=tuple(sorted(children)), child_order=tuple(children),
            devices=tuple(members[name]), depth=tree.depths[name], priority=draft.priority,
            layers=layers, mark=draft.mark,
        )

    def _cap_problems(self) -> None:
        more = len(self.problems) - MAX_PROBLEMS
        if more > 0:
            del self.problems[MAX_PROBLEMS:]
            self.problem("input/too-many-problems", f"{more} more problems are not shown")
