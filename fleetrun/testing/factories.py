"""Events with sensible defaults, so a test names only what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from fleetrun.model.events import (
    AnyEvent,
    DeviceConnected,
    DeviceFinished,
    DeviceStarted,
    Event,
    LeaderChosen,
    Notice,
    PlayFinished,
    PlayStarted,
    RolloutContinued,
    RolloutPaused,
    RunFinished,
    RunHalted,
    RunResumed,
    RunStarted,
    StageChecked,
    StageFinished,
    StageReleased,
    StageSoaking,
    StageStarted,
    StageWaiting,
    StepAcknowledged,
    StepAnswered,
    TaskFinished,
    TaskRetried,
    TasksIntended,
)
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.model.run import Invocation

#: 2026-11-23 09:12:04 UTC.
AT: Final = 1795425124.0

OK_RESULT: Final = TaskResult(
    status=TaskStatus.OK,
    values={"changed": False, "rc": 0, "stdout": "6.1.21", "stdout_lines": ["6.1.21"]},
    elapsed_s=0.25,
)

FAILED_RESULT: Final = TaskResult(
    status=TaskStatus.FAILED,
    values={"changed": False, "failed": True, "msg": "No space left on device"},
    error_kind="task/failed",
    elapsed_s=1.5,
)

#: One event of each type; every field differs from its default.
EXAMPLES: Final[Mapping[type[Event], Event]] = {
    type(event): event
    for event in (
        RunStarted(
            at=AT, run="20261123-0912-k7qd", title="HostOS 1.5", devices=("gw-01", "gw-02"),
            version="0.1.0", check=True,
        ),
        RunResumed(at=AT, run="20261123-0912-k7qd", epoch=2),
        PlayStarted(
            at=AT, play=1, name="gateways", device_count=2, stages=("canary", "rest"),
            waves=("gateways", "sensors"),
        ),
        StageStarted(at=AT, play=1, stage=1, name="canary", device_count=1),
        StageFinished(
            at=AT, play=1, stage=1, name="canary", passed=True, reason="1 of 1 succeeded",
            counts={"ok": 1},
        ),
        StageSoaking(at=AT, play=1, stage=1, name="canary", until=AT + 60),
        StageWaiting(at=AT, play=1, stage=1, name="ask", who="ops", until=AT + 60),
        StageChecked(
            at=AT, play=1, stage=1, name="canary", verdict="failed", text="errors: 3 %"
        ),
        StageReleased(at=AT, play=1, stage=1, name="ask", reason="approved by ann@desk"),
        RolloutPaused(at=AT, play=1, by="ann@desk"),
        RolloutContinued(at=AT, play=1, by="ann@desk"),
        DeviceStarted(at=AT, play=1, device="gw-01"),
        DeviceConnected(
            at=AT, device="gw-01", address="127.0.0.2", boot_id="4f1c", elapsed_s=0.125
        ),
        TasksIntended(
            at=AT, play=1, device="gw-01", keys=("p1.t1#1",), names=("kernel",),
            paths=("site.yml:4:7",),
        ),
        StepAnswered(
            at=AT, play=1, device="gw-01", key="p1.t1#1", result=OK_RESULT, no_log=False
        ),
        TaskFinished(
            at=AT, play=1, device="gw-01", task="p1.t1", name="kernel", module="command",
            result=OK_RESULT, is_handler=True, path="site.yml:4:7", item_statuses=("ok",),
            item_labels=("one",), delegated_to="gw-02",
        ),
        StepAcknowledged(
            at=AT, play=1, device="gw-01", key="p1.t1#1", decision="rerun",
            rerun_acknowledged_by="ops@jump",
        ),
        LeaderChosen(at=3.6, play=0, device="gw-01", task="0.tasks.3", place=(1, 0, 3)),
        TaskRetried(
            at=AT, play=1, device="gw-01", task="p1.t1", name="kernel", retries_left=2,
            is_handler=True, path="site.yml:4:7",
        ),
        DeviceFinished(
            at=AT, play=1, device="gw-01", outcome=Outcome.FAILED, reason="update app failed",
            error_kind="task/failed", recap=Recap(ok=3, changed=1, failed=1), elapsed_s=2.5,
        ),
        RunHalted(at=AT, reason="canary: 1 of 1 failed", cause="gate"),
        PlayFinished(at=AT, play=1, counts={"ok": 1, "failed": 1}),
        RunFinished(
            at=AT, run="20261123-0912-k7qd", exit_code=5,
            outcomes={"gw-01": Outcome.FAILED, "gw-02": Outcome.CANCELLED}, reason="gate closed",
            next_commands=("fleetrun retry last --only failed",), elapsed_s=3.5,
        ),
        Notice(
            at=AT, level="warning", message="the report was detached", device="gw-01",
            details={"reporter": "report"},
        ),
    )
}

INVOCATION: Final = Invocation(
    playbook="playbooks/update.yml", inventories=("inventories/demo",), seed="demo"
)

E = TypeVar("E", bound=Event)


def make_event(cls: type[E], **changes: Any) -> E:
    """Returns the example event of a type, with some fields changed."""
    return replace(cast("E", EXAMPLES[cls]), **changes)


def every_event() -> tuple[AnyEvent, ...]:
    """Returns one event of each type that there is."""
    return cast("tuple[AnyEvent, ...]", tuple(EXAMPLES.values()))


def failed(message: str, **values: Any) -> TaskResult:
    """Returns the result of a task that failed with a message."""
    return replace(FAILED_RESULT, values={**FAILED_RESULT.values, "msg": message, **values})
