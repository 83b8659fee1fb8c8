"""A device as a dialogue sees it: reboot, wait_for_connection, pause, fetch."""

from __future__ import annotations

from contextlib import aclosing

from fleetrun.contracts import Clock
from fleetrun.engine.bus import Bus
from fleetrun.engine.session import DeviceSession
from fleetrun.engine.stop import StopFlag
from fleetrun.errors import LinkLostError
from fleetrun.model.steps import RemoteBatch, Reply, Step


class StoppedError(Exception):
    """The operator asked to stop while a dialogue waited; nothing is half done."""


class PatientClock:
    """A clock whose waits end when the operator asks to stop."""

    def __init__(self, clock: Clock, stop: StopFlag) -> None:
        self._clock = clock
        self._stop = stop

    def now(self) -> float:
        """Returns seconds since the epoch."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Returns seconds on a clock that never goes back."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits; raises StoppedError."""
        await self._stop.sleep(seconds, self._clock)
        if self._stop.is_set:
            raise StoppedError


class DialogueLink:
    """contracts.DeviceLink over a session."""

    def __init__(self, device: str, session: DeviceSession, bus: Bus, clock: Clock) -> None:
        self._device = device
        self._session = session
        self._bus = bus
        self.clock: Clock = clock
        #: True once the device was told to do something.
        self.has_asked = False

    @property
    def device(self) -> str:
        """The device's id."""
        return self._device

    @property
    def boot_id(self) -> str:
        """boot_id of the device as last seen."""
        return self._session.boot_id

    async def run_step(self, step: Step) -> Reply:
        """Runs one step alone; a lost link gives a LOST reply."""
        # The boot_id that a resume compares with must be in the journal first.
        await self._bus.barrier()
        self.has_asked = True
        async with aclosing(self._session.run(RemoteBatch(steps=(step,)))) as replies:
            async for reply in replies:
                return reply
        raise LinkLostError("the shell gave no reply", kind="lost/closed")

    async def fetch(self, path: str, max_bytes: int, step: Step) -> bytes:
        """Returns a file of the device."""
        return await self._session.fetch(path, max_bytes, step.identity)

    async def reconnect(self, *, connect_timeout_s: float | None = None) -> None:
        """Connects anew, one attempt, and reads the boot_id."""
        await self._session.drop()
        await self._session.connect(attempts=1, timeout_s=connect_timeout_s)
        await self._session.greet()

    async def drop(self) -> None:
        """Closes the connection."""
        await self._session.drop()
