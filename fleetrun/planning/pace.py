"""How many devices start per minute: a steady pace that grows with success. Pure."""

from __future__ import annotations

from typing import Final

from fleetrun.model.rollout import RateSpec

#: Seconds that a minute's starts are spread over. A little more than a minute,
#: so that no 60 seconds of the recorded history hold one start too many when a
#: start is carried out some milliseconds late.
_SPREAD_S: Final = 60.6
#: From this rate on, starts may come in bursts of 0.3 s: timers are not finer.
_BURST_FROM: Final = 600.0
_BURST_S: Final = 0.3


class Pace:
    """When the next device may start. Times are seconds since the epoch."""

    def __init__(self, spec: RateSpec, last_start: float | None = None) -> None:
        """`last_start` is the latest start of a former engine."""
        self._spec = spec
        #: When the next start is due at a perfectly steady pace.
        self._due = 0.0
        if last_start is not None:
            self._due = last_start + _SPREAD_S / self.per_minute(0)

    def per_minute(self, succeeded: int) -> float:
        """The rate after so many devices succeeded."""
        spec, rate = self._spec, self._spec.per_minute
        for _ in range(succeeded // spec.grow_after if spec.growth > 1 else 0):
            rate *= spec.growth
            if spec.max_per_minute is not None and rate >= spec.max_per_minute:
                return spec.max_per_minute
            if rate > 1e9:  # no limit any more
                break
        return rate

    def wait_until(self, now: float, succeeded: int) -> float | None:
        """When the next device may start; None = now."""
        burst = _BURST_S if self.per_minute(succeeded) >= _BURST_FROM else 0.0
        at = self._due - burst
        return at if at > now else None

    def started(self, now: float, succeeded: int) -> None:
        """A device started."""
        self._due = max(self._due, now) + _SPREAD_S / self.per_minute(succeeded)
