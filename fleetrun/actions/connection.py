"""reboot and wait_for_connection: tasks that outlive their connection.

The proof of a reboot is a new boot_id, nothing else: a device that answers
again with the old one has not rebooted yet. A container shares the boot_id of
its host; there `boot_time_command` gives another proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fleetrun.contracts import DeviceLink
from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.model.module import ArgSpec, ModuleSpec
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import ReplyKind, Step
from fleetrun.model.values import Value
from fleetrun.planning import results

POLL_S: Final = 2.0

#: What `test_command` runs as; it has no receipt, for it is asked again and again.
_TEST: Final = ModuleSpec(
    name="fleetrun_test", family="fleetrun", summary="",
    program='sh -c "$a_cmd" >/dev/null 2>&1', args={"cmd": ArgSpec(name="cmd")},
)
#: What `boot_time_command` runs as; what it prints is compared.
_BOOT_TIME: Final = replace(_TEST, name="fleetrun_boot_time", program='sh -c "$a_cmd"')
#: Ansible's default for it, which the greeting of every session answers.
_BOOT_ID_COMMAND: Final = "cat /proc/sys/kernel/random/boot_id"


def _seconds(args: Mapping[str, Value], name: str, default: float) -> float:
    value = args.get(name)
    return default if value is None else float(str(value))


async def reboot(step: Step, link: DeviceLink, *, intended_boot_id: str) -> TaskResult:
    """Returns changed once the device is back with a new boot_id.

    On resume a device that has another boot_id than the intended one has
    rebooted already; one that does not answer may be about to.
    """
    if step.check:
        return TaskResult(
            status=TaskStatus.CHANGED, values={"changed": True, "rebooted": True, "elapsed": 0}
        )
    started = link.clock.monotonic()
    deadline = started + _seconds(step.args, "reboot_timeout", 600)
    if not link.boot_id:
        await _reach(step, link, deadline if intended_boot_id else started)
    before = intended_boot_id or link.boot_id
    if before == link.boot_id:
        mark = await _boot_mark(step, link)
        if not mark:
            return results.failed(
                "boot_time_command printed nothing, or failed", "module/bad-arguments"
            )
        problem = await _ask_to_reboot(step, link)
        if problem is not None:
            return problem
        await link.drop()
        if not await _wait_for_new_boot(step, link, mark, deadline):
            return _too_late(step, "did not return")
    return await _after_reboot(step, link, started)


async def _boot_mark(step: Step, link: DeviceLink) -> str:
    """What tells this boot from others; "" when `boot_time_command` did not say."""
    command = step.args.get("boot_time_command")
    if command in {None, "", _BOOT_ID_COMMAND}:
        return link.boot_id
    asked = replace(
        step, spec=_BOOT_TIME, args={"cmd": command}, key=f"{step.key}.boot_time", timeout_s=None
    )
    reply = await link.run_step(asked)
    if reply.kind is not ReplyKind.FINISHED or reply.exit_status:
        return ""
    return reply.stdout.content.decode("utf-8", "replace").strip()


async def _reach(step: Step, link: DeviceLink, deadline: float) -> None:
    """Connects; tries again until the deadline. Raises ConnectError, LinkLostError."""
    while True:
        try:
            await link.reconnect(connect_timeout_s=_connect_timeout_s(step))
        except (ConnectError, LinkLostError) as error:
            if link.clock.monotonic() >= deadline or error.kind == "connect/host-key":
                raise
        else:
            return
        await link.clock.sleep(POLL_S)


def _connect_timeout_s(step: Step) -> float:
    return _seconds(step.args, "connect_timeout", 10)


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
    while link.clock.monotonic() < deadline:
        await link.clock.sleep(POLL_S)
        try:
            await link.reconnect(connect_timeout_s=_connect_timeout_s(step))
        except (ConnectError, LinkLostError) as error:
            if error.kind == "connect/host-key":
                raise
            continue
        if await _boot_mark(step, link) not in {"", before}:
            return True
        await link.drop()
    return False


async def _after_reboot(step: Step, link: DeviceLink, started: float) -> TaskResult:
    await link.clock.sleep(_seconds(step.args, "post_reboot_delay", 0))
    # As in Ansible the test has a timeout of its own.
    deadline = link.clock.monotonic() + _seconds(step.args, "reboot_timeout", 600)
    if not await _is_fit(step, link, deadline):
        return _too_late(step, "is back, but `test_command` did not succeed")
    elapsed = link.clock.monotonic() - started
    return TaskResult(
        status=TaskStatus.CHANGED,
        values={
            "changed": True, "rebooted": True, "elapsed": round(elapsed), "boot_id": link.boot_id,
        },
        elapsed_s=elapsed,
    )


async def _is_fit(step: Step, link: DeviceLink, deadline: float) -> bool:
    """Runs `test_command` until it succeeds; False when that does not come about."""
    command = step.args.get("test_command")
    if not command:
        return True
    test = replace(
        step, spec=_TEST, args={"cmd": command}, key=f"{step.key}.test", timeout_s=None
    )
    while True:
        try:
            reply = await link.run_step(test)
        except (ConnectError, LinkLostError):
            await link.drop()
        else:
            if reply.kind is ReplyKind.FINISHED and reply.exit_status == 0:
                return True
            if reply.kind is ReplyKind.LOST:
                await link.drop()
        if link.clock.monotonic() >= deadline:
            return False
        await link.clock.sleep(POLL_S)


def _too_late(step: Step, what: str) -> TaskResult:
    timeout_s = _seconds(step.args, "reboot_timeout", 600)
    return results.failed(
        f"{what} within {timeout_s:g} s after the reboot", "reboot/did-not-return", rebooted=True
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
        except (ConnectError, LinkLostError) as error:
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
