"""What the journal has of former runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import reduce
from pathlib import Path

from fleetrun.app.loaded import Loaded
from fleetrun.contracts import Journal
from fleetrun.errors import UsageError
from fleetrun.model.events import (
    DeviceFinished,
    DeviceStarted,
    RunFinished,
    RunResumed,
    RunStarted,
)
from fleetrun.model.result import Outcome
from fleetrun.model.run import RunRecord
from fleetrun.planning.outcomes import combine


def absolute(hashes: Mapping[str, str]) -> dict[str, str]:
    """Returns hashes of files by absolute path, as the journal keeps them."""
    return {str(Path(path).resolve()): digest for path, digest in hashes.items()}


def check_unchanged(record: RunRecord, loaded: Loaded) -> None:
    """Refuses to go on when a file of the run was edited meanwhile."""
    now = absolute(loaded.file_hashes)
    changed = [
        path for path, digest in record.file_hashes.items() if now.get(path) != digest
    ] + [path for path in now if path not in record.file_hashes]
    if changed:
        raise UsageError(
            "these files changed since the run began: " + ", ".join(sorted(changed)),
            kind="usage/stale-run",
            hint="put them back to resume, or start a new run",
        )


async def final_outcomes(journal: Journal, run: str) -> dict[str, Outcome]:
    """Returns the outcome of every device of a run, also of one that was cut off."""
    devices: tuple[str, ...] = ()
    by_play: defaultdict[str, dict[int, Outcome]] = defaultdict(dict)
    ended: Mapping[str, Outcome] = {}
    async for event in journal.events(run):
        match event:
            case RunStarted():
                devices = event.devices
            case RunResumed():
                ended = {}
            case DeviceStarted():
                by_play[event.device][event.play] = Outcome.UNKNOWN
            case DeviceFinished():
                by_play[event.device][event.play] = event.outcome
            case RunFinished():
                ended = event.outcomes
            case _:
                pass
    cut_off = {
        device: reduce(combine, by_play[device].values(), None) or Outcome.CANCELLED
        for device in devices
    }
    return {**cut_off, **ended}
