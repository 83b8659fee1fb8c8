"""Executable inventories: a program that prints JSON for ``--list``.

Its output is data of a program, not text of the operator: no value in it is
ever a template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fleetrun.errors import Mark
from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.names import shown
from fleetrun.loading.program import ProgramError, run_program
from fleetrun.loading.vault import VaultError
from fleetrun.loading.vault.values import SEALED_KEY, UNSAFE_KEY, opened
from fleetrun.model.values import NO_VARS, Value

_META = "_meta"
_KEYS = frozenset({"hosts", "vars", "children"})


def load_script(builder: InventoryBuilder, path: Path) -> None:
    """Runs the script and adds what it lists; problems go to the builder."""
    _ScriptReader(builder, path).read()


def _special(value: dict[str, Value]) -> Value:
    """Ansible's two words in JSON: an encrypted value, and text that is no template."""
    if len(value) == 1:
        if isinstance(text := value.get(SEALED_KEY), str):
            return opened(text)
        if isinstance(text := value.get(UNSAFE_KEY), str):
            return text
    return value


class _ScriptReader:
    """Reads one script's output."""

    def __init__(self, builder: InventoryBuilder, path: Path) -> None:
        self._builder = builder
        self._path = path
        self._mark = Mark(file=str(path), line=1)

    def read(self) -> None:
        """Runs ``--list`` and takes its groups and devices."""
        listing = self._run("--list")
        if listing is None:
            return
        meta = listing.get(_META)
        if meta is not None and not isinstance(meta, Mapping):
            self._wrong(f"`{_META}` must be an object")
            return
        members = self._take_groups(listing)
        if meta is None:
            self._ask_each(members)
            return
        host_vars = meta.get("hostvars")
        if host_vars is not None and not isinstance(host_vars, Mapping):
            self._wrong("`_meta.hostvars` must be an object")
            return
        known = host_vars or {}
        for name in members:
            self._set_vars(name, known.get(name))
        listed = set(members)
        lost = [name for name in known if name not in listed]
        if lost:
            self._builder.warnings.append(
                f"{self._path}: {len(lost)} devices in _meta.hostvars are in no group and are "
                f"ignored, such as `{shown(lost[0])}`"
            )

    def _take_groups(self, listing: Mapping[str, Value]) -> list[str]:
        """Defines the groups and their devices, which are returned in the order listed."""
        members: dict[str, None] = {}
        for name, given in listing.items():
            if name == _META:
                continue
            self._builder.define_group(name, self._mark)
            body = {"hosts": given} if isinstance(given, list) else given  # the short form
            if not isinstance(body, Mapping) or not _KEYS.issuperset(body):
                self._wrong(
                    f"the group `{shown(name)}` must be a list of devices, or an object with "
                    "hosts, vars and children only"
                )
                continue
            members.update(dict.fromkeys(self._take_group(name, body)))
        # A name that was refused must not be a second problem with its variables.
        return [name for name in members if self._builder.mark_of(name) is not None]

    def _take_group(self, name: str, body: Mapping[str, Value]) -> list[str]:
        values = body.get("vars") or {}
        if isinstance(values, Mapping):
            self._builder.set_group_vars(name, values, self._mark)
        else:
            self._wrong(f"`vars` of the group `{shown(name)}` must be an object")
        for child in self._names(name, "children", body):
            self._builder.add_child(name, child, self._mark)
        devices = self._names(name, "hosts", body)
        groups = (name,)
        for device in devices:
            self._builder.add_device(device, groups, NO_VARS, self._mark)
        return devices

    def _names(self, group: str, key: str, body: Mapping[str, Value]) -> list[str]:
        names = body.get(key) or []
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return [name for name in names if isinstance(name, str)]
        self._wrong(f"`{key}` of the group `{shown(group)}` must be a list of names")
        return []

    def _ask_each(self, members: list[str]) -> None:
        """One run of ``--host NAME`` per device, as scripts without `_meta` need."""
        if members:
            self._builder.warnings.append(
                f"{self._path} prints no `_meta`, so it ran once per device "
                f"({len(members)} times)"
            )
        for name in members:
            values = self._run("--host", name)
            if values is None:
                return  # the next device would fail alike
            self._set_vars(name, values)

    def _set_vars(self, name: str, values: Value) -> None:
        if isinstance(values, Mapping):
            self._builder.add_device(name, (), values, self._mark)
        elif values is not None:
            self._wrong(f"the variables of `{shown(name)}` must be an object")

    def _run(self, *arguments: str) -> Mapping[str, Value] | None:
        try:
            output = run_program([str(self._path.absolute()), *arguments])
            parsed = json.loads(output.decode("utf-8"), object_hook=_special)
            if b"\\ud" in output.lower():  # half a surrogate pair cannot be written anywhere
                json.dumps(parsed, ensure_ascii=False).encode()
        except ProgramError as exc:
            self._builder.problem(exc.kind, f"{self._path} {arguments[0]}: {exc}", self._mark,
                                  hint=f"run `{self._path} {' '.join(arguments)}` by hand")
            return None
        except VaultError as exc:
            self._builder.problems.append(exc.problem(
                f"a value that {self._path} {arguments[0]} prints", self._mark
            ))
            return None
        except (ValueError, RecursionError) as exc:
            self._wrong(f"{arguments[0]} did not print JSON: {shown(str(exc))}")
            return None
        if not isinstance(parsed, dict):
            self._wrong(f"{arguments[0]} must print a JSON object")
            return None
        return parsed

    def _wrong(self, what: str) -> None:
        self._builder.problem("input/script-output", f"{self._path}: {what}", self._mark)
