"""reboot and wait_for_connection: tasks that outlive their connection.

The proof of a reboot is a new boot_id, nothing else: a device that answers
again with the old one has not rebooted yet.
"""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.contracts import DeviceLink
from fleetrun.errors import ConnectError, FleetrunError, LinkLostError
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import ReplyKind, Step
from fleetrun.model.values import Value
from fleetrun.planning import results

POLL_S = 2.0


def _seconds(args: Mapping[str, Value], name: str, default: float) -> float:
    value = args.get(name)
    return default if value is None else float(str(value))


async def reboot(step: Step, link: DeviceLink, *, intended_boot_id: str) -> TaskResult:
    """Returns changed once the device is back with a new boot_id."""
    if step.check:
        return TaskResult(
            status=TaskStatus.CHANGED, values={"changed": True, "rebooted": True, "elapsed": 0}
        )
    started = link.clock.monotonic()
    if not link.boot_id:
        await link.reconnect()
    before = intended_boot_id or link.boot_id
    if before == link.boot_id:
        problem = await _ask_to_reboot(step, link)
        if problem is not None:
            return problem
        await link.drop()
        timeout_s = _seconds(step.args, "reboot_timeout", 600)
        if not await _wait_for_new_boot(step, link, before, started + timeout_s):
            return results.failed(
                f"did not return within {timeout_s:g} s after the reboot",
                "reboot/did-not-return", rebooted=True,
            )
    return await _after_reboot(step, link, started)


async def _ask_to_reboot(step: Step, link: DeviceLink) -> TaskResult | None:
    """Starts the reboot; a lost link here is what one expects."""
    delay_s = _seconds(step.args, "pre_reboot_delay", 0)
    if delay_s:
        await link.clock.sleep(delay_s)
    try:
        reply = await link.run_step(step)
    except LinkLostError:
        return None
    if reply.kind is ReplyKind.FINISHED and (reply.exit_status or reply.error_kind):
        return results.from_reply(step, reply)
    return None


async def _wait_for_new_boot(step: Step, link: DeviceLink, before: str, deadline: float) -> bool:
    connect_timeout_s = _seconds(step.args, "connect_timeout", 10)
    while link.clock.monotonic() < deadline:
        await link.clock.sleep(POLL_S)
        try:
            await link.reconnect(connect_timeout_s=connect_timeout_s)
        except FleetrunError as error:
            if isinstance(error, ConnectError) and error.kind == "connect/host-key":
                raise
            continue
        if link.boot_id != before:
            return True
        await link.drop()
    return False


async def _after_reboot(step: Step, link: DeviceLink, started: float) -> TaskResult:
    await link.clock.sleep(_seconds(step.args, "post_reboot_delay", 0))
    elapsed = link.clock.monotonic() - started
    return TaskResult(
        status=TaskStatus.CHANGED,
        values={
            "changed": True, "rebooted": True, "elapsed": round(elapsed), "boot_id": link.boot_id,
        },
        elapsed_s=elapsed,
    )


async def wait_for_connection(
    step: Step, link: DeviceLink, *, intended_boot_id: str
) -> TaskResult:
    """Returns ok once the device answers over a fresh connection."""
    del intended_boot_id
    started = link.clock.monotonic()
    timeout_s = _seconds(step.args, "timeout", 600)
    await link.clock.sleep(_seconds(step.args, "delay", 0))
    last = "no attempt was made"
    while True:
        try:
            await link.reconnect(connect_timeout_s=_seconds(step.args, "connect_timeout", 5))
        except FleetrunError as error:
            last = error.message
            if isinstance(error, ConnectError) and not error.is_transient:
                return results.failed(error.message, error.kind)
        else:
            elapsed = link.clock.monotonic() - started
            return TaskResult(
                status=TaskStatus.OK,
                values={"changed": False, "elapsed": round(elapsed)}, elapsed_s=elapsed,
            )
        if link.clock.monotonic() - started >= timeout_s:
            return results.failed(
                f"timed out waiting for a connection after {timeout_s:g} s: {last}",
                "connect/timeout",
            )
        await link.clock.sleep(_seconds(step.args, "sleep", 1))
