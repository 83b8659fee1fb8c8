"""pause: waits on the controller."""

from __future__ import annotations

from datetime import UTC, datetime

from fleetrun.contracts import DeviceLink
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import Step


async def pause(step: Step, link: DeviceLink, *, intended_boot_id: str) -> TaskResult:
    """Returns after `seconds` or `minutes`."""
    del intended_boot_id
    minutes = float(str(step.args.get("minutes") or 0))
    seconds = float(str(step.args.get("seconds") or 0)) + 60 * minutes
    began, started = link.clock.now(), link.clock.monotonic()
    if not step.check:
        await link.clock.sleep(seconds)
    waited = link.clock.monotonic() - started
    return TaskResult(
        status=TaskStatus.OK,
        values={
            "changed": False, "delta": round(waited), "echo": True, "rc": 0, "stderr": "",
            "start": _time(began), "stop": _time(began + waited), "user_input": "",
            "stdout": f"Paused for {waited / 60:.2f} minutes" if minutes
            else f"Paused for {waited:.1f} seconds",
        },
        elapsed_s=waited,
    )


def _time(at: float) -> str:
    """As Ansible writes it; in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
