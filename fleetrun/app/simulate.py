"""Simulations of a playbook's rollouts over its inventory, or a larger one made of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fleetrun.app.loaded import Loaded
from fleetrun.app.plans import plan_plays
from fleetrun.engine.setup import PlayPlan
from fleetrun.errors import UsageError
from fleetrun.model.inventory import Inventory
from fleetrun.model.result import Outcome
from fleetrun.planning.attributes import Attributes
from fleetrun.planning.simulation import Simulation, SimulationReport, draw

_RULE: Final = re.compile(
    r"(?:(?P<name>[A-Za-z_]\w*)=(?P<value>[^:]*):)?(?P<pct>\d{1,3}(?:\.\d{1,6})?)%\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share (0..100) of the devices, or of those with a variable's value."""

    pct: float
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretence:
    """What pretended devices do."""

    seed: str
    fail: tuple[Share, ...] = ()
    offline: tuple[Share, ...] = ()
    #: Seconds that a device takes; each one half to one and a half of it.
    duration_s: float = 60.0


def parse_share(text: str, option: str) -> Share:
    """Reads "6%" or "device_type=rpi3:6%"; raises UsageError."""
    found = _RULE.match(text.strip())
    if found is None or float(found["pct"]) > 100:
        raise UsageError(
            f"{option}: `{text}` is no share of devices", kind="usage/simulated-share",
            hint=f"write {option} 2% or {option} device_type=rpi3:6%",
        )
    return Share(pct=float(found["pct"]), name=found["name"] or "", value=found["value"] or "")


def simulate(
    loaded: Loaded, pretence: Pretence, devices: int | None = None
) -> list[tuple[PlayPlan, SimulationReport]]:
    """Returns how each play would go; contacts nothing. Raises InputError.

    With `devices` the inventory is repeated (or cut) to so many first.
    """
    if devices is not None:
        loaded = replace(loaded, inventory=scaled(loaded.inventory, devices))
    value_of = Attributes(loaded.inventory, loaded.templater)

    def hits(shares: Sequence[Share], device: str, what: str) -> bool:
        at = 100 * draw(pretence.seed, device, what)
        return any(
            at < share.pct and (not share.name or value_of(device, share.name) == share.value)
            for share in shares
        )

    def behaviour(device: str) -> tuple[Outcome, float]:
        seconds = pretence.duration_s * (0.5 + draw(pretence.seed, device, "duration"))
        if hits(pretence.offline, device, "offline"):
            return Outcome.UNREACHABLE, seconds
        failed = hits(pretence.fail, device, "fail")
        return (Outcome.FAILED if failed else Outcome.CHANGED), seconds

    return [
        (plan, Simulation(plan.rollout, behaviour).run())
        for plan in plan_plays(loaded, pretence.seed)
    ]


def scaled(inventory: Inventory, count: int) -> Inventory:
    """Returns an inventory of `count` devices: the given ones, again and again.

    A repeated device has the name NAME~2, NAME~3 … and its groups and variables.
    """
    originals = list(inventory.devices.values())
    if not originals:
        return inventory
    devices = {}
    members: dict[str, list[str]] = {name: [] for name in inventory.groups}
    direct = {
        name: frozenset(group.devices) for name, group in inventory.groups.items()
    }
    groups_of = {
        device.name: [name for name, own in direct.items() if device.name in own]
        for device in originals
    }
    for number in range(count):
        turn, place = divmod(number, len(originals))
        device = originals[place]
        name = f"{device.name}~{turn + 1}" if turn else device.name
        devices[name] = replace(device, name=name)
        for group in groups_of[device.name]:
            members[group].append(name)
    groups = {
        name: replace(group, devices=tuple(members[name]))
        for name, group in inventory.groups.items()
    }
    return replace(inventory, devices=devices, groups=groups, digest="")
