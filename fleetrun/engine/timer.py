"""One alarm: what a rollout asks to be woken for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from fleetrun.contracts import Clock


class Timer:
    """Rings once at the time that was set last; use as a context inside a task group."""

    def __init__(
        self, group: asyncio.TaskGroup, clock: Clock, ring: Callable[[], None]
    ) -> None:
        self._group = group
        self._clock = clock
        self._ring = ring
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cancel()

    def set(self, at: float) -> None:
        """Rings at `at` (seconds since the epoch), at once when that is past."""
        self._cancel()
        self._task = self._group.create_task(self._wait(at), name="rollout timer")

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _wait(self, at: float) -> None:
        # The wall clock may be set while we sleep: it decides, not the sleep.
        while (left := at - self._clock.now()) > 0:
            await self._clock.sleep(left)
        self._ring()
