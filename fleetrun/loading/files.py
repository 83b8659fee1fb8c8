"""The operator's files for copy, template and script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fleetrun.errors import InputError, Problem
from fleetrun.loading.sources import candidates
from fleetrun.loading.vault import current_vault, is_sealed, open_text

MAX_FILE_BYTES = 64 << 20
#: A larger decrypted file is no key or password; looking for each of its lines in
#: every event would cost more than it hides.
_MAX_HIDDEN_BYTES = 64 << 10


class OperatorFiles:
    """Finds and reads files next to the playbook (implements `contracts.FileReader`)."""

    def __init__(self, search_dirs: Sequence[str] = ()) -> None:
        #: Looked in last, for tasks that were included from another folder.
        self._search_dirs = tuple(search_dirs)

    def find(self, name: str, folder: str, bases: tuple[str, ...]) -> str:
        """Path of `name`: in `folder` of each of `bases` and then in the base (rule 38).

        A folder is found, too. Raises InputError that lists where it looked.
        """
        everywhere = dict.fromkeys((*(bases or (".",)), *self._search_dirs))
        below = (folder, "") if not name.startswith(f"{folder}/") else ("",)
        tried = candidates(name, [str(Path(base) / sub) for base in everywhere for sub in below])
        for path in tried:
            if _exists(path):
                return str(path)
        looked = ", ".join(str(path) for path in tried)
        raise InputError([Problem(
            kind="input/missing-file", message=f"there is no file `{name}` (looked for {looked})",
            hint="paths are relative to the playbook's folder",
        )])

    def read(self, path: str, *, decrypt: bool = True) -> bytes:
        """Content of a file of at most 64 MiB, vault files decrypted; raises InputError."""
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
        if not (decrypt and is_sealed(content)):
            return content
        plain = open_text(content, path)
        if len(plain) <= _MAX_HIDDEN_BYTES:
            current_vault().hide(plain.decode("utf-8", "replace"))
        return plain


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
