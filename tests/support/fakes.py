"""Devices that misbehave, as servers in a process beside the test.

    with fake_fleet(tmp_path) as fakes:
        devices = {"good": fakes.device("good"), "mute": fakes.raw("say_nothing")}

A `device` runs commands with this machine's `sh`, in a home folder of its own,
and goes wrong as its faults say (`fake_devices.Fault`). A `raw` one is no SSH
server at all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.sshd import make_key

_ROOT = Path(__file__).resolve().parents[2]


class FakeFleet:
    """The process of the servers, and the folders of its devices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = make_key(folder, "id_fakes")
        self._host_key = make_key(folder, "fakes_host_key")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fake_devices", str(self._host_key.path),
             self.key.public],
            cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def stop(self) -> None:
        """Ends all servers."""
        self._process.kill()
        self._process.communicate()

    def home(self, name: str) -> Path:
        """The home folder of a device."""
        return self.folder / "fakes" / name

    def device(
        self, name: str, fault: dict[str, object] | None = None, **variables: object
    ) -> dict[str, Any]:
        """Starts a device; returns its inventory variables."""
        self.home(name).mkdir(parents=True)
        return self._start({"home": str(self.home(name)), **(fault or {})}, variables)

    def raw(self, script: str, **variables: object) -> dict[str, Any]:
        """Starts a TCP server that does what `fake_devices.RAW[script]` does."""
        return self._start({"raw": script}, variables)

    def _start(self, wish: dict[str, object], more: dict[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        address, port = json.loads(self._process.stdout.readline())
        return {
            "ansible_host": address, "ansible_port": port, "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.key.path),
            "fleetrun_host_key": self._host_key.public, **more,
        }


@contextmanager
def fake_fleet(folder: Path) -> Iterator[FakeFleet]:
    """A fleet of fakes; all are gone at the end."""
    fleet = FakeFleet(folder)
    try:
        yield fleet
    finally:
        fleet.stop()
