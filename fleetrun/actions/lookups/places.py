"""Where lookups look for files: beside the task, then where the playbook is (rule 38)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetrun.contracts import FileReader
from fleetrun.errors import InputError
from fleetrun.planning.lookup_call import LookupCall

#: What a lookup's text options look like in a term: ``key file=x.csv col=1``.
_SEPARATOR = "="


class Places:
    """Finds and reads the operator's files for lookups."""

    def __init__(self, files: FileReader, base_dir: str) -> None:
        self._files = files
        #: The playbook's folder.
        self.base_dir = base_dir

    def find(self, call: LookupCall, name: Any, folder: str = "files") -> str:
        """Returns the path of a file or folder; raises InputError."""
        task = call.scope.task
        return self._files.find(str(name), folder, task.search_dirs if task else (self.base_dir,))

    def find_or_none(self, call: LookupCall, name: Any, folder: str = "files") -> str | None:
        """Returns the path of a file or folder, None when there is none."""
        try:
            return self.find(call, name, folder)
        except InputError:
            return None

    def text(self, path: str) -> str:
        """Returns a file's text; raises InputError, ValueError when it is no UTF-8."""
        try:
            return self._files.read(path).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 (byte {error.start})") from error

    def names(self, call: LookupCall, pattern: str) -> list[str]:
        """Returns the files that match a glob, sorted."""
        folder, _, name = pattern.rpartition("/")
        if not folder and not pattern.startswith("/"):
            found = [self.find_or_none(call, "files", ""), self.find_or_none(call, ".", "")]
        else:
            found = [self.find_or_none(call, folder or "/")]
        for place in dict.fromkeys(each for each in found if each):
            paths = sorted(str(path) for path in Path(place).glob(name) if path.is_file())
            if paths:
                return paths
        return []


def options_in(term: str, known: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Returns a term's words without ``name=value``, and these; unknown names stay words."""
    words: list[str] = []
    options: dict[str, str] = {}
    for word in term.split():
        name, sign, value = word.partition(_SEPARATOR)
        if sign and name in known:
            options[name] = value
        else:
            words.append(word)
    return " ".join(words), options


def as_bool(value: Any) -> bool:
    """Returns an option as a boolean, with Ansible's words."""
    return value if isinstance(value, bool) else str(value).lower() in {"yes", "true", "on", "1"}
