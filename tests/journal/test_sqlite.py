"""What only the SQLite journal promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fleetrun import failpoints
from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.model.events import DeviceStarted
from fleetrun.testing.factories import INVOCATION, make_event


def test_barriers_that_wait_together_share_an_fsync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hundred devices at a barrier cost a handful of commits."""
    commits: list[str] = []
    monkeypatch.setattr(failpoints, "passing", commits.append)

    async def main() -> None:
        async with SqliteJournal(tmp_path / "journal.db") as journal:
            lease = await journal.create_run("run-1", "t", INVOCATION, {})
            commits.clear()
            for number in range(300):
                journal.append(lease, make_event(DeviceStarted, device=f"d{number}"))
            await asyncio.gather(*(journal.commit(lease) for _ in range(300)))
            assert len([event async for event in journal.events("run-1")]) == 300

    asyncio.run(main())
    assert 1 <= commits.count("journal.after_commit") <= 20


def test_streams_a_long_run_in_chunks(tmp_path: Path) -> None:
    """More events than one visit brings come without a gap or a repeat."""

    async def main() -> None:
        async with SqliteJournal(tmp_path / "journal.db") as journal:
            lease = await journal.create_run("run-1", "t", INVOCATION, {})
            for number in range(7001):
                journal.append(lease, make_event(DeviceStarted, device=f"d{number}"))
            names = [event.device async for event in journal.events("run-1")]  # type: ignore[union-attr]
        assert names == [f"d{number}" for number in range(7001)]

    asyncio.run(main())


def test_finds_damage(tmp_path: Path) -> None:
    """A sound file has none; one with a ruined page says so."""
    path = tmp_path / "journal.db"

    async def main() -> str:
        async with SqliteJournal(path) as journal:
            if not path.exists():
                lease = await journal.create_run("run-1", "t", INVOCATION, {})
                for number in range(2000):
                    journal.append(lease, make_event(DeviceStarted, device=f"d{number}"))
            return await journal.integrity()

    assert asyncio.run(main()) == ""
    content = bytearray(path.read_bytes())
    content[-8192:-4096] = b"\xa5" * 4096
    path.write_bytes(content)
    assert asyncio.run(main()) != ""


def test_creates_nothing_by_only_looking(tmp_path: Path) -> None:
    """Reading where there is no journal leaves no file behind."""

    async def main() -> None:
        async with SqliteJournal(tmp_path / "state" / "journal.db") as journal:
            assert await journal.runs() == ()
            assert await journal.integrity() == ""

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []
