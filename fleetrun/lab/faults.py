"""Faults of simulated devices: which device has which, by rate and seed. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from fleetrun.errors import UsageError


class Fault(StrEnum):
    """What can be wrong with a simulated device."""

    #: Nothing listens on its address.
    OFFLINE = "offline"
    #: Every program starts late.
    SLOW = "slow"
    #: The link drops at random.
    FLAKY = "flaky"
    #: /var, /root and /tmp hold 64 KiB.
    DISK_FULL = "disk-full"
    #: Every private folder is read-only.
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Rates of faults, and the device type whose update is bad."""

    #: Fault -> share of devices, 0 to 1.
    rates: tuple[tuple[Fault, float], ...] = ()
    #: Device types on which the new version of the app fails.
    bad_update_types: tuple[str, ...] = ()
    seed: str = "lab"

    def of(self, device: str) -> frozenset[Fault]:
        """Returns the faults of a device; the same for the same seed."""
        return frozenset(
            fault for fault, rate in self.rates if self._chance(device, fault) < rate
        )

    def _chance(self, device: str, fault: Fault) -> float:
        digest = hashlib.sha256(f"{self.seed}/{fault}/{device}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64


def parse_faults(text: str, seed: str = "lab") -> FaultPlan:
    """Returns the plan of "offline=4%,slow=2%,bad-update=rpi3".

    Raises UsageError that names the part that is wrong.
    """
    rates: list[tuple[Fault, float]] = []
    bad: list[str] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = part.partition("=")
        name = name.replace("_", "-")
        if name == "bad-update":
            bad.append(value)
            continue
        if name not in set(Fault):
            raise UsageError(
                f"unknown fault {name!r} in --faults", kind="usage/unknown-fault",
                hint=f"known: {', '.join(Fault)}, bad-update=TYPE",
            )
        rates.append((Fault(name), _share(part, value)))
    return FaultPlan(rates=tuple(rates), bad_update_types=tuple(bad), seed=seed)


def _share(part: str, value: str) -> float:
    try:
        share = float(value.rstrip("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(
            f"{part!r} needs a share between 0% and 100%", kind="usage/bad-share",
            hint="write it as offline=4%",
        )
    return share
