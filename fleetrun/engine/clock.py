"""The real clock."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """contracts.Clock on the machine's own time."""

    def now(self) -> float:
        """Returns seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Returns seconds on a clock that never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
