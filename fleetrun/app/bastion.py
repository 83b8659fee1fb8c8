"""Runs the bastion until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

from fleetrun.bastion.audit import Verdict, verify
from fleetrun.bastion.config import BastionConfig, read_config
from fleetrun.bastion.server import Bastion
from fleetrun.bastion.systemd import notify, unit_text, watchdog_interval_s
from fleetrun.errors import UsageError

__all__ = ["audit_verdict", "read_config", "serve", "unit_text"]

#: How often a service manager that asks for nothing else hears from us.
_IDLE_S = 3600.0


def serve(config: BastionConfig, started: Callable[[tuple[int, ...]], None]) -> None:
    """Runs the bastion until SIGTERM or SIGINT; SIGHUP reads the keys again.

    `started` gets the ports once it listens. A second signal ends it at once.
    """
    asyncio.run(_serve(config, started))


async def _serve(config: BastionConfig, started: Callable[[tuple[int, ...]], None]) -> None:
    bastion = Bastion(config)
    stop, again, reload = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: again.set() if stop.is_set() else stop.set())
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    try:
        await bastion.start()
        started(bastion.ports)
        notify("READY=1")
        async with asyncio.TaskGroup() as group:
            tasks = (group.create_task(_alive()), group.create_task(_reloads(bastion, reload)))
            await stop.wait()
            notify("STOPPING=1")
            await _first(bastion.drain(), again.wait())
            for task in tasks:
                task.cancel()
    finally:
        await bastion.stop()


async def _alive() -> None:
    interval = watchdog_interval_s()
    while True:
        await asyncio.sleep(interval or _IDLE_S)
        notify("WATCHDOG=1")


async def _reloads(bastion: Bastion, asked: asyncio.Event) -> None:
    while True:
        await asked.wait()
        asked.clear()
        await bastion.reload()


async def _first(*waits: object) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]  # coroutines of any result
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)


def audit_verdict(path: Path, head: str) -> Verdict:
    """Checks an audit log; raises UsageError when it cannot be read."""
    try:
        return verify(path, head)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", kind="usage/unreadable-file",
                         hint="name the file that `audit` names in the configuration") from error
