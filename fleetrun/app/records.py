"""What the journal has of former runs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import reduce
from pathlib import Path

from fleetrun.app.loaded import Loaded
from fleetrun.contracts import Journal
from fleetrun.errors import UsageError
from fleetrun.loading.inventory import files_read
from fleetrun.model.events import (
    DeviceFinished,
    DeviceStarted,
    RunFinished,
    RunResumed,
    RunStarted,
    StepAnswered,
    TasksIntended,
)
from fleetrun.model.result import Outcome
from fleetrun.model.run import Decision, RunRecord
from fleetrun.planning.outcomes import combine


def absolute(hashes: Mapping[str, str]) -> dict[str, str]:
    """Returns hashes of files by absolute path, as the journal keeps them."""
    return {str(Path(path).resolve()): digest for path, digest in hashes.items()}


def all_hashes(loaded: Loaded) -> dict[str, str]:
    """Returns sha256 by absolute path of the playbook's files and the inventory's."""
    invocation = loaded.invocation
    folder = str(Path(invocation.playbook or "x").resolve().parent)
    hashes = dict(loaded.file_hashes)
    for path in files_read(invocation.inventories, folder):
        with suppress(OSError), path.open("rb") as file:
            hashes.setdefault(str(path), hashlib.file_digest(file, "sha256").hexdigest())
    return absolute(hashes)


async def check_unchanged(
    journal: Journal, record: RunRecord, loaded: Loaded, accepted: Sequence[str] = ()
) -> None:
    """Refuses to go on when a file of the run was edited meanwhile.

    `accepted` are paths, or "inventory" for all of its files, that the operator
    knows to be edited. Raises UsageError, with the difference.
    """
    now, then = all_hashes(loaded), record.file_hashes
    playbook = absolute(loaded.file_hashes)
    edited = _edited(then, now, playbook, accepted)
    if not edited:
        return
    words = [_difference(path, then, now) for path in edited]
    if any(path not in playbook for path in edited):
        words += await _devices_differ(journal, record, loaded)
    raise UsageError(
        "these files changed since the run began: " + ", ".join(words),
        kind="usage/stale-run",
        hint="put them back to resume, or say that you know: --accept-changed FILE "
        "(--accept-changed inventory for all files of the inventory)",
    )


def _edited(
    then: Mapping[str, str], now: Mapping[str, str], playbook: Mapping[str, str],
    accepted: Sequence[str],
) -> list[str]:
    """Returns the files that are not as they were and that nobody vouched for."""
    known = {str(Path(path).resolve()) for path in accepted if path != "inventory"}
    return [
        path for path in sorted(then.keys() | now.keys())
        if then.get(path) != now.get(path) and path not in known
        # A file of the playbook that is gone shows in the one that named it.
        and not ("inventory" in accepted and path not in playbook)
    ]


def _difference(path: str, then: Mapping[str, str], now: Mapping[str, str]) -> str:
    if path not in now:
        return f"{path} (gone)"
    return path if path in then else f"{path} (new)"


async def _devices_differ(journal: Journal, record: RunRecord, loaded: Loaded) -> list[str]:
    """Returns which of the run's devices are gone, in words."""
    async for event in journal.events(record.run):
        if isinstance(event, RunStarted):
            gone = [name for name in event.devices if name not in loaded.inventory.devices]
            if gone:
                more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
                return [f"devices gone from the inventory: {', '.join(gone[:5])}{more}"]
            break
    return []


async def check_wishes(
    journal: Journal, run: str, wishes: Mapping[str, Decision]
) -> None:
    """Refuses the operator's word for a step that is not in doubt; raises UsageError."""
    doubtful: dict[tuple[str, str], str] = {}
    async for event in journal.events(run):
        match event:
            case TasksIntended():
                for key, name in zip(event.keys, event.names, strict=False):
                    doubtful[event.device, key] = name
            case StepAnswered():
                doubtful.pop((event.device, event.key), None)
            case _:
                pass
    names = {name for (_, key), name in doubtful.items()} | {key for _, key in doubtful}
    names |= {key.partition("#")[0].partition("[")[0] for _, key in doubtful}
    wrong = [name for name in wishes if name not in names]
    if wrong:
        known = sorted(set(doubtful.values()))
        raise UsageError(
            f"no interrupted step of run {run} is called {wrong[0]!r}",
            kind="usage/no-such-step",
            hint="interrupted are: " + ", ".join(known) if known else "none is interrupted",
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
