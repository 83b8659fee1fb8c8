"""pause: waits on the controller."""

from __future__ import annotations

from fleetrun.contracts import DeviceLink
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import Step


async def pause(step: Step, link: DeviceLink, *, intended_boot_id: str) -> TaskResult:
    """Returns after `seconds` or `minutes`."""
    del intended_boot_id
    seconds = float(str(step.args.get("seconds") or 0))
    seconds += 60 * float(str(step.args.get("minutes") or 0))
    started = link.clock.monotonic()
    if not step.check:
        await link.clock.sleep(seconds)
    waited = link.clock.monotonic() - started
    return TaskResult(
        status=TaskStatus.OK,
        values={"changed": False, "delta": round(waited), "echo": True, "rc": 0},
        elapsed_s=waited,
    )
