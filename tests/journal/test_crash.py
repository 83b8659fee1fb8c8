"""kill -9 of a process that writes: what was promised is there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleetrun.errors import LockedError
from fleetrun.journal.sqlite import LEASE_TTL_S, SqliteJournal
from fleetrun.model.events import DeviceStarted
from fleetrun.testing.factories import INVOCATION, make_event

PROGRAM = Path(__file__).with_name("crash_writer.py")


def start_writer(
    path: Path, *, count: int, every: int, failpoints: str = ""
) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "FLEETRUN_FAILPOINTS": failpoints}
    words = [sys.executable, str(PROGRAM), str(path), "run-1", str(count), str(every)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, env=environ)


def promised(process: subprocess.Popen[bytes]) -> int:
    """Number of events that the dead process had said were durable."""
    output, _ = process.communicate(timeout=300)
    numbers = [int(line) for line in output.split() if line.isdigit()]
    return numbers[-1] + 1 if numbers else 0


def read_devices(path: Path) -> list[str]:
    async def main() -> list[str]:
        async with SqliteJournal(path) as journal:
            events = [event async for event in journal.events("run-1")]
        assert all(isinstance(event, DeviceStarted) for event in events)
        return [event.device for event in events if isinstance(event, DeviceStarted)]

    return asyncio.run(main())


def assert_promise_kept(path: Path, durable: int) -> None:
    names = read_devices(path)
    assert len(names) >= durable
    assert [f"d{number}" for number in range(len(names))] == names
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.parametrize("seed", range(8))
def test_keeps_what_it_promised_when_killed_at_a_random_moment(seed: int, tmp_path: Path) -> None:
    """Every event whose commit returned is there, in order, without a gap."""
    moment = random.Random(seed)
    path = tmp_path / "journal.db"
    process = start_writer(path, count=10_000_000, every=moment.choice((1, 7, 100)))
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(moment.uniform(0.0, 0.15))
    os.kill(process.pid, signal.SIGKILL)
    durable = promised(process)
    assert process.returncode == -signal.SIGKILL
    assert_promise_kept(path, durable)


@pytest.mark.parametrize("number", [2, 3, 9, 20])
@pytest.mark.parametrize("point", ["before", "after"])
def test_keeps_what_it_promised_when_killed_around_a_commit(
    point: str, number: int, tmp_path: Path
) -> None:
    """Before the commit the last batch is gone as a whole, after it, it is there."""
    path = tmp_path / "journal.db"
    failpoint = f"journal.{point}_commit=kill@{number}"
    process = start_writer(path, count=100, every=1, failpoints=failpoint)
    durable = promised(process)
    assert process.returncode == -signal.SIGKILL
    # Commit 1 is the run itself; commit N holds event N - 2.
    assert durable == number - 2
    assert len(read_devices(path)) == (number - 1 if point == "after" else number - 2)
    assert_promise_kept(path, durable)


def test_takes_over_from_a_killed_process_at_once(tmp_path: Path) -> None:
    """A holder on this machine whose process is gone does not need the TTL."""
    path = tmp_path / "journal.db"
    process = start_writer(path, count=10_000_000, every=1)
    assert process.stdout is not None
    process.stdout.readline()

    async def main() -> None:
        async with SqliteJournal(path) as journal:
            started = time.monotonic()
            with pytest.raises(LockedError) as refused:
                await journal.take_lease("run-1")
            assert time.monotonic() - started < LEASE_TTL_S / 2
            assert f"process {process.pid} on {os.uname().nodename} since 20" in str(refused.value)
            assert (await journal.find_run("run-1")).owner.startswith(f"{process.pid}@")
            os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=300)
            lease = await journal.take_lease("run-1")
            assert lease.epoch == 2
            journal.append(lease, make_event(DeviceStarted, device="resumed"))
            await journal.commit(lease)

    asyncio.run(main())
    names = read_devices(path)
    assert names[-1] == "resumed"
    assert [f"d{number}" for number in range(len(names) - 1)] == names[:-1]


def test_one_of_many_contenders_gets_the_run(tmp_path: Path) -> None:
    """When many processes want a dead run at once, exactly one gets it."""
    path = tmp_path / "journal.db"

    async def make() -> None:
        async with SqliteJournal(path, lease_ttl_s=0.0) as journal:
            await journal.create_run("run-1", "t", INVOCATION, {})

    asyncio.run(make())
    code = (
        "import asyncio, sys, time; from pathlib import Path\n"
        "from fleetrun.journal.sqlite import SqliteJournal\n"
        "from fleetrun.errors import LockedError\n"
        "async def main():\n"
        "    async with SqliteJournal(Path(sys.argv[1])) as journal:\n"
        "        try: print((await journal.take_lease('run-1')).epoch, flush=True)\n"
        "        except LockedError: print('locked', flush=True)\n"
        "        await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(main())\n"
    )
    contenders = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]
    answers = [process.stdout.readline().strip() for process in contenders if process.stdout]
    for process in contenders:
        process.communicate(input="", timeout=300)
    assert sorted(answers) == ["2", "locked", "locked", "locked"]
