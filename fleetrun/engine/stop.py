"""The operator's wish that devices end at their next safe point."""

from __future__ import annotations

import asyncio

from fleetrun.contracts import Clock


class StopFlag:
    """Set once, and never taken back."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_set(self) -> bool:
        """True once the operator asked to stop."""
        return self._event.is_set()

    def set(self) -> None:
        """Asks to stop."""
        self._event.set()

    async def sleep(self, seconds: float, clock: Clock) -> None:
        """Returns after `seconds`, or at once when the flag is set."""
        async with asyncio.TaskGroup() as group:
            waits = {
                group.create_task(clock.sleep(seconds)), group.create_task(self._wait())
            }
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _wait(self) -> None:
        await self._event.wait()
