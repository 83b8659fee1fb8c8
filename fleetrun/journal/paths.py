"""Where the journal lives, and making that place private."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fleetrun.errors import JournalError

JOURNAL_NAME = "journal.db"


def state_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Returns the folder for everything that outlives a run.

    ``FLEETRUN_STATE``, else ``$XDG_STATE_HOME/fleetrun``, else
    ``~/.local/state/fleetrun``. A relative XDG_STATE_HOME is ignored.

    Source: XDG Base Directory Specification 0.8.
    """
    env = os.environ if environ is None else environ
    if env.get("FLEETRUN_STATE"):
        return Path(env["FLEETRUN_STATE"]).expanduser().absolute()
    base = env.get("XDG_STATE_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base) / "fleetrun"
    home = env.get("HOME", "")
    return (Path(home) if home else _home()) / ".local" / "state" / "fleetrun"


def journal_path(environ: Mapping[str, str] | None = None) -> Path:
    """Returns the path of the journal; nothing is created."""
    return state_folder(environ) / JOURNAL_NAME


def make_private_file(path: Path) -> None:
    """Makes the folder (0700) and an empty file (0600) where they are missing.

    A folder that exists keeps its mode: it may be somebody's /var/lib/fleet.
    The journal itself is always made 0600; -wal and -shm get the same mode
    from SQLite. Raises JournalError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise JournalError(
            f"cannot write the journal {path}: {error.strerror or error}",
            kind="journal/unwritable",
            hint=f"make {path.parent} writable, or set FLEETRUN_STATE to a folder that is",
        ) from error


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise JournalError(
            "there is no home folder for the journal",
            kind="journal/no-home",
            hint="set FLEETRUN_STATE to a folder of yours",
        ) from error
