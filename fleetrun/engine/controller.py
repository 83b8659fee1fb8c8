"""Carries out a run, play by play."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fleetrun import __version__
from fleetrun.contracts import Journal, Lease
from fleetrun.engine.bus import Bus
from fleetrun.engine.factory import DeviceFactory
from fleetrun.engine.groups import one_error_group
from fleetrun.engine.past import Past
from fleetrun.engine.play import PlayDriver
from fleetrun.engine.setup import PlayPlan, RunSetup
from fleetrun.engine.stop import StopFlag
from fleetrun.engine.wish_reader import WishReader
from fleetrun.errors import ExitCode, LockedError
from fleetrun.failpoints import passing
from fleetrun.model.events import (
    PlayFinished,
    PlayStarted,
    RunFinished,
    RunResumed,
    RunStarted,
)
from fleetrun.model.result import Outcome
from fleetrun.model.run import Wish
from fleetrun.planning import outcomes
from fleetrun.planning.stats import gather

__all__ = ["PlayPlan", "RunController"]

#: Seconds between renewals of the run's lease (its time to live is 10 s).
RENEW_S: Final = 3.0
#: Outcomes that a later engine can make better.
_OPEN: Final = frozenset({Outcome.CANCELLED, Outcome.UNKNOWN})


class RunController:
    """One run, from its first event to its last."""

    def __init__(
        self, setup: RunSetup, journal: Journal, lease: Lease, bus: Bus, past: Past
    ) -> None:
        self._setup = setup
        self._plans = setup.plans
        self._journal = journal
        self._lease = lease
        self._bus = bus
        self._past = past
        self._stop = StopFlag()
        self._factory = DeviceFactory(setup, bus, past, self._stop)
        self._outcomes: dict[str, Outcome] = {}
        #: Plays that had their turn.
        self._done: set[int] = set()
        self._driver: PlayDriver | None = None
        self._halt_reason = ""
        self._is_halted = False
        #: The operator's stop ended a wait (soak, approval) that `resume` goes on with.
        self._is_cut = False

    # -- what the command line calls ------------------------------------------

    @property
    def is_stopped(self) -> bool:
        """True once the operator asked to stop."""
        return self._stop.is_set

    def stop(self) -> int:
        """Starts no more devices; running ones end at a safe point.

        Returns how many devices are in flight.
        """
        self._stop.set()
        if self._driver is None:
            return 0
        self._driver.stop()
        return self._driver.in_flight

    def abandon(self) -> None:
        """Leaves devices in flight at once; their outcome is unknown."""
        self.stop()
        if self._driver is not None:
            self._driver.abandon()

    async def run(self) -> RunFinished:
        """Returns the last event of the run.

        Raises JournalError and LockedError, at once, when the journal or the
        lease is lost: nothing may be touched any more then.
        """
        started = self._setup.clock.monotonic()
        self._announce()
        await self._bus.barrier()
        passing("run.started")
        async with one_error_group() as group:
            renewal = group.create_task(self._keep_lease(), name="lease")
            reader = WishReader(self._journal, self._lease, self._setup.clock, self._hear)
            wishes = group.create_task(reader.run(), name="wishes")
            try:
                await self._run_plays()
                await self._factory.close(is_known=True)
            finally:
                renewal.cancel()
                wishes.cancel()
                await self._factory.close(is_known=False)
        event = self._finished(self._setup.clock.monotonic() - started)
        self._bus.publish(event)
        await self._bus.barrier()
        passing("run.finished")
        return event

    # -- the run ------------------------------------------------------------------

    def _announce(self) -> None:
        now = self._bus.now()
        if self._past.is_resume:
            self._bus.publish(RunResumed(at=now, run=self._setup.run, epoch=self._lease.epoch))
        else:
            self._bus.publish(
                RunStarted(
                    at=now, run=self._setup.run, title=self._setup.title,
                    devices=self._selected(), version=__version__,
                    check=self._setup.options.check,
                )
            )
        for warning in self._setup.warnings:
            self._bus.warn(warning)
        self._factory.tell_warnings()

    def _selected(self) -> tuple[str, ...]:
        selected = {device for plan in self._plans for device in plan.selection}
        known = self._factory.world.inventory.devices
        in_order = [device for device in known if device in selected]
        return (*in_order, *sorted(selected.difference(in_order)))

    def _hear(self, wish: Wish) -> None:
        """A wish is for the play that runs."""
        if self._driver is None:
            self._bus.warn(f"nothing to {wish.kind} between two plays; {wish.by} asked for it")
        else:
            self._driver.hear(wish)

    async def _keep_lease(self) -> None:
        while True:
            await self._setup.clock.sleep(RENEW_S)
            await self._journal.renew_lease(self._lease)

    async def _run_plays(self) -> None:
        for number in range(len(self._plans)):
            if self._is_halted or self._stop.is_set:
                return
            plan = await self._planned(number)
            self._done.add(plan.play.index)
            alive = self._alive(plan.selection)
            if alive:
                await self._run_play(plan, alive)
            elif not plan.selection and not self._past.is_resume:
                self._tell_empty(plan)
            if plan.selection and not self._alive(plan.selection):
                # Nobody is left: a playbook stops here (rule 11).
                return

    def _tell_empty(self, plan: PlayPlan) -> None:
        """A play that selects nobody: seen, or it would be missed."""
        now, index = self._bus.now(), plan.play.index
        self._bus.publish(PlayStarted(at=now, play=index, name=plan.play.name, device_count=0))
        self._bus.publish(PlayFinished(at=now, play=index))

    async def _planned(self, number: int) -> PlayPlan:
        """Returns a play's plan for the inventory as it is now."""
        plan, world = self._plans[number], self._factory.world
        if self._setup.replan is None or world.version == 0:
            return plan
        former = set(self._selected())
        plan = self._setup.replan(plan, world.inventory)
        self._plans = (*self._plans[:number], plan, *self._plans[number + 1 :])
        for device in plan.selection:
            if device not in former:
                await self._lock(device)
        return plan

    async def _lock(self, device: str) -> None:
        """Locks a device that a play added, before it is contacted."""
        holder = await self._journal.lock_device(self._lease, device)
        if holder:
            raise LockedError(
                f"{device} is locked by run {holder}", kind="locked/device",
                hint=f"see `fleetrun runs show {holder}`, then resume this run",
            )

    def _alive(self, selection: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            device for device in selection
            if self._outcomes.get(device) not in outcomes.ENDS_RUN
            or device in self._factory.world.is_forgiven
        )

    async def _run_play(self, plan: PlayPlan, alive: tuple[str, ...]) -> None:
        index = plan.play.index
        driver = self._driver = PlayDriver(
            plan, alive, bus=self._bus, factory=self._factory, clock=self._setup.clock,
            is_last=plan is self._plans[-1], past=self._past,
        )
        await driver.run(self._past.settled.get(index, {}), is_over=self._past.is_over(index))
        self._driver = None
        self._is_cut |= driver.is_cut
        for device, outcome in driver.outcomes.items():
            is_forgiven = device in self._factory.world.is_forgiven
            former = None if is_forgiven else self._outcomes.get(device)
            self._outcomes[device] = outcomes.combine(former, outcome)
        if driver.halt is not None:
            self._halt_reason = driver.halt.reason
            self._is_halted = driver.halt.cause not in {"operator", "play"}

    # -- the end --------------------------------------------------------------------

    def _final(self) -> dict[str, Outcome]:
        """Every selected device once; what a play did not come to is cancelled."""
        final = {device: self._outcomes.get(device) for device in self._selected()}
        for plan in self._plans:
            if plan.play.index in self._done:
                continue
            for device in plan.selection:
                if final[device] not in outcomes.ENDS_RUN:
                    final[device] = Outcome.CANCELLED
        return {
            device: Outcome.CANCELLED if outcome is None else outcome
            for device, outcome in final.items()
        }

    def _finished(self, elapsed_s: float) -> RunFinished:
        final = self._final()
        # A wish to stop that came when all was done changed nothing.
        is_open = self._is_cut or not _OPEN.isdisjoint(final.values())
        is_interrupted = self._stop.is_set and is_open
        code = outcomes.exit_code(
            final, is_halted=self._is_halted, is_interrupted=is_interrupted
        )
        return RunFinished(
            at=self._bus.now(), run=self._setup.run, exit_code=int(code), outcomes=final,
            reason=self._halt_reason if code is not ExitCode.OK else "",
            next_commands=outcomes.next_commands(self._setup.run, code, final),
            elapsed_s=elapsed_s, stats=gather(self._factory.world.stats),
        )
