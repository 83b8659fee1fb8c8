"""Which waves of an open stage may begin. Pure."""

from __future__ import annotations

from collections.abc import Container
from heapq import heappop, heappush

from fleetrun.model.rollout import StagePlan


class WaveOrder:
    """The waves of one stage; each opens when those that it waits for have settled."""

    def __init__(
        self, stage: StagePlan, waits_for: tuple[tuple[int, ...], ...] | None,
        known: Container[str],
    ) -> None:
        """`known` has the devices that already have an outcome."""
        waves = stage.waves
        if waits_for is None:
            waits_for = tuple((number - 1,) if number else () for number in range(len(waves)))
        #: By wave: devices without an outcome.
        self._left = [sum(device not in known for device in wave) for wave in waves]
        self._missing = [len(formers) for formers in waits_for]
        self._followers: list[list[int]] = [[] for _ in waves]
        for number, formers in enumerate(waits_for):
            for former in formers:
                self._followers[former].append(number)
        self._ready = [number for number, count in enumerate(self._missing) if not count]
        self._is_open = [False] * len(waves)
        # One wave is the usual case, and needs no map.
        self._wave_of = {} if len(waves) == 1 else {
            device: number for number, wave in enumerate(waves) for device in wave
        }

    def open_next(self) -> int | None:
        """Opens a wave that may begin and returns its number; the earliest first."""
        if not self._ready:
            return None
        number = heappop(self._ready)
        self._is_open[number] = True
        return number

    def opened(self, number: int) -> None:
        """All that its opening decides was decided."""
        if not self._left[number]:
            self._done(number)

    def settled(self, device: str) -> None:
        """A device of this stage got its first outcome."""
        number = self._wave_of.get(device, 0)
        self._left[number] -= 1
        if not self._left[number] and self._is_open[number]:
            self._done(number)

    def _done(self, number: int) -> None:
        if not self._is_open[number]:
            return
        self._is_open[number] = False
        for follower in self._followers[number]:
            self._missing[follower] -= 1
            if not self._missing[follower]:
                heappush(self._ready, follower)
