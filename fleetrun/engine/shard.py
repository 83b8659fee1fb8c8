"""Runs devices side by side and reports each one's outcome once.

A shard owns the tasks of its devices. One device's bug or fault never reaches
another: `_outcome` is the one place that turns an unexpected exception into
that device's failure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from fleetrun.contracts import Clock
from fleetrun.errors import FleetrunError, JournalError, LockedError
from fleetrun.model.events import DeviceFinished
from fleetrun.model.result import Outcome

log = logging.getLogger(__name__)

RunDevice = Callable[[str], Awaitable[DeviceFinished]]
#: Gives back what a device holds; told its outcome.
ReleaseDevice = Callable[[DeviceFinished], Awaitable[None]]


class Shard:
    """Devices in flight; use inside a task group."""

    def __init__(
        self, group: asyncio.TaskGroup, play: int, *, run: RunDevice, release: ReleaseDevice,
        finished: Callable[[DeviceFinished], None], clock: Clock,
    ) -> None:
        """`finished` gets each started device's outcome exactly once."""
        self.group = group
        self._play = play
        self._run = run
        self._release = release
        self._finished = finished
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._outcomes: dict[str, DeviceFinished] = {}

    @property
    def in_flight(self) -> tuple[str, ...]:
        """Devices that run now."""
        return tuple(self._tasks)

    def start(self, device: str) -> None:
        """Starts a device; its outcome comes through `finished`."""
        task = self.group.create_task(self._one(device), name=f"device {device}")
        self._tasks[device] = task
        task.add_done_callback(partial(self._ended, device))

    def abandon(self) -> None:
        """Cancels all devices; the outcome of one that had begun is then unknown."""
        for task in self._tasks.values():
            task.cancel()

    async def _one(self, device: str) -> None:
        event = await self._outcome(device)
        self._outcomes[device] = event
        try:
            await self._release(event)
        except (JournalError, LockedError):
            raise
        except Exception:
            log.exception("bug while releasing device %s", device)

    async def _outcome(self, device: str) -> DeviceFinished:
        try:
            return await self._run(device)
        except asyncio.CancelledError:
            # The operator abandoned this device, not the run: the group goes on.
            reason = "abandoned while a task may have run"
            return self._event(device, Outcome.UNKNOWN, reason, "engine/abandoned")
        except (JournalError, LockedError):
            # Without the journal nothing may be touched: this ends the run.
            raise
        except FleetrunError as error:
            reason = error.message + (f" ({error.hint})" if error.hint else "")
            return self._event(device, Outcome.FAILED, reason, error.kind)
        except Exception as error:
            log.exception("bug while running device %s", device)
            reason = f"internal error: {type(error).__name__}: {error}"
            return self._event(device, Outcome.FAILED, reason, "internal/bug")

    def _ended(self, device: str, task: asyncio.Task[None]) -> None:
        """Reports the outcome, whichever way the task ended."""
        self._tasks.pop(device, None)
        event = self._outcomes.pop(device, None)
        if not task.cancelled() and task.exception() is not None:
            return  # the journal is gone, and the group ends with that
        if event is None:
            # Cancelled before its first turn.
            reason = "abandoned before it began"
            event = self._event(device, Outcome.CANCELLED, reason, "engine/abandoned")
        self._finished(event)

    def _event(self, device: str, outcome: Outcome, reason: str, kind: str) -> DeviceFinished:
        return DeviceFinished(
            at=self._clock.now(), play=self._play, device=device, outcome=outcome,
            reason=reason, error_kind=kind,
        )
