"""Edits a plain text that must never lie on a disk.

The text is in a folder of its own on a file system in memory. Whatever the
editor keeps beside it (swap, backup, undo) is in that folder, too. A small
process waits for this one to end, however it ends, and removes the folder: so
a kill -9 leaves nothing.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fleetrun.errors import UsageError

_MEMORY_KINDS: Final = frozenset({"tmpfs", "ramfs"})
#: Nothing outlives this shell's stdin, which only the editing process holds open.
_GUARD: Final = 'cat >/dev/null; rm -rf -- "$1"'
_VIM: Final = (
    "-n", "-i", "NONE", "-c", "set nobackup nowritebackup noswapfile noundofile viminfo=",
)
_EMACS: Final = (
    "--eval",
    "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)",
)
#: What keeps an editor from writing copies elsewhere, by the start of its name.
_CAUTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "vim": _VIM, "nvim": ("-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"),
    "emacs": _EMACS, "nano": ("-I",),
}


def edit(text: bytes, *, suffix: str = "") -> bytes:
    """Returns what the operator's editor makes of `text`. Raises UsageError."""
    words = _editor()
    with _memory_folder() as folder:
        file = folder / f"vault{suffix}"
        file.touch(mode=0o600)
        file.write_bytes(text)
        environ = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder)}
        try:
            status = subprocess.run(  # noqa: S603  # the operator's own editor
                [*words, str(file)], env=environ, check=False
            ).returncode
            edited = file.read_bytes()
        except OSError as exc:
            raise _bad(f"cannot start the editor `{words[0]}`: {exc.strerror}") from exc
        if status:
            raise _bad(f"the editor `{words[0]}` ended with status {status}; nothing is saved")
    return edited


def _editor() -> list[str]:
    named = os.environ.get("EDITOR") or os.environ.get("VISUAL") or "vi"
    words = shlex.split(named)
    if not words:
        raise _bad("EDITOR is empty")
    path = shutil.which(words[0])
    # `vi` is a name of many editors: what counts is the program behind it.
    name = Path(path).resolve().name if path else words[0]
    cautions = next((add for start, add in _CAUTIONS.items() if name.startswith(start)), ())
    return [*words, *cautions]


@contextmanager
def _memory_folder() -> Iterator[Path]:
    """A private folder in memory, gone at the end and when this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="fleetrun-vault-", dir=_memory_place()))
    with subprocess.Popen(  # noqa: S603  # a constant program; the folder is an argument
        ["/bin/sh", "-c", _GUARD, "sh", str(folder)], stdin=subprocess.PIPE,
        start_new_session=True,
    ):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _memory_place() -> str:
    """A folder on a file system in memory that this user may write to."""
    kinds = _kinds_by_mount()
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm", "/run/shm", "/tmp"):  # noqa: S108  # used only when it is in memory
        if place and kinds.get(_mount_of(place, kinds)) in _MEMORY_KINDS and os.access(
            place, os.W_OK | os.X_OK
        ):
            return place
    raise _bad(
        "there is no folder in memory (tmpfs) to edit in: /dev/shm is missing or not writable"
    )


def _kinds_by_mount() -> dict[str, str]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    return {fields[1]: fields[2] for line in lines if len(fields := line.split()) > 2}


def _mount_of(place: str, kinds: Mapping[str, str]) -> str:
    path = Path(place).resolve()
    return next((str(each) for each in (path, *path.parents) if str(each) in kinds), "/")


def _bad(message: str) -> UsageError:
    return UsageError(
        message, kind="usage/editor",
        hint="set EDITOR; or use `fleetrun vault view` and `fleetrun vault encrypt`",
    )
