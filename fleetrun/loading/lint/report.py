"""Lints files and folders: the loader's errors, and the rules' warnings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fleetrun.errors import InputError, Problem
from fleetrun.loading.fields import Field
from fleetrun.loading.lint.plays import play_warnings, task_list_warnings
from fleetrun.loading.modules import ModuleLibrary, load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.loading.yamlfile import read_yaml

_UNSUPPORTED: Final = frozenset({"input/unsupported-keyword", "input/unknown-module"})
_NAMED: Final = re.compile(r"`([^`]+)`")
_TASK_FOLDERS: Final = frozenset({"tasks", "handlers"})
_SKIPPED_FOLDERS: Final = frozenset({
    ".git", "group_vars", "host_vars", "vars", "defaults", "meta", "files", "templates",
    "node_modules", ".venv", "venv", "molecule", "inventory", "inventories",
})


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """What was found; problems in file order, each once."""

    files: tuple[str, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    #: Module or keyword that is not supported -> how often it is used.
    unsupported: dict[str, int] = field(default_factory=dict)


def lint_paths(paths: Sequence[str], *, roles_path: Sequence[str] = ()) -> LintReport:
    """Lints playbooks, task files and whole folders of them; contacts nothing.

    Raises InputError when a path does not exist.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(Path(path))))
    errors: list[Problem] = []
    warnings: list[Problem] = []
    for file in files:
        library = _library(file)
        errors += _errors(file, library, roles_path)
        warnings += _warnings(file, library)
    unique = tuple(dict.fromkeys(errors))
    return LintReport(
        files=tuple(map(str, files)), errors=unique, warnings=_tidy(warnings, unique),
        unsupported=dict(Counter(_names(unique)).most_common()),
    )


def _tidy(warnings: Iterable[Problem], errors: Sequence[Problem]) -> tuple[Problem, ...]:
    """Each warning once, in order, without those that an error says already."""
    said = {error.mark for error in errors}
    kept = [one for one in dict.fromkeys(warnings) if one.mark not in said]
    return tuple(sorted(kept, key=lambda one: (
        (one.mark.file, one.mark.line, one.mark.column) if one.mark else ("", 0, 0)
    )))


def _names(errors: Iterable[Problem]) -> Iterator[str]:
    for error in errors:
        name = _NAMED.search(error.message)
        if error.kind in _UNSUPPORTED and name:
            yield name[1]


# -- which files --------------------------------------------------------------------


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise InputError([Problem(
            kind="input/missing-file", message=f"there is no file {path}",
            hint="name a playbook, a task file or a folder",
        )])
    if not path.is_dir():
        yield path
        return
    for file in sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]):
        inside = file.relative_to(path).parts[:-1]
        if not _SKIPPED_FOLDERS.intersection(inside) and (_is_tasks(file) or _has_plays(file)):
            yield file


def _is_tasks(file: Path) -> bool:
    return not _TASK_FOLDERS.isdisjoint(file.parts[:-1])


def _has_plays(file: Path) -> bool:
    try:
        value = read_yaml(file).value
    except InputError:
        # Not readable at all: that is for the report.
        return True
    return isinstance(value, list) and any(
        isinstance(one, dict) and ("hosts" in one or any("import_playbook" in str(k) for k in one))
        for one in value
    )


def _library(file: Path) -> ModuleLibrary:
    beside = file.resolve().parent / "library"
    return load_library((beside,) if beside.is_dir() else ())


# -- what is wrong ---------------------------------------------------------------------


def _errors(file: Path, library: ModuleLibrary, roles_path: Sequence[str]) -> list[Problem]:
    loader = PlaybookLoader(library, roles_path=tuple(roles_path))
    try:
        if _is_tasks(file) and not _has_plays(file):
            play = loader.adhoc("all", "include_tasks", str(file.resolve())).plays[0]
            include = play.tasks[0]
            loader.load_tasks(str(file.resolve()), include)  # type: ignore[arg-type]  # it is one task
        else:
            loader.load(str(file))
    except InputError as error:
        return [problem for problem in error.problems if problem.kind != "input/unknown-handler"
                or not _is_tasks(file)]
    return []


def _warnings(file: Path, library: ModuleLibrary) -> list[Problem]:
    try:
        document = read_yaml(file)
    except InputError:
        return []
    found: list[Problem] = []
    root = Field(document=document, value=document.value, problems=found)
    if _is_tasks(file) and not _has_plays(file):
        task_list_warnings(root, library, is_handlers="handlers" in file.parts)
    else:
        for play in root.children():
            play_warnings(play, library)
    return found
