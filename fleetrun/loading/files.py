"""The operator's files for copy, template and script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fleetrun.errors import InputError, Problem
from fleetrun.loading.sources import candidates

MAX_FILE_BYTES = 64 << 20


class OperatorFiles:
    """Finds and reads files next to the playbook (implements `contracts.FileReader`)."""

    def __init__(self, search_dirs: Sequence[str] = ()) -> None:
        #: Looked in last, for tasks that were included from another folder.
        self._search_dirs = tuple(search_dirs)

    def find(self, name: str, folder: str, base_dir: str) -> str:
        """Path of `name`: in `base_dir/folder`, then `base_dir`, then the same elsewhere.

        A folder is found, too. Raises InputError that lists where it looked.
        """
        bases = dict.fromkeys((base_dir or ".", *self._search_dirs))
        tried = candidates(name, [str(Path(base) / sub) for base in bases for sub in (folder, "")])
        for path in tried:
            if _exists(path):
                return str(path)
        looked = ", ".join(str(path) for path in tried)
        raise InputError([Problem(
            kind="input/missing-file", message=f"there is no file `{name}` (looked for {looked})",
            hint="paths are relative to the playbook's folder",
        )])

    def read(self, path: str) -> bytes:
        """Content of a file of at most 64 MiB; raises InputError."""
        try:
            with Path(path).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as exc:
            reason = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
            raise InputError([Problem(
                kind="input/unreadable-file", message=f"cannot read {path}: {reason}",
            )]) from exc
        if len(content) > MAX_FILE_BYTES:
            raise InputError([Problem(
                kind="input/too-large",
                message=f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB",
                hint="larger files cannot be sent yet; let the device download it",
            )])
        return content


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
