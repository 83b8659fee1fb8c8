"""What a device program hands to the engine, one piece of work at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from fleetrun.model.module import ModuleSpec
from fleetrun.model.playbook import Task
from fleetrun.model.result import Outcome, TaskResult
from fleetrun.model.values import NO_VARS, Value


class OnFailure(StrEnum):
    """What the device does with the rest of a batch when a step fails."""

    #: Run nothing more of this batch.
    STOP = "stop"
    #: Go on (ignore_errors, or a constant failed_when: false).
    GO = "go"
    #: Run the other steps of the same `group` (a loop), then stop.
    DEFER = "defer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a step runs as. The empty user means the login user."""

    user: str = ""
    method: str = "sudo"
    #: The program, where it is not the method's own name; more words for it.
    exe: str = ""
    flags: tuple[str, ...] = ()


LOGIN = Identity()


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """Where a step runs and how that is reached; empty words say nothing."""

    #: The device delegated to; "" is the program's own.
    device: str = ""
    #: The `connection` and `remote_user` keywords, where they are not the play's.
    connection: str = ""
    user: str = ""


OWN = Via()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file for the device, beside the program."""

    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One execution of a module: a task, or one item of a task's loop."""

    task: Task
    spec: ModuleSpec
    #: Names this execution within (run, device): "<task id>[<item>]#<attempt>".
    #: Also the name of its receipt; never holds user-made text.
    key: str
    #: Position of the execution in the device's program, from 0, increasing.
    seq: int
    #: Rendered and checked against the spec; aliases resolved, defaults filled.
    args: Mapping[str, Value] = field(default_factory=dict)
    item: Value = None
    item_label: str = ""
    has_item: bool = False
    attempt: int = 1
    on_failure: OnFailure = OnFailure.STOP
    #: Steps of one loop share a number.
    group: int = 0
    identity: Identity = LOGIN
    environment: Mapping[str, str] = field(default_factory=dict)
    check: bool = False
    diff: bool = False
    no_log: bool = False
    timeout_s: float | None = None
    #: A job of ``async``: `timeout_s` is its limit.
    is_async: bool = False
    #: ``poll: 0``: the job is started, and goes on by itself.
    is_launched: bool = False
    via: Via = OWN
    #: Most devices that run this task at once; 0 = no limit.
    throttle: int = 0
    #: The program goes on when the device cannot be reached for it.
    ignores_unreachable: bool = False
    #: Content that must be on the device before the step runs (too large to
    #: travel inside the program text); the step's args name it by `_src_path`.
    upload: Upload | None = None

    @property
    def is_detached(self) -> bool:
        """True when it must run under a receipt on the device."""
        return not self.spec.idempotent or self.spec.long or self.timeout_s is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBatch:
    """Steps to send in one write; the device runs them in order."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueStep:
    """A step of kind DIALOGUE: the engine talks with the device; runs alone."""

    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Wait before the next attempt of an ``until`` loop or a loop pause."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A task is finished on this device: tell the world, then ask again."""

    task: Task
    result: TaskResult
    #: The task's name, rendered for this device.
    name: str = ""
    is_handler: bool = False
    no_log: bool = False
    #: One for each item of a loop, in order; None for a task without a loop.
    item_statuses: tuple[str, ...] | None = None
    #: Labels of the items, in order; () where no `label:` is given.
    item_labels: tuple[str, ...] = ()
    #: The devices delegated to, in order; () when it ran on its own.
    delegated_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """An attempt failed and another one follows: tell the world, then ask again."""

    task: Task
    #: The task's name, rendered for this device.
    name: str
    #: Attempts that are left.
    retries_left: int
    is_handler: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Close the device's connection; the next step connects again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The program is over for this device."""

    outcome: Outcome
    reason: str = ""


#: A place in the order of a play's tasks: compares as the tasks follow each other.
Place: TypeAlias = "tuple[int, ...]"


class MeetKind(StrEnum):
    """Why a device waits for others."""

    #: Before a task that reads variables of other devices.
    READ = "read"
    #: Before a task that one device does for the whole batch.
    ONCE = "once"
    #: After a task: nobody goes on before all know how it went.
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What one device's task gives to others."""

    #: Registered and set variables, for every device of the batch.
    variables: Mapping[str, Value] = field(default_factory=lambda: NO_VARS)
    #: A module's result, whose facts go to every device of the batch.
    facts: Mapping[str, Value] = field(default_factory=lambda: NO_VARS)
    #: device -> what goes to that device alone (delegate_facts): as above.
    variables_for: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    facts_for: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    #: What add_host and group_by ask for, in order.
    inventory: tuple[Mapping[str, Value], ...] = ()
    #: An action of ``meta`` that concerns all.
    meta: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meet:
    """Wait for other devices of the batch, then go on as the verdict says."""

    kind: MeetKind
    place: Place
    #: The task there; devices in different included files have one place.
    task: str
    #: READ: whom to wait for; empty means the whole batch.
    awaits: frozenset[str] = frozenset()
    #: OVER: it failed here, and the playbook did not say to go on.
    has_failed: bool = False
    #: OVER: nothing rescues that failure.
    is_lost: bool = False
    #: OVER: a failure here fails everybody.
    is_fatal: bool = False
    shared: Shared = field(default_factory=Shared)


class Go(StrEnum):
    """How a device goes on after a meeting."""

    ON = "on"
    #: Do the task, for all.
    LEAD = "lead"
    #: Go past the task: another device did it.
    SKIP = "skip"
    #: Fail here, for another device's failure.
    FAIL = "fail"
    #: Go to the end of the play.
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a meeting decided for one device."""

    go: Go = Go.ON
    #: FAIL: one sentence for people.
    reason: str = ""


Work: TypeAlias = "RemoteBatch | DialogueStep | Wait | Report | Retrying | Reset | Meet | Done"


class ReplyKind(StrEnum):
    """What is known of one step after a batch."""

    #: It ran to its end; `exit_status` and `values` are its own.
    FINISHED = "finished"
    #: The batch stopped before it; certainly nothing of it ran.
    NOT_RUN = "not_run"
    #: It began, or may have, and its end is not known.
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Output of a step, capped: head and tail are kept."""

    #: Whole output when not truncated, else head + marker line + tail.
    content: bytes = b""
    #: Length of the full output in bytes.
    length: int = 0
    truncated: bool = False
    #: Hex sha256 of the full output; "" when not truncated (compute it then).
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The device's answer for one step, before Ansible's rules are applied."""

    seq: int
    kind: ReplyKind
    #: Exit status of the module (0 = it worked); None when not FINISHED.
    exit_status: int | None = None
    #: The frame's JSON object; plain device data, never rendered.
    values: Mapping[str, Value] = field(default_factory=dict)
    #: What the program printed; for command, shell, raw and script their output.
    stdout: Captured = field(default_factory=Captured)
    stderr: Captured = field(default_factory=Captured)
    #: "", or ``module/bad-output``, ``module/timeout``, ``module/killed``,
    #: ``module/missing-tool``, ``module/interrupted``, ``lost/…``.
    error_kind: str = ""
    elapsed_s: float = 0.0
