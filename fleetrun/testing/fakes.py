"""Public fakes for the ports: a clock that does not wait, a journal in memory.

The scripted devices stand in `fleetrun.testing.devices`.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final

from fleetrun.contracts import Lease
from fleetrun.errors import FleetrunError, JournalError, LockedError, UsageError
from fleetrun.model.events import AnyEvent, RunFinished
from fleetrun.model.redact import MASK, censor
from fleetrun.model.run import Invocation, RunRecord, RunState, Wish
from fleetrun.model.values import SecretText, Value

#: Seconds of real time that everybody else gets before a wait is over.
_TURN_S: Final = 0.003


class FakeClock:
    """`contracts.Clock` whose waits end at once, in the right order.

    Time stands still while somebody works; then the earliest wait is over.
    """

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._start = start
        self._passed = 0.0
        self._waits: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._is_ticking = False
        #: Every wait that was asked for, in seconds.
        self.slept: list[float] = []

    def now(self) -> float:
        """Returns seconds since the epoch."""
        return self._start + self._passed

    def monotonic(self) -> float:
        """Returns seconds that have passed."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Lets time pass at once."""
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        """Returns when `seconds` have passed on this clock."""
        self.slept.append(seconds)
        loop = asyncio.get_running_loop()
        wait: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waits, (self._passed + seconds, next(self._numbers), wait))
        self._tick(loop)
        await wait

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_ticking:
            self._is_ticking = True
            loop.call_later(_TURN_S, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_ticking = False
        while self._waits:
            due, _, wait = heapq.heappop(self._waits)
            if not wait.done():
                self._passed = max(self._passed, due)
                wait.set_result(None)
                break
        if self._waits:
            self._tick(loop)


class RecordingReporter:
    """`contracts.Reporter` that keeps what it is told."""

    def __init__(
        self, *, fails_on: type[object] | None = None, waits_for: asyncio.Event | None = None
    ) -> None:
        """Raises at an event of the type `fails_on`; is stuck until `waits_for` is set."""
        self.events: list[AnyEvent] = []
        self.times_closed = 0
        self._fails_on = fails_on
        self._waits_for = waits_for

    @property
    def types(self) -> list[str]:
        """Names of the events' types, in order."""
        return [event.type for event in self.events]

    async def handle(self, event: AnyEvent) -> None:
        """Keeps an event."""
        if self._waits_for is not None:
            await self._waits_for.wait()
        if self._fails_on is not None and isinstance(event, self._fails_on):
            raise ValueError(f"cannot show {event.type}")
        self.events.append(event)

    async def close(self) -> None:
        """Counts."""
        self.times_closed += 1


@dataclass(slots=True)
class _Run:
    record: RunRecord
    epoch: int = 0
    events: list[AnyEvent] = field(default_factory=list)
    #: How many of the events would survive a crash.
    durable: int = 0
    lease_until: float = 0.0
    wishes: list[Wish] = field(default_factory=list)


@dataclass(slots=True)
class MemoryStore:
    """What several `MemoryJournal`s share, as processes share a file."""

    runs: dict[str, _Run] = field(default_factory=dict)
    #: device -> run.
    locks: dict[str, str] = field(default_factory=dict)

    def crash(self) -> None:
        """Loses what no barrier waited for, and every lease with its holder."""
        for run in self.runs.values():
            del run.events[run.durable :]
            run.lease_until = 0.0


class MemoryJournal:
    """`contracts.Journal` in memory; `trace` gets each append and barrier in order."""

    def __init__(
        self, store: MemoryStore | None = None, *, lease_ttl_s: float = 600.0,
        trace: list[str] | None = None, now: Callable[[], float] = monotonic,
    ) -> None:
        self.store = store or MemoryStore()
        self.trace = [] if trace is None else trace
        #: Raised by the next barrier, lock or renewal, and every one after it.
        self.broken: FleetrunError | None = None
        self.renewals = 0
        self._ttl_s = lease_ttl_s
        self._now = now

    async def check(self) -> None:
        """Raises what is broken."""
        self._raise_broken()

    async def create_run(
        self, run: str, title: str, invocation: Invocation, file_hashes: Mapping[str, str]
    ) -> Lease:
        """Stores a new run and takes its lease."""
        self._raise_broken()
        if run in self.store.runs:
            raise JournalError(f"the run {run} exists", kind="journal/duplicate-run")
        kept = replace(invocation, extra_vars=_without_secrets(invocation.extra_vars))
        self.store.runs[run] = _Run(
            RunRecord(
                run=run, title=title, state=RunState.RUNNING, created_at=self._now(),
                finished_at=None, exit_code=None, invocation=kept, file_hashes=dict(file_hashes),
            )
        )
        return self._grant(run)

    async def take_lease(self, run: str) -> Lease:
        """Takes over a run that nobody holds."""
        found = self._find(run)
        if found.lease_until > self._now():
            raise LockedError(f"the run {run} is held", kind="lease/held")
        return self._grant(run)

    async def renew_lease(self, lease: Lease) -> None:
        """Keeps the lease alive."""
        self.renewals += 1
        self._raise_broken()
        self._held(lease)

    def append(self, lease: Lease, event: AnyEvent) -> None:
        """Adds an event, unless the lease is lost."""
        self.trace.append(event.type)
        try:
            self._held(lease).events.append(censor(event))
        except LockedError:
            return

    async def add_wish(self, run: str, wish: Wish) -> None:
        """Keeps a wish for a run."""
        self._find(run).wishes.append(wish)

    async def take_wishes(self, lease: Lease) -> Sequence[Wish]:
        """Gives the wishes of a run, once."""
        found = self._held(lease)
        taken, found.wishes = found.wishes, []
        return taken

    async def commit(self, lease: Lease) -> None:
        """Makes all events durable."""
        await asyncio.sleep(0)
        self._raise_broken()
        run = self._held(lease)
        run.durable = len(run.events)
        self.trace.append("barrier")

    async def finish_run(self, lease: Lease, state: RunState, exit_code: int) -> None:
        """Closes the run."""
        self._raise_broken()
        run = self._held(lease)
        run.durable = len(run.events)
        run.lease_until = 0.0
        run.record = replace(
            run.record, state=state, exit_code=exit_code, finished_at=self._now(), owner=""
        )
        for device in [name for name, holder in self.store.locks.items() if holder == lease.run]:
            del self.store.locks[device]

    async def lock_device(self, lease: Lease, device: str) -> str:
        """Locks a device; returns "" or the holder's run id."""
        return (await self.lock_devices(lease, (device,))).get(device, "")

    async def lock_devices(self, lease: Lease, devices: Sequence[str]) -> Mapping[str, str]:
        """Locks devices; returns device -> holder's run id for busy ones."""
        self._raise_broken()
        self._held(lease)
        busy: dict[str, str] = {}
        for device in devices:
            holder = self.store.locks.get(device, lease.run)
            if holder != lease.run and self.store.runs[holder].lease_until > self._now():
                busy[device] = holder
            else:
                self.store.locks[device] = lease.run
        return busy

    async def unlock_device(self, lease: Lease, device: str) -> None:
        """Gives a device lock back."""
        if self.store.locks.get(device) == lease.run:
            del self.store.locks[device]

    async def events(self, run: str) -> AsyncIterator[AnyEvent]:
        """All events of a run, in order."""
        for event in list(self._find(run).events):
            yield event

    async def runs(self, *, limit: int = 50) -> Sequence[RunRecord]:
        """Latest runs first."""
        return [self._record(run) for run in reversed(self.store.runs.values())][:limit]

    async def find_run(self, run: str) -> RunRecord:
        """A run by id, unique id prefix, "last" or "last~N"."""
        names = list(reversed(self.store.runs))
        if run == "last" or run.startswith("last~"):
            found = names[int(run[5:] or 0) :][:1] if run[5:].isdecimal() or run == "last" else []
        elif run in names:
            found = [run]
        else:
            found = [name for name in names if run and name.startswith(run)]
        if len(found) != 1:
            raise UsageError(f"there is no run {run!r}", kind="usage/unknown-run")
        return self._record(self.store.runs[found[0]])

    async def close(self) -> None:
        """Makes everything durable."""
        for run in self.store.runs.values():
            run.durable = len(run.events)

    def _grant(self, run: str) -> Lease:
        found = self.store.runs[run]
        found.epoch += 1
        found.lease_until = self._now() + self._ttl_s
        owner = f"{found.epoch}@memory"
        found.record = replace(
            found.record, state=RunState.RUNNING, exit_code=None, finished_at=None, owner=owner
        )
        return Lease(run=run, epoch=found.epoch, owner=owner)

    def _held(self, lease: Lease) -> _Run:
        run = self._find(lease.run)
        if run.epoch != lease.epoch or run.record.finished_at is not None:
            raise LockedError(f"the lease of {lease.run} was lost", kind="lease/held")
        run.lease_until = self._now() + self._ttl_s
        return run

    def _find(self, run: str) -> _Run:
        if run not in self.store.runs:
            raise UsageError(f"there is no run {run!r}", kind="usage/unknown-run")
        return self.store.runs[run]

    def _record(self, run: _Run) -> RunRecord:
        finished = [event for event in run.events if isinstance(event, RunFinished)]
        counts = Counter(o.value for event in finished[-1:] for o in event.outcomes.values())
        is_dead = run.record.finished_at is None and run.lease_until <= self._now()
        state = RunState.INTERRUPTED if is_dead else run.record.state
        return replace(run.record, state=state, counts=dict(counts))

    def _raise_broken(self) -> None:
        if self.broken is not None:
            raise self.broken


def _without_secrets(values: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name: MASK if isinstance(value, SecretText) else value for name, value in values.items()
    }
