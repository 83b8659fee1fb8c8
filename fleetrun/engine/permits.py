"""How many devices may do one thing at once: `throttle`, and channels to a delegate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Permits:
    """Counted permits by key; first come, first served."""

    def __init__(self) -> None:
        self._semaphores: dict[Hashable, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def hold(self, key: Hashable, most: int) -> AsyncIterator[None]:
        """Holds a permit of `key`; `most` at once, 0 = no limit."""
        if most <= 0:
            yield
            return
        semaphore = self._semaphores.setdefault((key, most), asyncio.Semaphore(most))
        async with semaphore:
            yield
