"""Variables in group_vars/ and host_vars/ next to an inventory or a playbook.

A group's or device's variables are in a file named after it, without an ending
or with .yml, .yaml or .json, or in a folder of that name. The first of these
that exists counts; the files of a folder are all read, sorted, later over
earlier. The folders are listed once: asking the disk for every device would be
half a million questions.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

from fleetrun.errors import InputError, Mark, Problem
from fleetrun.loading.inventory.folders import is_folder
from fleetrun.loading.yamlfile import read_yaml
from fleetrun.model.inventory import EMPTY_LAYERS, VarLayers
from fleetrun.model.values import NO_VARS, Value, Vars

#: In the order in which they are looked for.
ENDINGS = ("", ".yml", ".yaml", ".json")
#: Against folders that contain themselves by a link.
MAX_FOLDER_DEPTH = 16


class VarsFolders:
    """The vars folders beside the inventories (in order) and beside the playbook."""

    def __init__(self, inventory_dirs: Sequence[Path], playbook_dir: Path | None) -> None:
        self.problems: list[Problem] = []
        # Of a folder that is named twice the later place counts.
        self._inventory_dirs = list(dict.fromkeys(reversed(inventory_dirs)))[::-1]
        self._playbook_dirs = [playbook_dir] if playbook_dir is not None else []
        self._read: dict[Path, Vars] = {}

    def group_layers(self, sources: Mapping[str, Vars]) -> dict[str, VarLayers]:
        """The layers of every group, given its variables from the sources."""
        beside = self._collect("group_vars", self._inventory_dirs, sources)
        playbook = self._collect("group_vars", self._playbook_dirs, sources)
        return {
            name: VarLayers(
                source=source or NO_VARS, beside_inventory=beside.get(name, NO_VARS),
                beside_playbook=playbook.get(name, NO_VARS),
            ) if source or name in beside or name in playbook else EMPTY_LAYERS
            for name, source in sources.items()
        }

    def host_layers(self, devices: Container[str]) -> dict[str, tuple[Vars, Vars]]:
        """Variables beside inventory and playbook of each device that has any."""
        beside = self._collect("host_vars", self._inventory_dirs, devices)
        playbook = self._collect("host_vars", self._playbook_dirs, devices)
        return {
            name: (beside.get(name, NO_VARS), playbook.get(name, NO_VARS))
            for name in beside.keys() | playbook.keys()
        }

    def _collect(
        self, folder: str, places: Iterable[Path], names: Container[str]
    ) -> dict[str, Vars]:
        found: dict[str, Vars] = {}
        for place in places:
            for name, path in self._entries(place / folder).items():
                if name in names:
                    values = self._values(path)
                    found[name] = {**found[name], **values} if name in found else values
        return {name: values for name, values in found.items() if values}

    def _entries(self, folder: Path) -> dict[str, Path]:
        """The entry that counts for each name that may be meant."""
        found: dict[str, tuple[int, Path]] = {}
        for path in self._list(folder):
            for rank, ending in enumerate(ENDINGS):
                if not path.name.endswith(ending) or path.name == ending:
                    continue
                name = path.name.removesuffix(ending) if ending else path.name
                if name not in found or rank < found[name][0]:
                    found[name] = (rank, path)
        return {name: path for name, (_, path) in found.items()}

    def _list(self, folder: Path) -> list[Path]:
        """Sorted entries of a folder; none when there is no such folder."""
        try:
            return sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as exc:
            self._problem(
                "input/unreadable-file", f"cannot read the folder {folder}: {exc.strerror}"
            )
            return []

    def _values(self, path: Path, depth: int = 0) -> Vars:
        if not is_folder(path):
            if path not in self._read:
                self._read[path] = self._read_file(path)
            return self._read[path]
        if depth >= MAX_FOLDER_DEPTH:
            self._problem(
                "input/too-deep", f"{path} is nested deeper than {MAX_FOLDER_DEPTH} folders",
                hint="is there a link to a folder above it?",
            )
            return NO_VARS
        merged: dict[str, Value] = {}
        for entry in self._list(path):
            is_skipped = entry.name.startswith(".") or entry.name.endswith("~")
            if not is_skipped and (is_folder(entry) or entry.suffix in ENDINGS):
                merged.update(self._values(entry, depth + 1))
        return merged

    def _read_file(self, path: Path) -> Vars:
        try:
            document = read_yaml(path)
        except InputError as exc:
            self.problems += exc.problems
            return NO_VARS
        values = document.value
        if values is None:
            return NO_VARS
        if not isinstance(values, Mapping):
            self._problem(
                "input/type", "a file of variables must be a mapping of names to values",
                document.mark(),
            )
            return NO_VARS
        for key in values:
            if not isinstance(key, str) or not key:
                self._problem(
                    "input/variable-name", f"the name of a variable must be text, not {key!r}",
                    document.key_mark((key,)), hint="put the name in quotes",
                )
        return values

    def _problem(self, kind: str, message: str, mark: Mark | None = None, hint: str = "") -> None:
        self.problems.append(Problem(kind=kind, message=message, mark=mark, hint=hint))
