"""Background jobs (`async` with `poll: 0`) on the device: started once, outliving the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetrun.engine.shell import Shell
from fleetrun.model.result import TaskStatus
from fleetrun.model.steps import ReplyKind, Step
from fleetrun.planning import results
from tests.support.wire import GO, SHELLS, Device, builtin, run, sh

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@pytest.fixture(params=SHELLS)
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    """This machine, once for each shell."""
    return Device(tmp_path, request.param)


def job(text: str, seq: int, limit_s: float = 60) -> Step:
    """A command of the background."""
    return replace(sh(text, seq), is_async=True, is_launched=True, timeout_s=limit_s)


async def status(shell: Shell, jid: str, seq: int, mode: str = "status") -> Mapping[str, Any]:
    """What async_status registers."""
    asking = builtin("async_status", {"jid": jid, "mode": mode}, seq, on_failure=GO)
    (reply,) = await run(shell, asking)
    return results.from_reply(asking, reply).values


async def ended(shell: Shell, jid: str, seq: int = 100) -> Mapping[str, Any]:
    """What async_status registers once the job is over."""
    ends = time.monotonic() + 20
    while not (values := await status(shell, jid, seq))["finished"]:
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)
        seq += 1
    return values


def test_a_job_outlives_the_run_that_started_it(device: Device) -> None:
    """The answer comes at once; another run finds the result by the job's id."""

    async def main() -> None:
        wait = "while [ ! -e go ]; do sleep 0.05; done; echo out; echo err >&2; exit 4"
        async with device.shell() as first:
            step = job(wait, 0)
            (reply,) = await run(first, step)
            started = results.from_reply(step, reply)
            assert TaskStatus.CHANGED is started.status
            jid = str(started.values["ansible_job_id"])
            now = await status(first, jid, 1)
            assert (True, False) == (now["started"], now["finished"])
            await first.close(whole_run=True)
        (device.home / "go").touch()
        async with device.shell(run="20261124-other") as second:
            values = await ended(second, jid)
            assert (4, "out", "err", True, True) == (
                values["rc"], values["stdout"], values["stderr"], values["failed"],
                values["changed"],
            )
            gone = await status(second, jid, 50, "cleanup")
            assert str(gone["erased"]).endswith(".s")
            assert "could not find job" == (await status(second, jid, 51))["msg"]

    asyncio.run(main())


def test_a_job_of_a_module_has_the_modules_result(device: Device) -> None:
    """Not only commands may run in the background."""

    async def main() -> None:
        async with device.shell() as shell:
            step = replace(
                builtin("file", {"path": "made", "state": "directory"}, 0),
                is_async=True, is_launched=True, timeout_s=60,
            )
            (reply,) = await run(shell, step)
            values = await ended(shell, str(results.from_reply(step, reply).values[
                "ansible_job_id"]))
            assert (True, "directory", True) == (
                values["changed"], values["state"], values["finished"]
            )
            assert (device.home / "made").is_dir()

    asyncio.run(main())


def test_a_job_that_takes_too_long_is_killed(device: Device) -> None:
    """Its limit is that of `async`; the whole process group ends."""

    async def main() -> None:
        async with device.shell() as shell:
            step = job("sleep 60; touch late", 0, limit_s=1)
            (reply,) = await run(shell, step)
            jid = str(results.from_reply(step, reply).values["ansible_job_id"])
            values = await ended(shell, jid)
            assert values["failed"]
            assert "killed" in str(values["msg"])
            assert not (device.home / "late").exists()

    asyncio.run(main())


def test_a_lost_link_tells_whether_a_job_was_started(device: Device) -> None:
    """It is never started twice, and never after the answer that it was not."""

    async def main() -> None:
        steps = (job("echo x >>count", 0), job("echo y >>count", 1))
        async with device.shell() as first:
            await run(first, steps[0])
        async with device.shell() as second:
            known = await second.settle(steps, boot_id=BOOT_ID)
            started, never = (known[step.key] for step in steps)
            assert [ReplyKind.FINISHED, ReplyKind.NOT_RUN] == [started.kind, never.kind]
            jid = str(started.values["ansible_job_id"])
            await ended(second, jid)
            # The same order again finds the receipt.
            (again,) = await run(second, steps[0])
            assert 0 == again.exit_status
            (late,) = await run(second, steps[1])
            await ended(second, str(late.values["ansible_job_id"]), 200)
        assert ["x", "y"] == sorted((device.home / "count").read_text().split())

    asyncio.run(main())


@pytest.mark.parametrize("jid", ["", "x", "../a:b", "a.a:../../x", "a.a:b:c", ".a:b", "a.a:b\n"])
def test_an_id_is_no_path(device: Device, jid: str) -> None:
    """Whatever a playbook gives for a job's id, nothing else is read or removed."""

    async def main() -> None:
        async with device.shell() as shell:
            for seq, mode in enumerate(("status", "cleanup")):
                assert "could not find job" == (await status(shell, jid, seq, mode))["msg"]

    asyncio.run(main())
