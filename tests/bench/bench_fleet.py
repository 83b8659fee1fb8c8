"""A whole run over very many devices: memory, controller CPU and time.

    python tests/bench/bench_fleet.py [DEVICES [CONCURRENCY]]     (default 100000 2000)

Real inventory (CSV), planner, engine, device programs, journal (sqlite on disk) and
counting reporter; only the devices are scripted, each made when it is connected to and
gone afterwards, so the memory is the engine's. The play is that of bench_play. Budget
(design): a run over 100,000 devices stays under 1 GB.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import tempfile
import time
from collections import Counter as Counts
from pathlib import Path

from fleetrun.app.fleet import FleetApp, Secrets
from fleetrun.app.loaded import load
from fleetrun.contracts import Target
from fleetrun.engine.clock import SystemClock
from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.model.events import AnyEvent
from fleetrun.model.run import Invocation
from fleetrun.testing.devices import Answer, Call, FakeConnection, FakeDevice

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bench_play import PLAY, TEMPLATE  # benches are scripts beside each other

OUTPUTS = {"uname": b"6.1.21\n", "id": b"fleet\n", "pwd": b"/home/fleet\n"}


class ManyDevices:
    """`contracts.Transport` to devices that exist while they are connected."""

    def __init__(self) -> None:
        self.connected = 0

    async def connect(self, target: Target) -> FakeConnection:
        await asyncio.sleep(0)
        self.connected += 1
        return FakeConnection(FakeDevice(target.device, answer))

    async def close(self) -> None:
        """Nothing is shared."""


def answer(call: Call) -> Answer:
    """What a device says to one step."""
    return Answer(status=0, stdout=OUTPUTS.get(call.name, b"one\n"), values={"changed": True})


class Counter:
    """A reporter that counts."""

    def __init__(self) -> None:
        self.events = 0

    async def handle(self, event: AnyEvent) -> None:
        self.events += 1

    async def close(self) -> None:
        """Nothing to end."""


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def run(folder: Path, devices: int, forks: int) -> None:
    rows = "".join(f"d{i:06d},10.{i >> 16}.{i >> 8 & 255}.{i & 255},all_devices\n"
                   for i in range(devices))
    (folder / "fleet.csv").write_text(f"name,ansible_host,groups\n{rows}")
    (folder / "play.yml").write_text(PLAY.replace("{colour: blue}", "{colour: blue, folder: /srv}"))
    (folder / "bench.j2").write_text(TEMPLATE)
    start_mb, begun, used = peak_mb(), time.monotonic(), cpu_s()
    loaded = load(Invocation(
        playbook=str(folder / "play.yml"), inventories=(str(folder / "fleet.csv"),), forks=forks,
    ))
    print(f"loaded          {time.monotonic() - begun:8.1f} s   peak {peak_mb():7.0f} MB")
    transport, counter = ManyDevices(), Counter()
    journal = SqliteJournal(folder / "journal.db")
    app = FleetApp(journal, {"ssh": transport}, SystemClock())
    begun, used = time.monotonic(), cpu_s()
    event = await app.run(loaded, reporters=(counter,), passwords=Secrets())
    wall, cpu = time.monotonic() - begun, cpu_s() - used
    await journal.close()
    counts = ", ".join(f"{n} {outcome}" for outcome, n in Counts(event.outcomes.values()).items())
    size_mb = sum(f.stat().st_size for f in folder.glob("journal.db*")) / 2**20
    print(f"ran             {wall:8.1f} s   cpu {cpu:8.1f} s")
    print(f"                {1000 * cpu / devices:8.2f} ms a device, scripted devices included")
    print(f"devices         {counts}; {transport.connected} connections, {counter.events} events")
    print(f"peak memory     {peak_mb():8.0f} MB, of it before the inventory {start_mb:.0f} MB")
    print(f"journal         {size_mb:8.0f} MB on disk, {1024 * size_mb / devices:.1f} KB a device")


def main() -> None:
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    forks = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    print(f"{devices} devices, {forks} at once, 10 tasks")
    gc.collect()
    with tempfile.TemporaryDirectory(prefix="fleetrun-bench-") as folder:
        asyncio.run(run(Path(folder), devices, forks))


if __name__ == "__main__":

    main()
