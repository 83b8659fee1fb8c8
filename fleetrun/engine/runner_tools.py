"""What all runners of a run share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetrun.contracts import Clock, Dialogue
from fleetrun.engine.bus import Bus
from fleetrun.engine.permits import Permits
from fleetrun.engine.session import DeviceSession
from fleetrun.engine.stop import StopFlag
from fleetrun.engine.wishes import Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerTools:
    """What all runners of a run share."""

    bus: Bus
    clock: Clock
    dialogues: Mapping[str, Dialogue]
    stop: StopFlag
    permits: Permits
    wishes: Wishes = field(default_factory=Wishes)


async def give_back(session: DeviceSession, bus: Bus, *, is_known: bool) -> None:
    """Gives back a channel to a device that many may delegate to.

    `is_known` says that every answer of it is published: then no receipt need
    stay there, once the journal is durable.
    """
    if is_known:
        await bus.barrier()
    await session.drop(whole_run=is_known)
