"""What a rollout is told, and what it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from fleetrun.model.result import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettled:
    """A started device has its outcome."""

    device: str
    outcome: Outcome
    reason: str = ""
    error_kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """Start nothing more; what runs may end."""

    reason: str
    #: operator | error | play
    cause: str = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceParked:
    """A started device waits for others and needs no place among those that run."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReady:
    """A parked device may go on as soon as there is a place for it."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayEnded:
    """The play itself said that it ends: nothing more starts, and nothing failed."""

    reason: str


RolloutEvent: TypeAlias = (
    "DeviceSettled | StopRequested | DeviceParked | DeviceReady | PlayEnded"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStage:
    """A stage begins; `index` counts from 0."""

    index: int
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDevice:
    """Run the play on this device and report with `DeviceSettled`."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueDevice:
    """A device that was parked goes on."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDevice:
    """This device never starts; its outcome is skipped or cancelled."""

    device: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseStage:
    """All devices of a stage have an outcome, and its gate is decided."""

    index: int
    name: str
    passed: bool
    #: For people, without the stage's name.
    reason: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Nothing more starts; at most once."""

    #: For people, with the stage's name where there are several.
    reason: str
    #: gate | operator | error | play
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Every device of the plan has exactly one outcome; the last instruction."""


Instruction: TypeAlias = (
    "StartStage | StartDevice | ContinueDevice | SettleDevice | CloseStage | Halt | Finish"
)
