"""``exec --tree``: each device's result in a file of its own, as Ansible's ``-t`` does."""

from __future__ import annotations

from pathlib import Path

from fleetrun.model.events import AnyEvent, TaskFinished
from fleetrun.model.redact import censor
from fleetrun.reporters.ansible_lines import dump


class TreeReporter:
    """Writes FOLDER/DEVICE, one JSON object; the folder is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle(self, event: AnyEvent) -> None:
        """Writes a task's result; raises OSError when it cannot."""
        if not isinstance(event, TaskFinished):
            return
        event = censor(event)
        # A device may be called anything: its name is never a path.
        name = event.device.replace("/", "_").lstrip(".") or "_"
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_text(dump(event.result.values), encoding="utf-8")

    async def close(self) -> None:
        """Nothing is kept open."""
