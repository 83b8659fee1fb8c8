"""One device's connection and its shells, one shell per identity."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from fleetrun.contracts import Clock, Connection, SecretSource, Target, Transport
from fleetrun.engine.backoff import Backoff
from fleetrun.engine.shell import Shell, ShellSpec
from fleetrun.errors import ConnectError
from fleetrun.model.steps import LOGIN, Identity, RemoteBatch, Reply, Step
from fleetrun.model.values import Value

#: Seconds by which the controller's clock may have been set meanwhile.
UPTIME_MARGIN_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """How a device is reached and spoken to."""

    run: str
    target: Target
    lib: str
    #: The device's own, from its variables; None: the operator's, if any.
    become_password: str | None = field(default=None, repr=False)
    #: Attempts to connect before the device counts as unreachable.
    attempts: int = 3


class DeviceSession:
    """Connects when first used, keeps the connection for the whole run."""

    def __init__(
        self, plan: SessionPlan, transport: Transport, clock: Clock, secrets: SecretSource,
        backoff: Backoff, on_connect: Callable[[str, float], None],
    ) -> None:
        self._plan = plan
        self._transport = transport
        self._clock = clock
        self._secrets = secrets
        self._backoff = backoff
        self._on_connect = on_connect
        self._connection: Connection | None = None
        self._shells: dict[Identity, Shell] = {}
        #: boot_id seen last; "" before the first answer.
        self.boot_id = ""

    @property
    def is_connected(self) -> bool:
        """True while a connection is open (it may be dead without our knowing)."""
        return self._connection is not None

    async def connect(self, *, attempts: int | None = None, timeout_s: float | None = None) -> None:
        """Connects; tries again only after transient errors. Raises ConnectError."""
        if self._connection is not None:
            return
        target = self._plan.target
        if timeout_s is not None:
            target = replace(target, connect_timeout_s=timeout_s, login_timeout_s=timeout_s)
        limit = attempts or self._plan.attempts
        for attempt in range(1, limit + 1):
            try:
                self._connection = await self._transport.connect(target)
            except ConnectError as error:
                if attempt == limit or not error.is_transient:
                    raise
            else:
                return
            await self._clock.sleep(self._backoff.delay_s(self._plan.target.device, attempt))

    async def shell(self, identity: Identity) -> Shell:
        """Returns the shell of an identity, started if need be."""
        await self.connect()
        shell = self._shells.get(identity)
        if shell is None:
            shell = await self._start(identity)
            self._shells[identity] = shell
        return shell

    async def _start(self, identity: Identity) -> Shell:
        if self._connection is None:
            raise RuntimeError("not connected")
        device = self._plan.target.device
        password = self._become_password() if identity.user else None
        spec = ShellSpec(
            run=self._plan.run, device=device, identity=identity,
            become_password=password, lib=self._plan.lib,
        )
        return await Shell.start(self._connection, spec, self._clock)

    def _become_password(self) -> str | None:
        own = self._plan.become_password
        return own or self._secrets.become_password(self._plan.target.device)

    async def run(self, batch: RemoteBatch) -> AsyncGenerator[Reply, None]:
        """Runs a batch; yields one reply per step, in order."""
        started = self._clock.monotonic()
        shell = await self.shell(batch.steps[0].identity)
        for step in batch.steps:
            if step.upload is not None:
                await shell.put(step.upload.content, str(step.args["_src_path"]))
        async with aclosing(shell.run(batch)) as replies:
            async for reply in replies:
                self._note_boot(shell, started)
                yield reply

    def _note_boot(self, shell: Shell, started: float) -> None:
        if shell.boot_id and shell.boot_id != self.boot_id:
            self.boot_id = shell.boot_id
            self._on_connect(shell.boot_id, self._clock.monotonic() - started)

    async def settle(
        self, steps: tuple[Step, ...], *, boot_id: str, intended_at: float
    ) -> dict[str, Reply]:
        """Asks the device what became of detached steps; by step key.

        `boot_id` is that of the session the steps went out on. When the engine
        died before it learned it (""), a device that has been up for longer
        than the intent is old proves that it is still in the same boot.
        """
        started = self._clock.monotonic()
        shell = await self.shell(steps[0].identity)
        if not boot_id:
            await shell.ready()
            uptime_s = _number(shell.facts.get("uptime"))
            age_s = self._clock.now() - intended_at
            if 0 <= age_s < uptime_s - UPTIME_MARGIN_S:
                boot_id = shell.boot_id
        known = await shell.settle(steps, boot_id=boot_id)
        self._note_boot(shell, started)
        return dict(known)

    async def greet(self) -> None:
        """Waits until the login user's shell answered; sets `boot_id`."""
        started = self._clock.monotonic()
        shell = await self.shell(LOGIN)
        await shell.ready()
        self._note_boot(shell, started)

    async def fetch(self, path: str, max_bytes: int, identity: Identity) -> bytes:
        """Returns a file of the device."""
        shell = await self.shell(identity)
        return await shell.fetch(path, max_bytes)

    async def drop(self) -> None:
        """Closes connection and shells; the next use connects again."""
        shells, self._shells = list(self._shells.values()), {}
        for shell in shells:
            await shell.close()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _number(value: Value) -> float:
    """A number that a device says; 0 when it is none."""
    try:
        return float(str(value))
    except ValueError:
        return 0.0
