"""What templates may see of the controller: its clock, its disk, its environment."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import Any

from fleetrun.actions.contents import Contents
from fleetrun.actions.crypt import password_hash
from fleetrun.contracts import FileReader
from fleetrun.errors import InputError
from fleetrun.model.playbook import Task
from fleetrun.model.values import TemplateText

_VAULT_HEADER = b"$ANSIBLE_VAULT;"


def now(utc: bool = False, fmt: str | None = None) -> Any:
    """Returns the time now, without a zone; as text when `fmt` says how."""
    moment = datetime.now(UTC) if utc else datetime.now().astimezone()
    plain = moment.replace(tzinfo=None)
    return plain.strftime(fmt) if fmt else plain


def strftime(form: str, second: Any = None, utc: bool = False) -> str:
    """Returns a time as text: `second` since 1970, or now; in the controller's zone."""
    try:
        moment = None if second is None else float(second)
    except (TypeError, ValueError) as error:
        raise ValueError(f"strftime needs seconds since 1970, got {second!r}") from error
    return time.strftime(form, time.gmtime(moment) if utc else time.localtime(moment))


def fileglob(pattern: Any) -> list[str]:
    """Returns the controller's files that match, sorted."""
    return sorted(path for path in glob(str(pattern)) if Path(path).is_file())  # noqa: PTH207  # a whole pattern


def from_csv(value: Any, dialect: str = "excel", fieldnames: Any = None, **form: Any) -> Any:
    """Returns the rows of a CSV text as mappings."""
    if form.get("delimiter") is None:
        form.pop("delimiter", None)
    rows = csv.DictReader(str(value).splitlines(), fieldnames=fieldnames, dialect=dialect, **form)
    return [dict(row) for row in rows]


FILTERS: Mapping[str, Callable[..., Any]] = {
    "community.general.from_csv": from_csv,
    "expanduser": os.path.expanduser,
    "expandvars": os.path.expandvars,
    "fileglob": fileglob,
    "from_csv": from_csv,
    "password_hash": password_hash,
    "realpath": os.path.realpath,
    "strftime": strftime,
}


def _is_vaulted(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_VAULT_HEADER)) == _VAULT_HEADER
    except OSError:
        return False


TESTS: Mapping[str, Callable[..., bool]] = {
    **dict.fromkeys(("directory", "is_dir"), os.path.isdir),
    **dict.fromkeys(("file", "is_file"), os.path.isfile),
    **dict.fromkeys(("link", "is_link"), os.path.islink),
    **dict.fromkeys(("mount", "is_mount"), os.path.ismount),
    **dict.fromkeys(("same_file", "is_same_file"), os.path.samefile),
    "exists": os.path.exists,
    "link_exists": os.path.lexists,
    "vaulted_file": _is_vaulted,
}

FUNCTIONS: Mapping[str, Callable[..., Any]] = {"now": now}


class TemplateFiles:
    """Finds what a template includes, imports or extends (`templates.TemplateFile`)."""

    def __init__(self, files: FileReader, base_dir: str) -> None:
        self._contents = Contents(files)
        self._base_dir = base_dir

    def __call__(self, name: str, parent: str, task: Task | None) -> TemplateText | None:
        """Returns the template beside its parent, else where the task's templates are."""
        beside = Path(parent).parent / name if parent else None
        if beside is not None and beside.is_file():
            return self._contents.template(str(beside))
        try:
            path = self._contents.find(
                name, "templates", task.search_dirs if task else (self._base_dir,)
            )
        except InputError:
            return None
        return self._contents.template(path)
