"""The fakes keep the contracts that the real things keep."""

from __future__ import annotations

import asyncio

import pytest

from fleetrun.testing.fakes import FakeClock, MemoryJournal, MemoryStore
from fleetrun.testing.journal_suite import JOURNAL_CHECKS, run_check


@pytest.mark.parametrize("check", JOURNAL_CHECKS, ids=lambda check: check.__name__)
def test_the_memory_journal_keeps_the_contract(check):
    """Every check that the SQLite journal passes."""
    store = MemoryStore()
    asyncio.run(run_check(check, lambda ttl_s: MemoryJournal(store, lease_ttl_s=ttl_s)))


def test_waits_end_in_the_order_of_their_time_and_at_once():
    """An hour takes no time, and a minute that began with it ends before it."""

    async def main():
        clock, ended = FakeClock(), []

        async def wait(seconds):
            await clock.sleep(seconds)
            ended.append((seconds, clock.monotonic()))

        await asyncio.wait_for(asyncio.gather(*map(wait, (3600, 60, 0))), 5)
        assert [(0, 0.0), (60, 60.0), (3600, 3600.0)] == ended
        assert [3600, 60, 0] == clock.slept

    asyncio.run(main())


def test_a_wait_that_was_given_up_does_not_move_time():
    """Cancelled waits are forgotten."""

    async def main():
        clock = FakeClock()
        given_up = asyncio.create_task(clock.sleep(10_000))
        await asyncio.sleep(0)
        given_up.cancel()
        await clock.sleep(1)
        assert 1.0 == clock.monotonic()

    asyncio.run(main())
