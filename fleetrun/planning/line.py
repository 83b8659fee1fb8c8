"""Who starts next under limits: devices in order, and the places that are left.

A limit gives a number of places for each value of a variable ("2 per site").
Devices with the same values share a bucket. A bucket that lacks a place waits
at the limit that lacks it, and is looked at again when a place there is given
back, so that a start costs O(log n) however many devices wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import TypeAlias

from fleetrun.model.rollout import LimitPlan

#: Number of a limit, and a value of its variable.
Key: TypeAlias = "tuple[int, str]"
_Bucket: TypeAlias = "tuple[Key, ...]"


class Room:
    """The places of all limits."""

    def __init__(self, limits: Sequence[LimitPlan]) -> None:
        self._limits = tuple(limits)
        self._used: dict[Key, int] = {}
        self._lines: list[Line] = []

    @property
    def has_limits(self) -> bool:
        """True when there is any limit."""
        return bool(self._limits)

    @property
    def used(self) -> Mapping[Key, int]:
        """Places in use; for checks."""
        return self._used

    def keys(self, device: str) -> _Bucket:
        """The places that a device needs, one for each limit that it falls under."""
        return tuple(
            (number, limit.value_of[device])
            for number, limit in enumerate(self._limits) if device in limit.value_of
        )

    def full(self, keys: _Bucket) -> Key | None:
        """The first of `keys` that has no place left, or None."""
        for key in keys:
            if self._used.get(key, 0) >= self._limits[key[0]].most[key[1]]:
                return key
        return None

    def take(self, device: str) -> None:
        """A device takes its places."""
        for key in self.keys(device):
            self._used[key] = self._used.get(key, 0) + 1

    def give_back(self, device: str) -> None:
        """A device gives its places back."""
        for key in self.keys(device):
            self._used[key] -= 1
            for line in self._lines:
                line.freed(key)

    def add(self, line: Line) -> None:
        """`line` hears of places that are given back."""
        self._lines.append(line)


class Line:
    """Devices that wait, first come, first served as far as there is room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        room.add(self)
        self._buckets: dict[_Bucket, deque[tuple[int, str]]] = {}
        #: Buckets that may have room: turn of the first device, bucket, and the
        #: limit at which it waited.
        self._heads: list[tuple[int, _Bucket, Key | None]] = []
        self._blocked: dict[Key, list[tuple[int, _Bucket]]] = {}
        self._turn = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def push(self, device: str) -> None:
        """A device comes in, behind all others."""
        self._turn += 1
        self._size += 1
        bucket = self._room.keys(device)
        waiting = self._buckets.get(bucket)
        if waiting is None:
            self._buckets[bucket] = deque([(self._turn, device)])
            heappush(self._heads, (self._turn, bucket, None))
        else:
            waiting.append((self._turn, device))

    def pop(self) -> str | None:
        """Takes out the first device that has room; None when none has.

        The caller takes the device's places, or drops the device.
        """
        while self._heads:
            turn, bucket, woken_at = heappop(self._heads)
            full = self._room.full(bucket)
            if full is not None:
                heappush(self._blocked.setdefault(full, []), (turn, bucket))
            if woken_at is not None and woken_at != full:
                # The place may be left for another that waits for it.
                self.freed(woken_at)
            if full is None:
                return self._first_of(bucket)
        return None

    def _first_of(self, bucket: _Bucket) -> str:
        waiting = self._buckets[bucket]
        _, device = waiting.popleft()
        self._size -= 1
        if waiting:
            heappush(self._heads, (waiting[0][0], bucket, None))
        else:
            del self._buckets[bucket]
        return device

    def freed(self, key: Key) -> None:
        """A place of `key` may be free: the first bucket that waits there may try."""
        blocked = self._blocked.get(key)
        if blocked:
            turn, bucket = heappop(blocked)
            heappush(self._heads, (turn, bucket, key))

    def clear(self) -> None:
        """Sends everybody away."""
        self._buckets.clear()
        self._heads.clear()
        self._blocked.clear()
        self._size = 0
