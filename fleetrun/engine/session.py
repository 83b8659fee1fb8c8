"""One device's connection and its shells, one shell per identity."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from fleetrun.contracts import Clock, Connection, SecretSource, Target, Transport
from fleetrun.engine.backoff import Backoff
from fleetrun.engine.shell import Shell, ShellSpec
from fleetrun.engine.uploads import Delivery
from fleetrun.errors import ConnectError
from fleetrun.model.steps import LOGIN, Identity, RemoteBatch, Reply, ReplyKind, Step

#: Seconds by which the controller's clock may have been set meanwhile.
UPTIME_MARGIN_S: Final = 5.0
#: Seconds that a device gets to hear that we go.
GOODBYE_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """How a device is reached and spoken to."""

    run: str
    target: Target
    lib: str
    #: Name of the transport.
    connection: str = "ssh"
    #: Whose receipts they are on the device; "" = its own.
    receipts_of: str = ""
    #: Attempts to connect before the device counts as unreachable.
    attempts: int = 3
    #: From the device's variables; it beats what the operator typed.
    become_password: str | None = field(default=None, repr=False)


class DeviceSession:
    """Connects when first used, keeps the connection for the whole run."""

    def __init__(
        self, plan: SessionPlan, transport: Transport, clock: Clock, secrets: SecretSource,
        backoff: Backoff, on_connect: Callable[[str, float], None],
    ) -> None:
        """`on_connect` is told each new boot_id and how long it took to learn it."""
        self.plan = plan
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
        target = self.plan.target
        if timeout_s is not None:
            target = replace(target, connect_timeout_s=timeout_s, login_timeout_s=timeout_s)
        limit = attempts or self.plan.attempts
        for attempt in range(1, limit + 1):
            try:
                self._connection = await self._transport.connect(target)
            except ConnectError as error:
                if attempt == limit or not error.is_transient:
                    raise
            else:
                return
            await self._clock.sleep(self._backoff.delay_s(target.device, attempt))

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
        device = self.plan.target.device
        password = None
        if identity.user:
            password = self.plan.become_password or self._secrets.become_password(device)
        spec = ShellSpec(
            run=self.plan.run, device=self.plan.receipts_of or device, identity=identity,
            become_password=password, lib=self.plan.lib,
        )
        return await Shell.start(self._connection, spec, self._clock)

    async def run(self, batch: RemoteBatch) -> AsyncGenerator[Reply, None]:
        """Runs a batch; yields one reply per step, in order.

        Raises ConnectError only when nothing of the batch ran, LinkLostError.
        """
        started = self._clock.monotonic()
        # A step with a file begins its batch: the program sees to that.
        first, *others = batch.steps
        shell = await self.shell(first.identity)
        delivery = Delivery(shell, first)
        problem = await delivery.send()
        if problem is not None:
            yield problem
            for step in others:
                yield Reply(seq=step.seq, kind=ReplyKind.NOT_RUN)
            return
        is_lost = False
        async with aclosing(shell.run(batch)) as replies:
            async for reply in replies:
                self._note_boot(shell, started)
                is_lost = reply.kind is ReplyKind.LOST
                yield reply
        if not is_lost:
            await delivery.clean()

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
            age_s = self._clock.now() - intended_at
            if 0 <= age_s < _uptime_s(shell) - UPTIME_MARGIN_S:
                boot_id = shell.boot_id
        known = await shell.settle(steps, boot_id=boot_id)
        self._note_boot(shell, started)
        return dict(known)

    async def forget(self, steps: tuple[Step, ...]) -> None:
        """Removes the receipts of steps that are to run once more."""
        shell = await self.shell(steps[0].identity)
        await shell.forget([step.key for step in steps])

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

    async def drop(self, *, whole_run: bool = False) -> None:
        """Closes connection and shells; the next use connects again.

        `whole_run` removes the run's receipts from the device: only right when
        every result is in the journal for good.
        """
        shells, self._shells = list(self._shells.values()), {}
        connection, self._connection = self._connection, None
        try:
            # A link that is stuck must not hold us: what the device does not
            # hear now, it cleans up by itself in a week.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_TIMEOUT_S):
                    for shell in shells:
                        await shell.close(whole_run=whole_run)
        finally:
            if connection is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_TIMEOUT_S):
                        await connection.close()


def _uptime_s(shell: Shell) -> float:
    """What the device says of its uptime; 0 when that is no number."""
    try:
        return float(str(shell.facts.get("uptime") or 0))
    except ValueError:
        return 0.0
