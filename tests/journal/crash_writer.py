"""A program that writes events and says on stdout which ones are durable.

Usage: crash_writer.py JOURNAL RUN COUNT BARRIER_EVERY
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.model.events import DeviceStarted
from fleetrun.testing.factories import INVOCATION, make_event


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def main(path: str, run: str, count: str, every: str) -> None:
    async with SqliteJournal(Path(path)) as journal:
        lease = await journal.create_run(run, "crash", INVOCATION, {})
        say("ready")
        for number in range(int(count)):
            journal.append(lease, make_event(DeviceStarted, device=f"d{number}"))
            if number % int(every) == 0:
                await journal.commit(lease)
                say(f"{number}")
        await journal.commit(lease)
        say("end")


asyncio.run(main(*sys.argv[1:]))
