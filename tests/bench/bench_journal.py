"""Prints what the journal can do: events/s, CPU, largest stall of the event loop.

Run it as ``python tests/bench/bench_journal.py [EVENTS [DEVICES]]``. Each device
is a task of its own that appends ten events and then waits for a barrier, as the
engine does.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fleetrun.contracts import Lease
from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.model.events import AnyEvent, StepAnswered, TaskFinished, TasksIntended
from fleetrun.testing.factories import INVOCATION, make_event

EVENTS_PER_BARRIER = 10
TICK_S = 0.001


KINDS = (StepAnswered, TaskFinished) * (EVENTS_PER_BARRIER // 2 - 1) + (TaskFinished, TasksIntended)


async def run_device(
    journal: SqliteJournal, lease: Lease, events: Sequence[AnyEvent], barriers: int
) -> None:
    for _ in range(barriers):
        for event in events:
            journal.append(lease, event)
        await journal.commit(lease)


async def largest_stall_s(stop: asyncio.Event) -> float:
    worst = 0.0
    while not stop.is_set():
        before = time.perf_counter()
        await asyncio.sleep(TICK_S)
        worst = max(worst, time.perf_counter() - before - TICK_S)
    return worst


def size_bytes(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir())


async def measure(folder: Path, events: int, devices: int) -> None:
    barriers = max(1, events // devices // EVENTS_PER_BARRIER)
    written = barriers * devices * EVENTS_PER_BARRIER
    async with SqliteJournal(folder / "journal.db") as journal:
        lease = await journal.create_run("bench", "bench", INVOCATION, {})
        # Made beforehand: the stalls shown are the journal's, not this program's.
        work = [[make_event(kind, device=f"d{n}") for kind in KINDS] for n in range(devices)]
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            stall = group.create_task(largest_stall_s(stop))
            wall, cpu = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as fleet:
                for batch in work:
                    fleet.create_task(run_device(journal, lease, batch, barriers))
                    await asyncio.sleep(0)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            stop.set()
        size = await asyncio.to_thread(size_bytes, folder)
        print(
            f"{written} events, {devices} devices, {barriers * devices} barriers: "
            f"{written / wall:,.0f} events/s, {cpu / written * 1e6:.1f} us CPU each, "
            f"largest stall {stall.result() * 1000:.1f} ms, {size / written:.0f} bytes each"
        )
        wall = time.perf_counter()
        count = 0
        async for _ in journal.events("bench"):
            count += 1
        print(f"read back: {count / (time.perf_counter() - wall):,.0f} events/s")
        names = [f"d{number}" for number in range(50_000)]
        wall = time.perf_counter()
        await journal.lock_devices(lease, names)
        print(f"50000 device locks in one call: {time.perf_counter() - wall:.2f} s")
        wall = time.perf_counter()
        await asyncio.gather(*(journal.lock_device(lease, f"x{name}") for name in names))
        print(f"50000 device locks in single calls: {time.perf_counter() - wall:.2f} s")


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    devices = [int(sys.argv[2])] if len(sys.argv) > 2 else [1000, 50]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for count in devices:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(Path(folder), events, count))


if __name__ == "__main__":
    main()
