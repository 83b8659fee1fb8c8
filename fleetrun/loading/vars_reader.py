"""Files of variables that a run reads on its way: include_vars and vars_files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fleetrun.errors import InputError, Problem
from fleetrun.loading.fields import read_vars
from fleetrun.loading.sources import Sources, candidates, is_file
from fleetrun.model.values import NO_VARS, Vars


class VarsReader:
    """Reads each file once, so that all devices see the same (`contracts.VarsFileReader`)."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._read: dict[str, Vars] = {}

    def find(self, name: str, bases: Sequence[str]) -> str | None:
        """The file `name` in vars/ of the first of `bases` that has it, or beside it."""
        below = ("",) if name.startswith("vars/") else ("vars", "")
        tried = candidates(name, [str(Path(base) / sub) for base in bases for sub in below])
        return next((str(path) for path in tried if is_file(path)), None)

    def read(self, path: str) -> Vars:
        """Variables of a file as they are written; raises InputError."""
        if path not in self._read:
            problems: list[Problem] = []
            content = self._sources.open(Path(path), problems)
            if content is not None:
                self._read[path] = read_vars(content) if content.value is not None else NO_VARS
            elif not problems:
                problems.append(Problem(
                    kind="input/unreadable-file", message=f"{path} could not be read before"
                ))
            if problems:
                raise InputError(problems)
        return self._read[path]

    def files_below(self, folder: str, depth: int) -> list[str]:
        """Files below `folder`, level by level; `depth` 0 = all levels. Raises InputError."""
        root = Path(folder)
        if not root.is_dir():
            what = "is not a directory" if root.exists() else "directory does not exist"
            raise InputError([Problem(kind="input/missing-file", message=f"{root} {what}")])
        found: list[str] = []
        levels = [(root, 1)]
        while levels:
            place, level = levels.pop(0)
            entries = sorted(place.iterdir())
            found += [str(path) for path in entries if not path.is_dir()]
            below = [(path, level + 1) for path in entries if path.is_dir()]
            if depth == 0 or level < depth:
                levels[:0] = below
        return found
