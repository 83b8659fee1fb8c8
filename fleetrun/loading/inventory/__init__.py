"""Inventory sources become one inventory.

A source is a file (INI, YAML, JSON, CSV), an executable script, a directory of
these, or a list of devices such as ``gw-1,gw-2,``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from fleetrun.errors import InputError
from fleetrun.loading.inventory import compiled
from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.directory import list_files
from fleetrun.loading.inventory.files import load_file
from fleetrun.loading.inventory.folders import is_folder, is_there
from fleetrun.loading.inventory.gcpause import collector_paused
from fleetrun.loading.inventory.group_vars import VarsFolders
from fleetrun.loading.inventory.ini import load_host_list
from fleetrun.loading.inventory.surroundings import Surroundings
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import NO_VARS, Vars

__all__ = ["load_inventory"]


def load_inventory(
    sources: Sequence[str], *, playbook_dir: str | None = None, extra_vars: Vars = NO_VARS
) -> Inventory:
    """Returns the inventory of all `sources`; later ones override earlier ones.

    Variables in group_vars/ and host_vars/ next to each source and in
    `playbook_dir` go to their layers. Without sources the inventory has no
    devices. `extra_vars` are those of -e, for a constructed source that asks for
    them. Runs executable sources. Raises InputError with every problem found.
    """
    surroundings = Surroundings(
        playbook_dir=Path(playbook_dir) if playbook_dir else None, extra_vars=extra_vars
    )
    with collector_paused():
        key = compiled.key_of(sources, _files_of(sources))
        return (key and _from_cache(key, sources, surroundings)) or _from_sources(
            key, sources, surroundings
        )


def _from_cache(
    key: str, sources: Sequence[str], surroundings: Surroundings
) -> Inventory | None:
    folders = VarsFolders(
        [folder for source in sources if (folder := _folder_of(source)) is not None],
        surroundings.playbook_dir,
    )
    inventory = compiled.find(key, folders, sources)
    if inventory is not None and folders.problems:
        raise InputError(folders.problems)
    return inventory and replace(inventory, digest=key)


def _from_sources(key: str, sources: Sequence[str], surroundings: Surroundings) -> Inventory:
    builder = InventoryBuilder()
    for source in sources:
        _load_source(builder, source, surroundings)
    inventory = builder.finish(surroundings.folders(), sources)
    if inventory is None:
        raise InputError(builder.problems)
    if key and builder.is_reproducible and compiled.keep(key, inventory):
        return replace(inventory, digest=key)
    return inventory


def files_read(sources: Sequence[str], playbook_dir: str | None = None) -> list[Path]:
    """Returns the files that an inventory is read from: its sources, and their variables."""
    folders = [folder for source in sources if (folder := _folder_of(source)) is not None]
    if playbook_dir:
        folders.append(Path(playbook_dir))
    beside = [
        file for folder in folders for name in ("group_vars", "host_vars")
        for file in sorted((folder / name).rglob("*")) if file.is_file()
    ]
    return list(dict.fromkeys([*_files_of(sources), *beside]))


def _files_of(sources: Sequence[str]) -> Iterator[Path]:
    """The files that sources are read from; what is wrong with them is told later."""
    aside = InventoryBuilder()
    for source in sources:
        path = Path(source)
        if source and is_there(source):
            yield from list_files(aside, path) if is_folder(path) else (path,)


def _folder_of(source: str) -> Path | None:
    """The folder whose group_vars/ and host_vars/ belong to a source."""
    if not source or not is_there(source):
        return None
    path = Path(source)
    return path if is_folder(path) else path.parent


def _load_source(builder: InventoryBuilder, source: str, surroundings: Surroundings) -> None:
    """Loads one source; notes the folder whose group_vars/ and host_vars/ belong to it."""
    path = Path(source)
    folder = _folder_of(source)
    if folder is not None:
        surroundings.source_dirs.append(folder)
    if "," in source and not is_there(source):
        load_host_list(builder, source)
    elif not source or not is_there(source):
        _note_missing(builder, source, path)
    elif is_folder(path):
        for file in list_files(builder, path):
            load_file(builder, file, surroundings)
    else:
        load_file(builder, path, surroundings)


def _note_missing(builder: InventoryBuilder, source: str, path: Path) -> None:
    beside: list[str] = []
    with suppress(OSError):
        beside = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], 1)
    builder.problem(
        "input/missing-file", f"there is no inventory `{source}`",
        label=f"did you mean `{path.parent / beside[0]}`?" if beside else "",
        hint=(f"did you mean `{path.parent / beside[0]}`? " if beside else "")
        + f"To name devices themselves, end with a comma: `{source},`",
    )
