"""Starting, stopping and listing labs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from fleetrun.errors import PreflightError, UsageError
from fleetrun.lab.device import NAMESPACES_HINT
from fleetrun.lab.faults import FaultPlan
from fleetrun.lab.fleet import LabDevice, inventory_text, make_fleet

PORT: Final = 2222
START_TIMEOUT_S: Final = 60.0

#: Supervisors that this process started, to be reaped when they end.
_children: Final[dict[int, subprocess.Popen[bytes]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab that is up, or was."""

    name: str
    folder: Path
    pid: int
    device_count: int

    @property
    def inventory(self) -> Path:
        """The inventory file of its devices."""
        return self.folder / "inventory.yml"

    @property
    def is_up(self) -> bool:
        """True while its process lives."""
        return (self.folder / "ready").exists() and _is_ours(self.pid, self.folder)


def check_namespaces() -> None:
    """Raises PreflightError when devices cannot have a root of their own."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        raise PreflightError(
            "unshare or nsenter is missing", kind="lab/namespaces",
            hint="install util-linux",
        )
    probe = subprocess.run(  # constant words
        ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "true"],  # noqa: S607
        capture_output=True, check=False, timeout=20,
    )
    if probe.returncode != 0:
        said = probe.stderr.decode(errors="replace").strip()
        raise PreflightError(
            f"user namespaces are not available: {said}", kind="lab/namespaces",
            hint=NAMESPACES_HINT,
        )


def up(  # each is a flag of `fleetrun lab up`
    root: Path, *, name: str, count: int, types: Sequence[str], faults: FaultPlan,
    port: int = PORT, bad_version: str = "2.0.0",
) -> Lab:
    """Starts a lab in `root/name` and returns when its devices listen.

    Raises PreflightError, and UsageError when a lab of that name is up.
    """
    check_namespaces()
    folder = root / name
    if (existing := read(folder)) is not None and existing.is_up:
        raise UsageError(
            f"lab {name!r} is up already ({existing.device_count} devices)",
            kind="usage/lab-is-up", hint=f"`fleetrun lab down {name}` first",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    octet = 64 + int.from_bytes(hashlib.sha256(str(folder).encode()).digest()[:2], "big") % 180
    devices = make_fleet(count, types, faults, octet=octet, port=port, bad_version=bad_version)
    _write(folder, devices)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "fleetrun.lab.supervisor", str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            start_new_session=True,
        )
    _children[process.pid] = process
    _wait_ready(folder, process)
    (folder / "lab.json").write_text(json.dumps({"pid": process.pid, "devices": count}))
    lab = read(folder)
    if lab is None:
        raise PreflightError("the lab wrote no state", kind="lab/failed")
    return lab


def _write(folder: Path, devices: Sequence[LabDevice]) -> None:
    client = asyncssh.generate_private_key("ssh-ed25519", comment="fleetrun lab")
    client.write_private_key(folder / "client_key")
    (folder / "client_key").chmod(0o600)
    client.write_public_key(folder / "client_key.pub")
    host_keys = {}
    for device in devices:
        place = folder / "devices" / device.name
        place.mkdir(parents=True)
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(place / "host_key")
        host_keys[device.name] = key.export_public_key().decode().strip()
    rows = [
        {**dataclasses.asdict(device), "faults": sorted(device.faults)} for device in devices
    ]
    (folder / "devices.json").write_text(json.dumps(rows))
    text = inventory_text(devices, host_keys, str(folder / "client_key"))
    (folder / "inventory.yml").write_text(text)


def _wait_ready(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if (folder / "ready").exists():
            return
        if process.poll() is not None:
            failed = folder / "failed"
            said = failed.read_text() if failed.exists() else (folder / "log").read_text()[-2000:]
            message, _, hint = said.partition("\n")
            raise PreflightError(
                f"the lab did not start: {message}", kind="lab/failed", hint=hint.strip()
            )
        time.sleep(0.02)
    process.terminate()
    raise PreflightError(
        f"the lab did not start within {START_TIMEOUT_S:g} s", kind="lab/failed",
        hint=f"see {folder / 'log'}",
    )


def read(folder: Path) -> Lab | None:
    """Returns the lab in a folder, None when there is none."""
    try:
        state = json.loads((folder / "lab.json").read_text())
    except (OSError, ValueError):
        return None
    return Lab(
        name=folder.name, folder=folder, pid=int(state["pid"]), device_count=int(state["devices"])
    )


def labs(root: Path) -> tuple[Lab, ...]:
    """Returns all labs below `root`, by name."""
    if not root.is_dir():
        return ()
    found = (read(folder) for folder in sorted(root.iterdir()))
    return tuple(lab for lab in found if lab is not None)


def down(lab: Lab, *, remove: bool = True) -> None:
    """Stops a lab's devices and removes its folder."""
    if _is_ours(lab.pid, lab.folder):
        os.kill(lab.pid, signal.SIGTERM)
        _wait_gone(lab)
    child = _children.pop(lab.pid, None)
    if child is not None:
        child.wait()
    if remove:
        shutil.rmtree(lab.folder, ignore_errors=True)


def _wait_gone(lab: Lab) -> None:
    for _ in range(500):
        if not _is_ours(lab.pid, lab.folder):
            return
        time.sleep(0.02)
    os.kill(lab.pid, signal.SIGKILL)


def _is_ours(pid: int, folder: Path) -> bool:
    """True when `pid` is this lab's supervisor (numbers are used again)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0]
    except OSError:
        return False
    return state != "Z" and str(folder).encode() in words
