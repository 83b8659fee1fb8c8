"""Runs devices side by side and reports each one's outcome once.

A shard owns the tasks of its devices. One device's bug or fault never reaches
another: `run_device` is the one place that turns an unexpected exception into
that device's failure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fleetrun.contracts import Clock
from fleetrun.errors import FleetrunError, JournalError, LockedError
from fleetrun.model.events import DeviceFinished
from fleetrun.model.result import Outcome

log = logging.getLogger(__name__)

RunDevice = Callable[[str], Awaitable[DeviceFinished]]


class Shard:
    """Devices in flight; use inside a task group."""

    def __init__(self, group: asyncio.TaskGroup, play: int, run: RunDevice, clock: Clock) -> None:
        self._group = group
        self._play = play
        self._run = run
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: Outcomes in the order in which devices end.
        self.finished: asyncio.Queue[DeviceFinished] = asyncio.Queue()

    @property
    def in_flight(self) -> tuple[str, ...]:
        """Devices that run now."""
        return tuple(self._tasks)

    def start(self, device: str) -> None:
        """Starts a device; its outcome comes through `finished`."""
        self._tasks[device] = self._group.create_task(self._one(device), name=f"device {device}")

    def abandon(self) -> None:
        """Cancels all devices; each one's outcome is then unknown."""
        for task in self._tasks.values():
            task.cancel()

    async def _one(self, device: str) -> None:
        try:
            event = await self._run(device)
        except asyncio.CancelledError:
            reason = "abandoned while a task may have run"
            self._settle(device, Outcome.UNKNOWN, reason, "engine/abandoned")
            # The operator abandoned this device, not the run: the group goes on.
            return
        except (JournalError, LockedError):
            # Without the journal nothing may be touched: this ends the run.
            raise
        except FleetrunError as error:
            # Its variables say something that makes no sense, for one.
            self._settle(device, Outcome.FAILED, error.message, error.kind)
            return
        except Exception as error:
            log.exception("bug while running device %s", device)
            self._settle(
                device, Outcome.FAILED, f"internal error: {type(error).__name__}: {error}",
                "internal/bug",
            )
            return
        self._tasks.pop(device, None)
        self.finished.put_nowait(event)

    def _settle(self, device: str, outcome: Outcome, reason: str, kind: str) -> None:
        self._tasks.pop(device, None)
        self.finished.put_nowait(
            DeviceFinished(
                at=self._clock.now(), play=self._play, device=device, outcome=outcome,
                reason=reason, error_kind=kind,
            )
        )
