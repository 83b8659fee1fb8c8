"""YAML (and JSON) inventories: groups with `hosts`, `children` and `vars`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from fleetrun.errors import InputError, Mark, Problem
from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.constructed import NAMES, load_constructed
from fleetrun.loading.inventory.hostpattern import HostPatternError, expand, split_port
from fleetrun.loading.inventory.names import shown
from fleetrun.loading.inventory.surroundings import ALONE, Surroundings
from fleetrun.loading.yamlfile import YamlDocument, read_yaml
from fleetrun.model.values import NO_VARS, Vars

_KEYS = ("vars", "children", "hosts")
#: Finding one key's place walks its whole mapping. Above so many devices in one
#: mapping they share the mapping's place, or loading would be quadratic.
_MAX_MARKED = 1000

_Pointer = tuple[str | int, ...]


def load_yaml(
    builder: InventoryBuilder, path: Path, surroundings: Surroundings = ALONE
) -> None:
    """Adds what a YAML file says; everything wrong goes to the builder's problems."""
    try:
        document = read_yaml(path)
    except InputError as exc:
        builder.problems += exc.problems
        return
    root = document.value
    if document.is_secret:
        builder.is_reproducible = False  # what it says must not be kept
    if root is None:
        return
    if not isinstance(root, Mapping):
        builder.problem(
            "input/inventory-syntax", "a YAML inventory is a mapping of groups", document.mark(),
            hint="start with `all:` and put `hosts:` and `children:` below it",
        )
    elif "plugin" in root and not isinstance(root["plugin"], Mapping):
        _load_plugin(builder, document, root["plugin"], surroundings)
    else:
        _YamlReader(builder, document).read(root)


def _load_plugin(
    builder: InventoryBuilder, document: YamlDocument, name: object, surroundings: Surroundings
) -> None:
    if name in NAMES:
        load_constructed(builder, document, surroundings.folders(), surroundings.extra_vars)
        return
    builder.problem(
        "input/inventory-plugin", f"the inventory plugin `{shown(str(name))}` is not supported",
        document.key_mark(("plugin",)),
        hint="supported is `constructed`; for others use an executable script that prints JSON, "
        "as `ansible-inventory --list` does",
    )


class _YamlReader:
    """Walks one document."""

    def __init__(self, builder: InventoryBuilder, document: YamlDocument) -> None:
        self._builder = builder
        self._document = document

    def read(self, root: Mapping[object, object]) -> None:
        """Takes the groups of the top level."""
        for name, body in root.items():
            self._group(name, body, (), None)

    def _group(self, name: object, body: object, above: _Pointer, parent: str | None) -> None:
        pointer = (*above, name) if isinstance(name, str | int) else above
        mark = self._document.key_mark(pointer)
        if not isinstance(name, str):
            self._not_text("group", name, mark)
            return
        if parent is None:
            self._builder.define_group(name, mark)
        else:
            self._builder.add_child(parent, name, mark)
        if body is None:
            return
        if not isinstance(body, Mapping):
            self._builder.problem(
                "input/inventory-syntax",
                f"the group `{shown(name)}` must be a mapping of vars, children and hosts",
                self._document.mark(pointer),
            )
            return
        self._check_keys(name, body, pointer)
        self._vars(name, body.get("vars"), (*pointer, "vars"))
        for child, child_body in self._entries(body.get("children"), (*pointer, "children")):
            self._group(child, child_body, (*pointer, "children"), name)
        self._hosts(name, body.get("hosts"), (*pointer, "hosts"))

    def _check_keys(self, group: str, body: Mapping[object, object], pointer: _Pointer) -> None:
        for key in body:
            if key in _KEYS:
                continue
            near = get_close_matches(str(key), _KEYS, 1)
            place = (*pointer, key) if isinstance(key, str | int) else pointer
            self._builder.problems.append(Problem(
                kind="input/unknown-keyword",
                message=f"unknown key `{shown(str(key))}` in the group `{shown(group)}`",
                mark=self._document.key_mark(place),
                label=f"did you mean `{near[0]}`?" if near else "",
                hint="child groups stand below `children:`, variables below `vars:`",
                allowed=_KEYS,
            ))

    def _entries(self, value: object, pointer: _Pointer) -> list[tuple[object, object]]:
        """Names and bodies below `hosts` or `children`; one bare name is allowed."""
        if value is None:
            return []
        if isinstance(value, Mapping):
            return list(value.items())
        if isinstance(value, str):
            return [(value, None)]
        what = pointer[-1]
        self._builder.problem(
            "input/inventory-syntax", f"`{what}` must be a mapping, not a list or number",
            self._document.mark(pointer), hint="end each name with a colon: `name:`",
        )
        return []

    def _vars(self, group: str, value: object, pointer: _Pointer) -> None:
        values = self._values(value, pointer)
        if values:
            mark = self._document.key_mark(pointer)
            self._builder.set_group_vars(group, values, mark)

    def _values(self, value: object, pointer: _Pointer) -> Vars:
        if value is None:
            return NO_VARS
        if not isinstance(value, Mapping):
            self._builder.problem(
                "input/inventory-syntax", "variables must be a mapping of names to values",
                self._document.mark(pointer),
            )
            return NO_VARS
        for key in value:
            if not isinstance(key, str):
                self._not_text("variable", key, self._document.key_mark((*pointer, key)))
        return value

    def _hosts(self, group: str, value: object, pointer: _Pointer) -> None:
        entries = self._entries(value, pointer)
        shared = self._document.key_mark(pointer) if len(entries) > _MAX_MARKED else None
        groups = (group,)
        for name, body in entries:
            place = (*pointer, name) if isinstance(name, str | int) else pointer
            mark = shared or self._document.key_mark(place)
            if not isinstance(name, str):
                self._not_text("device", name, self._document.key_mark(place))
                continue
            values = self._values(body, place)
            self._add_devices(name, groups, values, mark)

    def _add_devices(
        self, pattern: str, groups: tuple[str, ...], values: Vars, mark: Mark
    ) -> None:
        try:
            host, port = split_port(pattern)
            names = expand(host)
        except HostPatternError as exc:
            self._builder.problem(
                "input/device-name", f"`{shown(pattern)}` names no device: {exc}", mark
            )
            return
        if port is not None:
            values = {"ansible_port": port, **values}
        for name in names:
            self._builder.add_device(name, groups, values, mark)

    def _not_text(self, what: str, name: object, mark: Mark) -> None:
        self._builder.problem(
            "input/inventory-syntax",
            f"the name of a {what} must be text, not {shown(repr(name))}", mark,
            hint="put the name in quotes",
        )
