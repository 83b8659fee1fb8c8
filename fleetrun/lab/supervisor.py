"""The process behind a lab: runs its devices until it is told to stop.

Started by `lab.control.up` as ``python -m fleetrun.lab.supervisor FOLDER``.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path

import asyncssh

from fleetrun.errors import FleetrunError
from fleetrun.lab.device import DeviceBox
from fleetrun.lab.faults import Fault
from fleetrun.lab.fleet import LabDevice
from fleetrun.lab.server import DeviceServer


def read_devices(folder: Path) -> tuple[LabDevice, ...]:
    """Returns the devices that `lab.control.up` wrote down."""
    rows = json.loads((folder / "devices.json").read_text())
    return tuple(
        LabDevice(**{**row, "faults": frozenset(Fault(name) for name in row["faults"])})
        for row in rows
    )


async def serve(folder: Path) -> None:
    """Starts all devices, says so in `ready`, and waits for SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    servers = []
    for device in read_devices(folder):
        key = asyncssh.read_private_key(folder / "devices" / device.name / "host_key")
        box = DeviceBox(device, folder / "devices" / device.name)
        server = DeviceServer(box, key, folder / "client_key.pub")
        await server.start()
        servers.append(server)
    (folder / "ready").write_text(f"{os.getpid()}\n")
    try:
        await stop.wait()
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
        (folder / "ready").unlink(missing_ok=True)


def main() -> int:
    """Runs the lab in the folder named by the first argument."""
    folder = Path(sys.argv[1])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        asyncio.run(serve(folder))
    except FleetrunError as error:
        (folder / "failed").write_text(f"{error.message}\n{error.hint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
