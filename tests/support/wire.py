"""Local shells and steps for tests of the wire."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fleetrun.contracts import Target
from fleetrun.engine.clock import SystemClock
from fleetrun.engine.shell import Shell, ShellSpec
from fleetrun.errors import Mark
from fleetrun.loading.modules import load_library
from fleetrun.model.module import ArgSpec, ArgType, ModuleSpec
from fleetrun.model.playbook import Task
from fleetrun.model.steps import LOGIN, Identity, OnFailure, RemoteBatch, Reply, Step
from fleetrun.transport.local import LocalConnection, LocalTransport

#: The shells under which the runtime must work; each becomes `sh` on PATH.
SHELLS = {"dash": "/usr/bin/dash", "ash": "/usr/bin/busybox", "bash": "/usr/bin/bash"}
LIBRARY = load_library()


class Device:
    """This machine with a home of its own and a chosen sh."""

    def __init__(self, folder: Path, shell: str = "dash", path: str = "") -> None:
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        bin_ = folder / "bin"
        bin_.mkdir(exist_ok=True)
        link = bin_ / "sh"
        if not link.is_symlink():
            link.symlink_to(SHELLS[shell])
        self.environment = {
            "HOME": str(self.home), "LANG": "C.UTF-8",
            "PATH": path or f"{bin_}:/usr/sbin:/usr/bin:/sbin:/bin",
        }
        self.sh = str(link)

    @property
    def receipts(self) -> list[str]:
        """Names of the files in the run folders, sorted."""
        return sorted(path.name for path in self.home.glob(".fleetrun/r/*/*"))

    async def connect(self) -> LocalConnection:
        """Returns a connection; its login shell is the chosen sh."""
        transport = LocalTransport((self.sh,), self.environment)
        return await transport.connect(Target(device="d1", address="127.0.0.1"))

    @asynccontextmanager
    async def shell(self, **spec: Any) -> AsyncIterator[Shell]:
        """A started shell, closed at the end."""
        connection = await self.connect()
        shell = await Shell.start(connection, shell_spec(**spec), SystemClock())
        try:
            yield shell
        finally:
            await shell.close()
            await connection.close()

    async def run(self, *steps: Step, **spec: Any) -> list[Reply]:
        """Runs one batch in a new shell."""
        async with self.shell(**spec) as shell:
            return await run(shell, *steps)


def shell_spec(**fields: Any) -> ShellSpec:
    """A ShellSpec with defaults."""
    return ShellSpec(**{
        "run": "20261123-k7qd", "device": "gw-01", "identity": LOGIN, "lib": LIBRARY.lib,
        "start_timeout_s": 10.0, **fields,
    })


async def run(shell: Shell, *steps: Step) -> list[Reply]:
    """Runs one batch to its end."""
    return [reply async for reply in shell.run(RemoteBatch(steps=steps))]


def module(program: str, *, args: Sequence[str] = (), **fields: Any) -> ModuleSpec:
    """A module of the test's own; `args` are of type str, "name:list" of another."""
    specs = {}
    for arg in args:
        name, _, kind = arg.partition(":")
        specs[name] = ArgSpec(name=name, type=ArgType(kind or "str"))
    return ModuleSpec(**{
        "name": "probe", "family": "tests", "summary": "", "program": program, "args": specs,
        **fields,
    })


def step(spec: ModuleSpec | str, seq: int = 0, **fields: Any) -> Step:
    """A step with defaults; a text is the program of an idempotent module."""
    if isinstance(spec, str):
        spec = module(spec, name=f"probe{seq}")
    mark = Mark(file="site.yml", line=1)
    return Step(**{
        "task": Task(id="0.tasks.0", module=spec.name, mark=mark), "spec": spec,
        "key": f"0.tasks.{seq}#1", "seq": seq, **fields,
    })


def builtin(name: str, args: Mapping[str, Any], seq: int = 0, **fields: Any) -> Step:
    """A step of one of fleetrun's own modules, with its spec's defaults filled in."""
    spec = LIBRARY.get(name)
    assert spec is not None
    defaults = {arg.name: arg.default for arg in spec.args.values() if arg.default is not None}
    return step(spec, seq, args={**defaults, **args}, **fields)


def sh(text: str, seq: int = 0, **fields: Any) -> Step:
    """A step of the shell module."""
    return builtin("shell", {"_raw_params": text}, seq, **fields)


STOP, GO, DEFER = OnFailure.STOP, OnFailure.GO, OnFailure.DEFER
IS_ROOT = os.geteuid() == 0
ROOT_BY_SUDO = Identity(user="root", method="sudo")
