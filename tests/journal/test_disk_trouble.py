"""Disks that are full, read-only or hold somebody else's file."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fleetrun.errors import JournalError
from fleetrun.journal.database import SCHEMA_VERSION
from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.model.events import DeviceStarted, StepAnswered
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.testing.factories import INVOCATION, make_event

FILL = """
import asyncio, sys
from pathlib import Path
from fleetrun.errors import JournalError
from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.model.events import DeviceStarted
from fleetrun.testing.factories import INVOCATION, make_event

async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    lease = await journal.create_run("run-1", "full", INVOCATION, {})
    done, failures = 0, []
    for number in range(100_000):
        try:
            journal.append(lease, make_event(DeviceStarted, device=f"d{number}" + "x" * 2000))
            await journal.commit(lease)
        except JournalError as error:
            failures.append(error)
            if len(failures) == 3:
                break
        else:
            done += 1
    await journal.close()
    print(failures[0].kind, failures[-1].kind, sys.argv[1] in str(failures[0]), failures[0].hint)
    async with SqliteJournal(Path(sys.argv[1])) as again:
        events = [event async for event in again.events("run-1")]
    print(done, done <= len(events) <= done + 1)

asyncio.run(main())
"""


def in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in a mount namespace of its own."""
    tool = shutil.which("unshare")
    assert tool is not None, "unshare is missing: apt-get install util-linux"
    return subprocess.run(
        [tool, "-rm", "sh", "-eu", "-c", script],
        capture_output=True, text=True, timeout=300, check=False,
    )


def test_says_that_the_disk_is_full(tmp_path: Path) -> None:
    """Nothing hangs, nothing more is promised, and what was promised is there."""
    (tmp_path / "fill.py").write_text(FILL)
    done = in_namespace(
        f"mkdir {tmp_path}/disk; mount -t tmpfs -o size=1m none {tmp_path}/disk\n"
        f"exec {sys.executable} {tmp_path}/fill.py {tmp_path}/disk/journal.db"
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("journal/disk-full journal/disk-full True free some space in")
    assert second.endswith("True")
    assert int(second.split()[0]) > 0


def test_fails_the_preflight_in_a_read_only_folder(tmp_path: Path) -> None:
    """check() refuses a folder that takes no writes; reading still works."""

    async def make() -> None:
        async with SqliteJournal(tmp_path / "disk" / "journal.db") as journal:
            lease = await journal.create_run("run-1", "t", INVOCATION, {})
            journal.append(lease, make_event(DeviceStarted))

    asyncio.run(make())
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from fleetrun.journal.sqlite import SqliteJournal\n"
        "from fleetrun.errors import JournalError\n"
        "async def main():\n"
        "    journal = SqliteJournal(Path(sys.argv[1]))\n"
        "    try: await journal.check()\n"
        "    except JournalError as error: print(error.kind, error.exit_code, error.hint)\n"
        "    print((await journal.find_run('last')).run)\n"
        "    print(len([event async for event in journal.events('run-1')]))\n"
        "    await journal.close()\n"
        "asyncio.run(main())\n"
    )
    (tmp_path / "check.py").write_text(code)
    done = in_namespace(
        f"mount --bind {tmp_path}/disk {tmp_path}/disk\n"
        f"mount -o remount,bind,ro {tmp_path}/disk\n"
        f"exec {sys.executable} {tmp_path}/check.py {tmp_path}/disk/journal.db"
    )
    assert done.returncode == 0, done.stderr
    refused, run, count = done.stdout.splitlines()
    assert refused.startswith("journal/unwritable 9 make ")
    assert "FLEETRUN_STATE" in refused
    assert (run, count) == ("run-1", "1")


def test_says_when_the_folder_is_a_file(tmp_path: Path) -> None:
    """A state folder that cannot be made is an error that names it."""
    (tmp_path / "state").write_text("")
    path = tmp_path / "state" / "journal.db"

    async def main() -> None:
        async with SqliteJournal(path) as journal:
            with pytest.raises(JournalError, match=str(path)):
                await journal.check()

    asyncio.run(main())


def test_refuses_a_newer_schema_untouched(tmp_path: Path) -> None:
    """The error names both versions; not a byte of the file changes."""
    path = tmp_path / "journal.db"

    async def make() -> None:
        async with SqliteJournal(path) as journal:
            await journal.create_run("run-1", "t", INVOCATION, {})

    async def refuse() -> None:
        async with SqliteJournal(path) as journal:
            for attempt in (journal.check(), journal.find_run("last"), journal.runs()):
                with pytest.raises(JournalError, match=f"99.*{SCHEMA_VERSION}") as refused:
                    await attempt
                assert refused.value.kind == "journal/newer-schema"

    asyncio.run(make())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    before = path.read_bytes()
    asyncio.run(refuse())
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"x"])
def test_refuses_a_file_that_is_no_database(content: bytes, tmp_path: Path) -> None:
    """Somebody's file in our place is left alone."""
    path = tmp_path / "journal.db"
    path.write_bytes(content)

    async def main() -> None:
        async with SqliteJournal(path) as journal:
            with pytest.raises(JournalError) as refused:
                await journal.check()
            assert refused.value.kind == "journal/not-a-journal"

    asyncio.run(main())
    assert path.read_bytes() == content


def test_refuses_the_database_of_another_program(tmp_path: Path) -> None:
    """A database with tables and without our mark is not ours."""
    path = tmp_path / "journal.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()

    async def main() -> None:
        async with SqliteJournal(path) as journal:
            with pytest.raises(JournalError) as refused:
                await journal.check()
            assert refused.value.kind == "journal/not-a-journal"

    asyncio.run(main())
    assert path.read_bytes() == before


def test_promises_nothing_after_a_write_failed(tmp_path: Path) -> None:
    """A value that cannot be written fails its barrier and all later ones."""
    odd = TaskResult(status=TaskStatus.OK, values={"clock": object()})  # type: ignore[dict-item]

    async def main() -> None:
        async with SqliteJournal(tmp_path / "journal.db") as journal:
            lease = await journal.create_run("run-1", "t", INVOCATION, {})
            journal.append(lease, make_event(StepAnswered, result=odd))
            for _ in range(2):
                with pytest.raises(JournalError) as refused:
                    await journal.commit(lease)
                assert refused.value.kind == "journal/encode"
            with pytest.raises(JournalError):
                journal.append(lease, make_event(DeviceStarted))
            assert [event async for event in journal.events("run-1")] == []

    asyncio.run(main())


def test_says_on_close_that_events_were_lost(tmp_path: Path) -> None:
    """When nobody waits for the events that fail, close tells."""
    odd = TaskResult(status=TaskStatus.OK, values={"clock": object()})  # type: ignore[dict-item]

    async def main() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        lease = await journal.create_run("run-1", "t", INVOCATION, {})
        journal.append(lease, make_event(StepAnswered, result=odd))
        with pytest.raises(JournalError):
            await journal.close()
        await journal.close()

    asyncio.run(main())


def test_is_private(tmp_path: Path) -> None:
    """Folder 0700, and 0600 for the file and what SQLite puts beside it."""
    path = tmp_path / "state" / "fleetrun" / "journal.db"

    async def main() -> dict[str, int]:
        async with SqliteJournal(path) as journal:
            await journal.create_run("run-1", "t", INVOCATION, {})
            return {
                each.name: stat.S_IMODE(each.stat().st_mode)
                for each in (path.parent, *path.parent.iterdir())
            }

    assert asyncio.run(main()) == {
        "fleetrun": 0o700, "journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600,
    }
