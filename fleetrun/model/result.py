"""Outcomes of devices and results of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleetrun.model.values import NO_VARS, Value


class Outcome(StrEnum):
    """What finally became of a selected device: exactly one per run."""

    OK = "ok"
    CHANGED = "changed"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    PENDING = "pending"
    CANCELLED = "cancelled"
    #: The link or the engine died mid-task; settled by the device's receipt.
    UNKNOWN = "unknown"

    @property
    def is_success(self) -> bool:
        """True for ok and changed."""
        return self in {Outcome.OK, Outcome.CHANGED}

    @property
    def is_attempted(self) -> bool:
        """True when something of ours may have run on the device."""
        return self in {Outcome.OK, Outcome.CHANGED, Outcome.FAILED, Outcome.UNKNOWN}


class TaskStatus(StrEnum):
    """What became of one task on one device."""

    OK = "ok"
    CHANGED = "changed"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """The result of one task (all its loop items and attempts) on one device."""

    status: TaskStatus
    #: What `register` stores: Ansible's result dictionary (rc, stdout, msg …).
    values: Mapping[str, Value] = field(default_factory=lambda: NO_VARS)
    #: Stable machine name of the failure, e.g. ``module/bad-output``; else "".
    error_kind: str = ""
    #: True when the playbook said to go on despite the failure.
    ignored: bool = False
    #: Seconds on the controller's monotonic clock, from sent to answered.
    elapsed_s: float = 0.0

    @property
    def is_failed(self) -> bool:
        """True for failed and unknown, ignored or not."""
        return self.status in {TaskStatus.FAILED, TaskStatus.UNKNOWN}

    @property
    def message(self) -> str:
        """The module's ``msg``, or ""."""
        msg = self.values.get("msg", "")
        return msg if isinstance(msg, str) else str(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recap:
    """Counts of one device's tasks, as in Ansible's recap line."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0
