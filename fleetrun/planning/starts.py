"""Who is at work, who waits for a place, and who is next. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from fleetrun.model.rollout import RolloutPlan
from fleetrun.planning.line import Line, Room
from fleetrun.planning.pace import Pace


@dataclass(frozen=True, slots=True)
class NotBefore:
    """The rate allows the next start at this time (seconds since the epoch)."""

    at: float


class Pacing(Protocol):
    """Says when the next device may start; see `Pace`."""

    def wait_until(self, now: float, succeeded: int) -> float | None:
        """When that is; None = now."""
        ...

    def started(self, now: float, succeeded: int) -> None:
        """A device started."""
        ...


class Starts:
    """The places of a rollout: concurrency, limits and rate."""

    def __init__(
        self, plan: RolloutPlan, last_start: float | None, pace: Pacing | None = None
    ) -> None:
        """`last_start` is the latest start of a former engine; `pace` is for the plan's rate."""
        self._concurrency = plan.concurrency
        #: Insertion order is start order.
        self._in_flight: dict[str, None] = {}
        #: Of those in flight: they wait for others, and run no more than a
        #: device that has not started.
        self._parked: set[str] = set()
        self._room = Room(plan.limits)
        #: Parked devices that may go on, in the order in which they may.
        self._ready = Line(self._room)
        #: Devices of open waves that have not started.
        self._waiting = Line(self._room)
        #: False while a former engine's outcomes are told, with times of then:
        #: the rate counts from the time that it really is.
        self.is_now = last_start is None
        self._pace = pace
        if pace is None and plan.rate is not None:
            self._pace = Pace(plan.rate, last_start)

    @property
    def in_flight(self) -> Collection[str]:
        """Devices that started and have not settled, in start order (a view)."""
        return self._in_flight.keys()

    @property
    def has_waiting(self) -> bool:
        """True while a device waits for its start."""
        return len(self._waiting) > 0

    @property
    def _free(self) -> int:
        return self._concurrency - len(self._in_flight) + len(self._parked)

    def wait(self, device: str) -> None:
        """A device comes in, behind all others."""
        self._waiting.push(device)

    def clear(self) -> None:
        """Sends all away that wait for their start."""
        self._waiting.clear()

    def begin(self, device: str) -> None:
        """A device starts, whatever the limits."""
        self._in_flight[device] = None
        self._room.take(device)

    def park(self, device: str) -> None:
        """It gives its places to others, or those that it waits for might never start."""
        if device in self._in_flight and device not in self._parked:
            self._parked.add(device)
            self._room.give_back(device)

    def ready(self, device: str) -> None:
        """A parked device may go on when there is a place."""
        self._ready.push(device)

    def end(self, device: str) -> None:
        """A device that is in flight has settled."""
        del self._in_flight[device]
        if device in self._parked:
            self._parked.discard(device)
        else:
            self._room.give_back(device)

    def next_ready(self) -> str | None:
        """Lets a parked device go on and returns it; None when there is none or no place."""
        while self._free > 0:
            device = self._ready.pop()
            if device is None:
                return None
            # Not when it has settled since.
            if device in self._parked:
                self._parked.discard(device)
                self._room.take(device)
                return device
        return None

    def next_start(
        self, now: float, succeeded: int, known: Collection[str]
    ) -> str | NotBefore | None:
        """Starts a device and returns it; None when nobody waits or has a place.

        Those in `known` have their outcome already and are dropped.
        """
        while self.has_waiting and self._free > 0:
            if self._pace is not None:
                at = self._pace.wait_until(now, succeeded) if self.is_now else now
                if at is not None:
                    return NotBefore(at)
            device = self._waiting.pop()
            if device is None:
                return None
            if device not in known:
                self.begin(device)
                if self._pace is not None:
                    self._pace.started(now, succeeded)
                return device
        return None
