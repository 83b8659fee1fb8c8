"""Where this machine keeps what fleetrun knows."""

from __future__ import annotations

from fleetrun.journal.paths import journal_path, state_folder

__all__ = ["journal_path", "state_folder"]
