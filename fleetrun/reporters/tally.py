"""How far a run is: what every progress display shows. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Final

from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    DeviceStarted,
    PlayStarted,
    StageStarted,
)
from fleetrun.model.result import Outcome
from fleetrun.reporters.escape import escape_line
from fleetrun.reporters.summary import duration

#: Outcomes that are always shown, also at 0.
_ALWAYS: Final = (Outcome.OK, Outcome.CHANGED, Outcome.FAILED, Outcome.UNREACHABLE)

#: Stragglers that are named.
SLOWEST: Final = 3


class Tally:
    """Counts of the current stage; `now` is always a monotonic time."""

    def __init__(self) -> None:
        self.name = ""
        self.total = 0
        self.done = 0
        self._counts: Counter[Outcome] = Counter()
        self._since: float | None = None
        #: Device -> when it was started. Python keeps insertion order, so the
        #: first ones are the slowest of those that still run.
        self._running: dict[str, float] = {}

    def take(self, event: AnyEvent, now: float) -> bool:
        """Counts an event; True when a new play or stage began."""
        if isinstance(event, (PlayStarted, StageStarted)):
            self._begin(event, now)
            return True
        if isinstance(event, DeviceStarted):
            self._running[event.device] = now
        elif isinstance(event, DeviceFinished):
            self._running.pop(event.device, None)
            self._counts[event.outcome] += 1
            self.done += 1
        return False

    def _begin(self, event: PlayStarted | StageStarted, now: float) -> None:
        if isinstance(event, PlayStarted):
            self._counts.clear()
        self.name = escape_line(event.name)
        self.total = event.device_count
        self.done = 0
        self._since = now

    def counts(self) -> str:
        """Returns "ok 10 · changed 1 · failed 0 · unreachable 0" of the play."""
        parts = [
            f"{outcome.value} {self._counts[outcome]:,}"
            for outcome in Outcome if outcome in _ALWAYS or self._counts[outcome]
        ]
        return " · ".join(parts)

    def rate(self, now: float) -> float:
        """Devices per second since the stage began; 0 before the first."""
        elapsed = 0.0 if self._since is None else now - self._since
        return self.done / elapsed if elapsed > 0 else 0.0

    def pace(self, now: float) -> str:
        """Returns "3.2/s · ETA 12 s"; the time is a guess from the mean rate."""
        rate = self.rate(now)
        if not rate:
            return "0.0/s"
        left = max(self.total - self.done, 0)
        eta = f" · ETA {duration(left / rate)}" if left else ""
        return f"{rate:.1f}/s{eta}"

    def slowest(self, now: float) -> str:
        """Returns "slowest gw-07 31 s, gw-09 12 s", or "" when none runs."""
        first = islice(self._running.items(), SLOWEST)
        names = [f"{escape_line(device)} {duration(now - began)}" for device, began in first]
        return f"slowest {', '.join(names)}" if names else ""
