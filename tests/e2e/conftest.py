"""A lab for each test module, and the command line as a person uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetrun.lab import control
from fleetrun.lab.faults import parse_faults

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class CommandLine:
    """Runs `fleetrun` in a process of its own with a state folder of its own."""

    folder: Path
    inventory: Path | None = None

    def environment(self, **extra: str) -> dict[str, str]:
        return {
            **os.environ, "FLEETRUN_STATE": str(self.folder / "state"), "NO_COLOR": "1", **extra,
        }

    def __call__(
        self, *words: str, timeout: float = 90, stdin: str | None = None,
        under: Sequence[str] = (), **extra: str,
    ) -> subprocess.CompletedProcess[str]:
        """`under` is a program, with its words, that runs it (strace …)."""
        return subprocess.run(
            [*under, sys.executable, "-m", "fleetrun.cli.main", *words], cwd=self.folder,
            env=self.environment(**extra), input=stdin, capture_output=True, text=True,
            timeout=timeout, check=False,
        )

    def start(self, *words: str, **extra: str) -> subprocess.Popen[str]:
        """Starts a command without waiting for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "fleetrun.cli.main", *words], cwd=self.folder,
            env=self.environment(**extra), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )

    def play(self, name: str, text: str) -> str:
        """Writes a playbook; returns its name."""
        (self.folder / name).write_text(text)
        return name

    def events(self, *words: str, **extra: str) -> list[dict]:
        """Runs a command with --output json; returns its events."""
        done = self(*words, "--output", "json", **extra)
        return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass
class Fleet:
    """A lab that is up, and where its devices keep their files."""

    lab: control.Lab

    @property
    def inventory(self) -> str:
        return str(self.lab.inventory)

    def path(self, device: str, inside: str) -> Path:
        """A file of a device as the host sees it."""
        return self.lab.folder / "devices" / device / "fs" / inside.lstrip("/")

    def read(self, device: str, inside: str) -> str:
        """Content of a device's file, "" when there is none."""
        path = self.path(device, inside)
        return path.read_text() if path.exists() else ""


def start_lab(
    folder: Path, count: int, faults: str = "", types: Sequence[str] = ("rpi4", "rpi3", "x86-gw")
) -> Fleet:
    """Starts a lab on addresses of its own."""
    lab = control.up(
        folder, name="lab", count=count, types=tuple(types), faults=parse_faults(faults, "test"),
        port=23000 + os.getpid() % 4000,
    )
    return Fleet(lab)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Five devices: gw-001, sensor-001 to sensor-004."""
    started = start_lab(tmp_path_factory.mktemp("labs"), 5)
    yield started
    control.down(started.lab)


@pytest.fixture
def fleetrun(tmp_path: Path) -> CommandLine:
    """The command line in an empty folder."""
    return CommandLine(tmp_path)


def interrupt(process: subprocess.Popen[str]) -> None:
    """What Ctrl-C does."""
    process.send_signal(signal.SIGINT)
