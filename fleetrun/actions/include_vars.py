"""include_vars: variables of files of the controller, for this device from here on."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Final

from fleetrun.contracts import VarsFileReader
from fleetrun.errors import InputError
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value
from fleetrun.planning.results import failed
from fleetrun.planning.scope import ABSENT, PendingValueError
from fleetrun.planning.toolbox import ActionContext

_EXTENSIONS: Final = ("yaml", "yml", "json")
_FOLDER_ONLY: Final = ("depth", "files_matching", "ignore_files", "extensions")
#: A pattern that an operator wrote is matched against names of files only; they
#: are short, so that even a careless one ends.
_MAX_NAME: Final = 255


class _Unfit(Exception):  # noqa: N818  # reads better where it is raised
    """The arguments, or a file, cannot be used; the message says why."""


class IncludeVars:
    """Loads variables (level 18 of precedence)."""

    def __init__(self, files: VarsFileReader, playbook_dir: str) -> None:
        self._files = files
        self._playbook_dir = playbook_dir

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> TaskResult:
        """Returns the variables as ``ansible_facts``; what is wrong is a failure."""
        read: list[str] = []
        try:
            found = self._load(args, context, read)
        except InputError as error:
            return _failure("; ".join(problem.message for problem in error.problems), read)
        except _Unfit as unfit:
            return _failure(str(unfit), read)
        name = args.get("name")
        if name:
            found = {str(name): found}
        if args.get("hash_behaviour") == "merge":
            found = {key: _merged(key, value, context) for key, value in found.items()}
        return TaskResult(status=TaskStatus.OK, values={
            "changed": False, "ansible_facts": found, "ansible_included_var_files": [*read],
        })

    def _load(
        self, args: Mapping[str, Value], context: ActionContext, read: list[str]
    ) -> dict[str, Value]:
        file, folder = args.get("file") or args.get("_raw_params"), args.get("dir")
        if file and (folder or any(args.get(name) for name in _FOLDER_ONLY)):
            raise _Unfit(
                "You are mixing file only and dir only arguments, these are incompatible"
            )
        if folder:
            paths = self._in_folder(str(folder), args, context)
        elif file:
            paths = [self._file(str(file), context)]
        else:
            raise _Unfit("`include_vars` needs `file` or `dir`")
        found: dict[str, Value] = {}
        for path in paths:
            if not _has_extension(path, args):
                if folder and args.get("ignore_unknown_extensions") is True:
                    continue
                shown = ", ".join(_extensions(args))
                raise _Unfit(f"{path} does not have a valid extension: {shown}")
            found.update(self._files.read(path))
            read.append(path)
        return found

    def _file(self, name: str, context: ActionContext) -> str:
        bases = tuple(dict.fromkeys((*context.task.search_dirs, self._playbook_dir)))
        path = self._files.find(name, bases)
        if path is None:
            looked = "".join(
                f"\n\t{posixpath.join(base, sub, name)}" for base in bases for sub in ("vars", "")
            )
            raise _Unfit(f"Could not find or access '{name}'\nSearched in:{looked}")
        return path

    def _in_folder(
        self, name: str, args: Mapping[str, Value], context: ActionContext
    ) -> list[str]:
        role = context.task.role
        if role is None:
            root = posixpath.join(context.task.base_dir or ".", name)
        elif name.split("/", maxsplit=1)[0] == "vars":
            root = posixpath.join(role.path, name)
        else:
            root = posixpath.join(role.path, "vars", name)
        main = posixpath.join(role.path, "vars", "main.yml") if role else ""
        ignored = [_pattern(f"(?:{one})$") for one in _words(args.get("ignore_files"))]
        wanted = _pattern(str(args.get("files_matching") or ""))
        paths = []
        for path in self._files.files_below(root, int(str(args.get("depth") or 0))):
            base = posixpath.basename(path)[:_MAX_NAME]
            is_ignored = path == main or any(one.search(base) for one in ignored)
            if not is_ignored and wanted.search(base):
                paths.append(path)
        return paths


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise _Unfit(f"{text!r} is no regular expression: {error}") from error


def _failure(message: str, read: Sequence[str]) -> TaskResult:
    result = failed(message, "task/include-vars")
    values = {
        **result.values, "message": message, "ansible_facts": {},
        "ansible_included_var_files": [*read],
    }
    return TaskResult(status=result.status, values=values, error_kind=result.error_kind)


def _words(value: Value) -> list[str]:
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _extensions(args: Mapping[str, Value]) -> Sequence[str]:
    return _words(args.get("extensions")) or _EXTENSIONS


def _has_extension(path: str, args: Mapping[str, Value]) -> bool:
    extension = posixpath.splitext(path)[1].removeprefix(".")
    if not args.get("dir") and not extension:
        return True
    return extension in _extensions(args)


def _merged(name: str, value: Value, context: ActionContext) -> Value:
    """`value` over what the variable holds now, mapping by mapping."""
    if context.scope.is_pending(name):
        raise PendingValueError(name)
    raw = context.scope.find(name)
    if raw is ABSENT:
        return value
    return _combined(context.templater.render(raw, context.scope), value)  # type: ignore[arg-type]  # not ABSENT


def _combined(old: Value, new: Value) -> Value:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    merged = dict(old)
    for key, value in new.items():
        merged[key] = _combined(old[key], value) if key in old else value
    return merged
