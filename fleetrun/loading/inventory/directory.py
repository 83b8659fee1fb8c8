"""Directories as sources: which files of a folder are inventories, in which order."""

from __future__ import annotations

from pathlib import Path

from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.folders import is_folder, is_regular_file

#: Source: Ansible's defaults for INVENTORY_IGNORE_EXTS.
IGNORED_ENDINGS = (
    "~", ".orig", ".bak", ".cfg", ".retry", ".pyc", ".pyo", ".swp", ".rpm", ".md", ".txt", ".rst",
)
IGNORED_NAMES = frozenset({"group_vars", "host_vars", "vars_plugins"})
MAX_DEPTH = 16


def list_files(builder: InventoryBuilder, folder: Path, depth: int = 0) -> list[Path]:
    """The inventory files of `folder` and its folders, sorted by name level by level."""
    if depth > MAX_DEPTH:
        builder.problem(
            "input/too-deep", f"{folder} is nested deeper than {MAX_DEPTH} folders",
            hint="is there a link to a folder above it?",
        )
        return []
    try:
        entries = sorted(folder.iterdir())
    except OSError as exc:
        builder.problem(
            "input/unreadable-file", f"cannot read the folder {folder}: {exc.strerror}"
        )
        return []
    files: list[Path] = []
    for path in entries:
        name = path.name
        if name.startswith(".") or name in IGNORED_NAMES or name.endswith(IGNORED_ENDINGS):
            continue
        if is_folder(path):
            files += list_files(builder, path, depth + 1)
        elif is_regular_file(path):
            files.append(path)
        else:
            # Opening a named pipe would wait for a writer that may never come.
            builder.warnings.append(f"{path} is ignored: it is not a regular file")
    return files
