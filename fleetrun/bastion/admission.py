"""Who may come in now: token buckets by node, by network and by key.

A device with a wrong key behind a NAT must not lock out its neighbours: failed
logins are held against the key, never against the address. What is held against
an address is the rate of connections and how many are not yet logged in. Pure:
the clock is an argument.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field

#: Buckets that are kept; the one unused for longest goes first, and it is full.
_MAX_BUCKETS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Rates are per second; a burst is how many may come at once."""

    accepts_per_s: float = 300.0
    accept_burst: float = 600.0
    source_per_s: float = 50.0
    source_burst: float = 200.0
    #: Logins with one key; a device's client that restarts in a loop meets this.
    key_per_s: float = 0.5
    key_burst: float = 10.0
    operator_per_s: float = 20.0
    operator_burst: float = 400.0
    #: Connections that are not logged in, from one network and in all.
    pending_per_source: int = 100
    pending: int = 2000
    tunnels: int = 25_000
    forwards_per_device: int = 8
    channels_per_device: int = 256
    channels_per_operator: int = 8192


@dataclass(slots=True)
class Bucket:
    """Tokens that come back with time."""

    per_s: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        """True when there was a token; it is gone then."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_s)
        self.at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(slots=True)
class Buckets:
    """A bucket per name, made full when it is first asked for; memory is bounded."""

    per_s: float
    burst: float
    limit: int = _MAX_BUCKETS
    _held: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)

    def take(self, name: str, now: float) -> bool:
        """True when `name` had a token; it is gone then."""
        bucket = self._held.get(name)
        if bucket is None:
            bucket = self._held[name] = Bucket(self.per_s, self.burst, self.burst, now)
            if len(self._held) > self.limit:
                self._held.popitem(last=False)
        self._held.move_to_end(name)
        return bucket.take(now)


def source_of(address: str) -> str:
    """Returns the network an address counts for: itself for IPv4, its /56 for IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 56), strict=False))


class Admission:
    """Counts what comes in and says no, with a reason, when it is too much."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._node = Bucket(limits.accepts_per_s, limits.accept_burst, limits.accept_burst, now)
        self._sources = Buckets(limits.source_per_s, limits.source_burst)
        self._keys = Buckets(limits.key_per_s, limits.key_burst)
        self._operators = Buckets(limits.operator_per_s, limits.operator_burst)
        self._pending: dict[str, int] = {}
        self.pending = 0

    def accept(self, address: str, now: float) -> str:
        """Returns why a connection is refused, "" when it may go on to log in.

        One that may go on counts as pending until `settled` is called.
        """
        source, limits = source_of(address), self._limits
        if self._pending.get(source, 0) >= limits.pending_per_source:
            return "source-pending"
        if self.pending >= limits.pending:
            return "pending"
        if not self._sources.take(source, now):
            return "source-rate"
        if not self._node.take(now):
            return "node-rate"
        self._pending[source] = self._pending.get(source, 0) + 1
        self.pending += 1
        return ""

    def settled(self, address: str) -> None:
        """Notes that an accepted connection logged in or went away."""
        source = source_of(address)
        left = self._pending.get(source, 0) - 1
        self.pending -= 1
        if left > 0:
            self._pending[source] = left
        else:
            self._pending.pop(source, None)

    def login(self, fingerprint: str, now: float, *, is_operator: bool = False) -> bool:
        """True when a key may try to log in now; known and unknown keys alike."""
        return (self._operators if is_operator else self._keys).take(fingerprint, now)
