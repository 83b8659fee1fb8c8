"""The files that a playbook is made of: found, read once, hashed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fleetrun.errors import InputError, Mark, Problem
from fleetrun.loading.fields import Field, nearest
from fleetrun.loading.yamlfile import YamlDocument, read_yaml


class Sources:
    """Reads YAML files, each at most once."""

    def __init__(self) -> None:
        #: sha256 of every file read, by absolute path.
        self.hashes: dict[str, str] = {}
        self._documents: dict[str, YamlDocument | None] = {}

    def open(self, path: Path, problems: list[Problem]) -> Field | None:
        """The content of a file; None after problems, which are noted once."""
        key = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow links
        if key not in self._documents:
            self._documents[key] = self._read(path, key, problems)
        document = self._documents[key]
        if document is None:
            return None
        return Field(document=document, value=document.value, problems=problems)

    def _read(self, path: Path, key: str, problems: list[Problem]) -> YamlDocument | None:
        try:
            document = read_yaml(path)
        except InputError as exc:
            problems.extend(exc.problems)
            return None
        self.hashes[key] = document.sha256
        if len(document.documents) > 1:
            problems.append(Problem(
                kind="input/documents", message="the file holds more than one YAML document",
                mark=document.mark(document=1),
                hint="remove the line `---` above, or split the file",
            ))
            return None
        return document


def find_file(
    name: str, folders: Sequence[str], problems: list[Problem], mark: Mark | None
) -> Path | None:
    """`name` in the first of `folders` that has it; None after noting where it looked."""
    tried = candidates(name, folders)
    for path in tried:
        if is_file(path):
            return path
    problems.append(Problem(
        kind="input/missing-file", message=f"there is no file `{name}`", mark=mark,
        label=_similar(name, tried), hint="looked for " + ", ".join(str(path) for path in tried),
    ))
    return None


def _similar(name: str, tried: Sequence[Path]) -> str:
    """A label that names a file beside one of `tried` with nearly its name, or ""."""
    beside: dict[str, None] = {}
    for folder in dict.fromkeys(path.parent for path in tried):
        try:
            beside.update(dict.fromkeys(path.name for path in folder.iterdir() if is_file(path)))
        except (OSError, ValueError):
            continue
    head, slash, last = name.rpartition("/")
    near = nearest(last, beside)
    return f"did you mean `{head}{slash}{near}`?" if near else ""


def candidates(name: str, folders: Sequence[str]) -> list[Path]:
    """Where a file may be: absolute as it is, else below each folder, without repeats."""
    expanded = Path(name[1:].lstrip("/")) if name.startswith("~/") else Path(name)
    if name.startswith("~/"):
        return [Path.home() / expanded]
    return list(dict.fromkeys(Path(folder) / expanded for folder in folders))


def is_file(path: Path) -> bool:
    """True for anything that can be read as a file; never raises."""
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False
