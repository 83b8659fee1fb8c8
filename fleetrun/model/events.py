"""The event stream: frozen, versioned, ordered per run.

The journal keeps every event; reporters see the same stream. An event's
`type` name and its fields are a stable interface (``--output json``): fields
are only ever added, and `EVENT_VERSION` counts up when one changes meaning.
All text that came from a device is plain data: each sink escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from fleetrun.model.result import Outcome, Recap, TaskResult
from fleetrun.model.values import Value

EVENT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    type: ClassVar[str] = ""
    #: Seconds since the epoch, controller's clock; never used for order.
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The run is in the journal; nothing was contacted yet."""

    type: ClassVar[str] = "run_started"
    run: str
    title: str
    #: All devices that any play selects, in inventory order.
    devices: tuple[str, ...]
    #: fleetrun's own version.
    version: str
    check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Event):
    """Another engine goes on with the run."""

    type: ClassVar[str] = "run_resumed"
    run: str
    #: Fencing number of the lease, from 1.
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayStarted(Event):
    """A play begins."""

    type: ClassVar[str] = "play_started"
    play: int
    name: str
    device_count: int
    stages: tuple[str, ...] = ()
    waves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted(Event):
    """A stage of a play's rollout begins."""

    type: ClassVar[str] = "stage_started"
    play: int
    stage: int
    name: str
    device_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFinished(Event):
    """The gate of a stage was decided; durable before anything follows it."""

    type: ClassVar[str] = "stage_finished"
    play: int
    stage: int
    name: str
    passed: bool
    #: For people: "5 of 5 succeeded", or why the gate closed.
    reason: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSoaking(Event):
    """All devices of a stage are done; it is watched before its gate is decided."""

    type: ClassVar[str] = "stage_soaking"
    play: int
    stage: int
    name: str
    #: Seconds since the epoch.
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageWaiting(Event):
    """A stage waits for a person to approve it."""

    type: ClassVar[str] = "stage_waiting"
    play: int
    stage: int
    name: str
    #: Who is asked, as the playbook says it.
    who: str
    #: Seconds since the epoch; null = for ever.
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChecked(Event):
    """The external check of a stage's gate has an answer."""

    type: ClassVar[str] = "stage_checked"
    play: int
    stage: int
    name: str
    #: ok | failed | inconclusive
    verdict: str
    #: The last line that the check printed, or what went wrong.
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReleased(Event):
    """A stage that soaked or waited goes on before its time; durable before it does."""

    type: ClassVar[str] = "stage_released"
    play: int
    stage: int
    name: str
    #: For people: "approved by ann@desk".
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPaused(Event):
    """The operator paused a play: no device starts until it goes on."""

    type: ClassVar[str] = "rollout_paused"
    play: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutContinued(Event):
    """A paused play goes on."""

    type: ClassVar[str] = "rollout_continued"
    play: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStarted(Event):
    """A device was started; durable before it is contacted."""

    type: ClassVar[str] = "device_started"
    play: int
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConnected(Event):
    """The first session of a run to a device is up."""

    type: ClassVar[str] = "device_connected"
    device: str
    address: str
    boot_id: str
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksIntended(Event):
    """These executions are about to be sent; durable before they are."""

    type: ClassVar[str] = "tasks_intended"
    play: int
    device: str
    #: Keys of the steps, in order (`Step.key`).
    keys: tuple[str, ...]
    #: Names of the tasks, same order.
    names: tuple[str, ...] = ()
    #: The device that they run on when they are delegated, else "".
    on: str = ""
    #: Where the tasks stand, same order.
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAnswered(Event):
    """What one execution gave; replaying these rebuilds the program."""

    type: ClassVar[str] = "step_answered"
    play: int
    device: str
    key: str
    result: TaskResult
    no_log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAcknowledged(Event):
    """The operator's word for an interrupted step that is not idempotent; at `resume`."""

    type: ClassVar[str] = "step_acknowledged"
    play: int
    device: str
    key: str
    #: rerun | done
    decision: str
    #: Who said so, "user@host".
    rerun_acknowledged_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFinished(Event):
    """A task is over on a device: its final result, for people."""

    type: ClassVar[str] = "task_finished"
    play: int
    device: str
    task: str
    name: str
    module: str
    result: TaskResult
    is_handler: bool = False
    no_log: bool = False
    #: Where the task stands: "file:line:column", or "".
    path: str = ""
    #: Status of each item of a loop, in order; null without a loop.
    item_statuses: tuple[str, ...] | None = None
    #: Labels of the items, in order; empty where no `label:` is given.
    item_labels: tuple[str, ...] = ()
    #: The device that did it in place of `device`, or "".
    delegated_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetried(Event):
    """An attempt of a task with `until` or `retries` failed; another one follows."""

    type: ClassVar[str] = "task_retried"
    play: int
    device: str
    task: str
    name: str
    #: Attempts that are left.
    retries_left: int
    is_handler: bool = False
    #: Where the task stands: "file:line:column", or "".
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderChosen(Event):
    """A device does a task for its whole batch (run_once)."""

    type: ClassVar[str] = "leader_chosen"
    play: int
    device: str
    task: str
    #: Where the task stands in the order of the play.
    place: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFinished(Event):
    """A device's outcome in one play."""

    type: ClassVar[str] = "device_finished"
    play: int
    device: str
    outcome: Outcome
    reason: str = ""
    #: Stable machine name of the failure, or "".
    error_kind: str = ""
    recap: Recap = field(default_factory=Recap)
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHalted(Event):
    """A gate, an abort rule or the operator stopped new starts."""

    type: ClassVar[str] = "run_halted"
    reason: str
    #: gate | operator (goes on at `resume`) | abort (for good) | error | play
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayFinished(Event):
    """A play is over."""

    type: ClassVar[str] = "play_finished"
    play: int
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The run is over; `outcomes` has every selected device exactly once."""

    type: ClassVar[str] = "run_finished"
    run: str
    exit_code: int
    outcomes: Mapping[str, Outcome]
    reason: str = ""
    #: Commands to type next, best first; never empty when exit_code is not 0.
    next_commands: tuple[str, ...] = ()
    elapsed_s: float = 0.0
    #: What `set_stats` gathered: "run" and "per_host"; empty when nothing did.
    stats: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something a person should know (a detached reporter, a deprecation)."""

    type: ClassVar[str] = "notice"
    #: info | warning
    level: str
    message: str
    device: str = ""
    details: Mapping[str, Value] = field(default_factory=dict)


AnyEvent: TypeAlias = (
    "RunStarted | RunResumed | PlayStarted | StageStarted | StageFinished | StageSoaking "
    "| StageWaiting | StageChecked | StageReleased | RolloutPaused | RolloutContinued "
    "| DeviceStarted | DeviceConnected | TasksIntended | StepAnswered | StepAcknowledged "
    "| TaskFinished | TaskRetried | LeaderChosen | DeviceFinished | RunHalted | PlayFinished "
    "| RunFinished | Notice"
)

EVENT_TYPES: Mapping[str, type[Event]] = {
    cls.type: cls
    for cls in (
        RunStarted, RunResumed, PlayStarted, StageStarted, StageFinished, StageSoaking,
        StageWaiting, StageChecked, StageReleased, RolloutPaused, RolloutContinued, DeviceStarted,
        DeviceConnected, TasksIntended, StepAnswered, StepAcknowledged, TaskFinished,
        TaskRetried, LeaderChosen, DeviceFinished,
        RunHalted, PlayFinished, RunFinished, Notice,
    )
}
