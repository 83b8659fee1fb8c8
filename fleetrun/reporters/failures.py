"""What went wrong, in a few words, and equal failures of many devices as one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from fleetrun.model.events import DeviceFinished, TaskFinished
from fleetrun.model.result import Outcome, TaskResult
from fleetrun.reporters.escape import clip, escape_line

#: Longest text of one failure that is shown on a line.
MESSAGE_CHARS: Final = 300

#: Words that say only *that* a command failed; its output says why.
_EMPTY_MESSAGES: Final = frozenset({"", "non-zero return code"})

#: Numbers and hex ids that differ from device to device in one message.
_VARYING: Final = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{12,}\b|\d+(?:\.\d+)*")


@dataclass(slots=True, kw_only=True)
class Cluster:
    """Devices that failed alike; grows while the run goes on."""

    outcome: Outcome
    #: Name of the task, or "" when no task of ours failed.
    task: str
    #: The message of the first device, escaped, one line.
    message: str
    error_kind: str
    devices: list[str] = field(default_factory=list)


def describe(result: TaskResult) -> str:
    """Returns why a task failed, on one escaped line.

    The module's message; for a command its exit status and the last line that
    it printed.
    """
    message = result.message
    if message.strip().lower() not in _EMPTY_MESSAGES:
        return clip(escape_line(message), MESSAGE_CHARS)
    last = _last_line(result)
    status = result.values.get("rc")
    rc = f"rc {status}" if isinstance(status, int) else result.error_kind or "failed"
    return clip(f"{rc}: {last}" if last else rc, MESSAGE_CHARS)


def _last_line(result: TaskResult) -> str:
    for name in ("stderr", "stdout", "module_stdout"):
        output = result.values.get(name)
        lines = output.strip().splitlines() if isinstance(output, str) else []
        if lines:
            return escape_line(lines[-1])
    return ""


class FailureBook:
    """Gathers failures from events; holds one small entry per failed device."""

    def __init__(self) -> None:
        self._clusters: dict[tuple[object, ...], Cluster] = {}
        #: device -> its last failed task that was not ignored.
        self._last_failed: dict[str, TaskFinished] = {}

    def task_failed(self, event: TaskFinished) -> None:
        """Remembers a failed task until the device's outcome is known."""
        self._last_failed[event.device] = event

    def device_finished(self, event: DeviceFinished) -> Cluster | None:
        """Returns the cluster that the device joins, or None when it did well."""
        task = self._last_failed.pop(event.device, None)
        if event.outcome not in {Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNKNOWN}:
            return None
        reason = clip(escape_line(event.reason), MESSAGE_CHARS)
        is_task = task is not None and event.outcome is not Outcome.UNREACHABLE
        message = describe(task.result) if is_task and task else reason
        name = escape_line(task.name or task.module) if is_task and task else ""
        status = task.result.values.get("rc") if is_task and task else None
        kind = event.error_kind or (task.result.error_kind if task else "")
        key = (event.outcome, name, kind, status, likeness(message, event.device))
        cluster = self._clusters.get(key)
        if cluster is None:
            cluster = self._clusters[key] = Cluster(
                outcome=event.outcome, task=name, error_kind=kind,
                message=message or kind or event.outcome.value,
            )
        cluster.devices.append(event.device)
        return cluster

    def clusters(self) -> tuple[Cluster, ...]:
        """Returns all clusters, the largest first."""
        return tuple(sorted(self._clusters.values(), key=lambda found: -len(found.devices)))


def likeness(message: str, device: str) -> str:
    """What two messages share when they say the same of two devices."""
    return _VARYING.sub("N", message.replace(device, "DEVICE"))
