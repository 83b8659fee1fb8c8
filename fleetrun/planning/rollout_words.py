"""What a rollout is told, and what it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import CheckVerdict, ExternalCheck


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
    #: operator (goes on at `resume`) | abort (for good) | error | play
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """Time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequested:
    """Start nothing more until `Promoted`."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """Go on: ends a pause, a soak and a wait for approval."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The open stage is approved; nothing when it does not wait for that."""

    by: str
    #: Only a stage of this name; "" = whichever waits.
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswered:
    """The external check of a stage has an answer."""

    stage: int
    verdict: CheckVerdict
    #: For people.
    text: str = ""


RolloutEvent: TypeAlias = (
    "DeviceSettled | StopRequested | DeviceParked | DeviceReady | PlayEnded | Ticked "
    "| PauseRequested | Promoted | Approved | CheckAnswered"
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
    #: gate | operator | abort | error | play
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSoak:
    """All of a stage is done; it is watched until a time before it closes."""

    index: int
    name: str
    #: Seconds since the epoch.
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitApproval:
    """A stage waits for a person."""

    index: int
    name: str
    who: str
    #: Seconds since the epoch; None = for ever.
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCheck:
    """Run the external check of the open stage and report with `CheckAnswered`."""

    index: int
    name: str
    check: ExternalCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStage:
    """A stage that was soaking or waited for approval goes on before its time."""

    index: int
    name: str
    #: For people: who let it go on, and how.
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The operator paused the rollout."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpause:
    """The rollout goes on after a pause."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeAt:
    """Report with `Ticked` at this time; takes the place of an earlier one."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Every device of the plan has exactly one outcome; the last instruction."""


Instruction: TypeAlias = (
    "StartStage | StartDevice | ContinueDevice | SettleDevice | CloseStage | Halt | Finish "
    "| StartSoak | AwaitApproval | RunCheck | ReleaseStage | Pause | Unpause | WakeAt"
)
