"""The event stream of a run: one durable subscriber, any number of best-effort ones.

The journal is durable and awaited (`barrier`). Each reporter has a bounded
queue and a task of its own; one that raises or falls too far behind is
detached with a warning and never stops the run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, Self

from fleetrun.contracts import Clock, Journal, Lease, Reporter
from fleetrun.model.events import AnyEvent, Notice
from fleetrun.model.redact import Redactor

log = logging.getLogger(__name__)

#: Events a reporter may lag behind before it is detached.
QUEUE_SIZE: Final = 200_000
#: Seconds that reporters get to show the rest at the end.
CLOSE_TIMEOUT_S: Final = 30.0
#: Seconds that a reporter which is given up gets for its `close`.
GIVE_UP_TIMEOUT_S: Final = 5.0


class Bus:
    """Publishes events in order. Use as ``async with``."""

    def __init__(
        self, journal: Journal, lease: Lease, reporters: Sequence[Reporter],
        redactor: Redactor, clock: Clock, *, queue_size: int = QUEUE_SIZE,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        self._journal = journal
        self._lease = lease
        self._redactor = redactor
        self._clock = clock
        self._feeds = [_Feed(reporter, queue_size, close_timeout_s) for reporter in reporters]
        #: Secrets of one device -> what takes them out; shared by devices.
        self._redactors: dict[frozenset[str], Redactor] = {}
        self._of_device: dict[str, Redactor] = {}
        self._told: set[str] = set()

    async def __aenter__(self) -> Self:
        for feed in self._feeds:
            feed.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for feed in self._feeds:
                group.create_task(feed.close())

    def now(self) -> float:
        """Returns the time to stamp an event with."""
        return self._clock.now()

    def hide(self, device: str, secrets: Iterable[str]) -> None:
        """Takes secrets out of all further events of a device.

        For those that only its variables say. Not one pattern for all devices:
        a fleet may have as many passwords as devices.
        """
        wanted = frozenset(filter(None, secrets))
        if not wanted:
            return
        if wanted not in self._redactors:
            self._redactors[wanted] = Redactor(wanted)
        self._of_device[device] = self._redactors[wanted]

    def publish(self, event: AnyEvent) -> None:
        """Queues an event for everybody, in order."""
        event = self.cleaned(event)
        self._journal.append(self._lease, event)
        for feed, problem in [(feed, feed.offer(event)) for feed in self._feeds]:
            if problem:
                self._detach(feed, problem)

    def cleaned(self, event: AnyEvent) -> AnyEvent:
        """Returns an event without the secrets of the run and of its device."""
        event = self._redactor.clean(event)
        own = self._of_device.get(getattr(event, "device", ""))
        return event if own is None else own.clean(event)

    def warn(self, message: str, *, device: str = "") -> None:
        """Publishes a warning; the same message only once in a run."""
        if message not in self._told:
            self._told.add(message)
            self.publish(
                Notice(at=self._clock.now(), level="warning", message=message, device=device)
            )

    async def barrier(self) -> None:
        """Returns when everything published so far is durable."""
        await self._journal.commit(self._lease)

    def _detach(self, feed: _Feed, problem: str) -> None:
        feed.detach()
        message = f"reporter {feed.name} was detached: {problem}"
        log.warning("%s", message)
        self.warn(message)


class _Feed:
    """One reporter with its queue."""

    def __init__(self, reporter: Reporter, queue_size: int, close_timeout_s: float) -> None:
        self.name = type(reporter).__name__
        self._is_attached = True
        self._reporter = reporter
        self._close_timeout_s = close_timeout_s
        self._queue_size = queue_size
        #: Bounded by `offer`, so that the end of the stream always has room.
        self._queue: asyncio.Queue[AnyEvent | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._error = ""

    def start(self) -> None:
        # Best effort by design: its failure is kept in `_error`, never raised.
        self._task = asyncio.create_task(self._pump(), name=f"reporter {self.name}")

    def offer(self, event: AnyEvent) -> str:
        """Queues an event; returns why the reporter must be detached, or ""."""
        if not self._is_attached:
            return ""
        if self._error:
            return self._error
        if self._queue.qsize() >= self._queue_size:
            return f"more than {self._queue_size} events behind"
        self._queue.put_nowait(event)
        return ""

    def detach(self) -> None:
        """Gives it no more events; what it has not shown yet is dropped."""
        self._is_attached = False
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Lets the reporter show what is queued, then ends it."""
        task = self._task
        if task is None:
            return
        try:
            async with asyncio.timeout(self._close_timeout_s):
                if self._is_attached and not task.done():
                    self._queue.put_nowait(None)
                    await asyncio.wait({task})
        except TimeoutError:
            log.warning("reporter %s did not end in time", self.name)
        finally:
            task.cancel()
            # Not for ever: its `close` may hang, too.
            await asyncio.wait({task}, timeout=GIVE_UP_TIMEOUT_S)

    async def _pump(self) -> None:
        try:
            while (event := await self._queue.get()) is not None:
                await self._reporter.handle(event)
        except Exception as error:  # a reporter's bug must not stop a run
            self._error = f"{type(error).__name__}: {error}"
            log.exception("reporter %s failed", self.name)
        finally:
            await self._close_reporter()

    async def _close_reporter(self) -> None:
        try:
            await self._reporter.close()
        except Exception as error:  # as above
            self._error = self._error or f"{type(error).__name__}: {error}"
            log.exception("reporter %s failed to close", self.name)
