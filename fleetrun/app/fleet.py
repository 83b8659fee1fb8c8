"""Runs and resumes: from loaded files to the last event."""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from fleetrun.actions.gate_probe import GateProbe
from fleetrun.actions.include_vars import IncludeVars
from fleetrun.actions.registry import CONTROLLER_ACTIONS, dialogues, preparers
from fleetrun.app.loaded import Loaded, read_inventory
from fleetrun.app.plans import plan_again, plan_plays, unmatched_warnings
from fleetrun.app.records import all_hashes, check_unchanged, check_wishes
from fleetrun.contracts import Clock, Journal, Lease, Reporter, SecretSource, Transport
from fleetrun.engine.bus import Bus
from fleetrun.engine.clock import SystemClock
from fleetrun.engine.controller import RunController
from fleetrun.engine.past import Past, read_past
from fleetrun.engine.setup import PlayPlan, RunSetup
from fleetrun.engine.wishes import Wishes
from fleetrun.errors import ExitCode, FleetrunError, JournalError, LockedError
from fleetrun.loading.files import OperatorFiles
from fleetrun.loading.vault import current_vault
from fleetrun.model.events import RunFinished
from fleetrun.model.playbook import Task
from fleetrun.model.redact import Redactor
from fleetrun.model.run import Decision, RunRecord, RunState
from fleetrun.planning.arguments import coerce
from fleetrun.planning.toolbox import ProgramOptions, Toolbox
from fleetrun.planning.variables import BaseVars

#: Seconds between two looks at devices that another run has locked.
BUSY_POLL_S = 1.0


class RunJournal(Journal, Protocol):
    """A journal that a whole fleet can be locked in."""

    async def check(self) -> None:
        """Proves that the journal can be written; raises JournalError."""
        ...

    async def lock_devices(self, lease: Lease, devices: Sequence[str]) -> Mapping[str, str]:
        """Locks many devices; returns device -> holder's run id for busy ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Passwords that the operator typed; repr never shows them."""

    become: str | None = field(default=None, repr=False)
    #: For logging in, where no variable has one.
    login: str | None = field(default=None, repr=False)
    #: Answers to `vars_prompt` that must not be shown.
    answers: tuple[str, ...] = field(default=(), repr=False)

    def become_password(self, device: str) -> str | None:
        """Returns the password for privilege escalation, the same for all devices."""
        del device
        return self.become

    def all(self) -> tuple[str, ...]:
        """Returns every secret, for redaction."""
        return tuple(filter(None, (self.become, self.login, *self.answers)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeWishes:
    """What the operator knows and says at `resume`."""

    #: Edited files, or "inventory".
    accepted: tuple[str, ...] = ()
    #: Name of an interrupted step -> what is to become of it.
    decisions: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """How a run is watched and steered, whichever way it came to be."""

    reporters: Sequence[Reporter]
    passwords: Secrets
    verbosity: int
    on_controller: Callable[[RunController], None] | None


@dataclass(slots=True)
class _End:
    """What the journal is told of a run's end."""

    state: RunState = RunState.INTERRUPTED
    exit_code: int = int(ExitCode.INTERNAL)


def new_run_id() -> str:
    """Returns a run id: sorts by time, short enough to type."""
    stamp = time.strftime("%m%d-%H%M%S", time.gmtime())
    return f"{stamp}-{secrets.token_hex(2)}"


class FleetApp:
    """Runs, resumes and retries; one instance per process."""

    def __init__(
        self, journal: RunJournal, transports: Mapping[str, Transport],
        clock: Clock | None = None, confirm: Callable[[Task], bool] | None = None,
        resume: ResumeWishes | None = None,
    ) -> None:
        """`confirm` is asked before each task whether it is wanted (--step)."""
        self._journal = journal
        self._transports = transports
        self._clock = clock or SystemClock()
        self._confirm = confirm
        self._resume = resume or ResumeWishes()

    async def run(
        self, loaded: Loaded, *, reporters: Sequence[Reporter], passwords: Secrets,
        verbosity: int = 0, on_controller: Callable[[RunController], None] | None = None,
        title: str = "", run: str = "",
    ) -> RunFinished:
        """Runs an invocation from the start; returns its last event.

        `on_controller` gets what stops the run, before anything is waited for.
        Raises InputError, and JournalError before any device is touched.
        """
        run = run or new_run_id()
        plans = plan_plays(loaded, run)
        title = title or _title(loaded)
        asked = _Asked(
            reporters=reporters, passwords=passwords, verbosity=verbosity,
            on_controller=on_controller,
        )
        await self._journal.check()
        lease = await self._journal.create_run(
            run, title, loaded.kept_invocation, all_hashes(loaded)
        )
        async with self._held(lease) as end:
            return await self._execute(loaded, plans, lease, Past(), title, asked, end)

    async def resume(
        self, record: RunRecord, loaded: Loaded, *, reporters: Sequence[Reporter],
        passwords: Secrets, verbosity: int = 0,
        on_controller: Callable[[RunController], None] | None = None,
    ) -> RunFinished:
        """Goes on with a run: settles what is unknown, runs what is left.

        Raises UsageError when its files changed, LockedError while it still runs.
        """
        asked = _Asked(
            reporters=reporters, passwords=passwords, verbosity=verbosity,
            on_controller=on_controller,
        )
        await self._journal.check()
        await check_unchanged(self._journal, record, loaded, self._resume.accepted)
        await check_wishes(self._journal, record.run, self._resume.decisions)
        lease = await self._journal.take_lease(record.run)
        async with self._held(lease) as end:
            past = await read_past(self._journal.events(record.run))
            plans = plan_plays(loaded, record.run, past)
            return await self._execute(loaded, plans, lease, past, record.title, asked, end)

    @asynccontextmanager
    async def _held(self, lease: Lease) -> AsyncIterator[_End]:
        """Gives the run back at the end, and closes what its connections shared."""
        end = _End()
        try:
            yield end
        except BaseException as error:
            if isinstance(error, FleetrunError):
                end.exit_code = int(error.exit_code)
            # When the journal is lost, the first error is the one to tell.
            with suppress(FleetrunError):
                await self._journal.finish_run(lease, end.state, end.exit_code)
            if isinstance(error, JournalError):
                hint = f"{error.hint}; then: fleetrun resume {lease.run}"
                raise JournalError(error.message, kind=error.kind, hint=hint) from error
            raise
        else:
            await self._journal.finish_run(lease, end.state, end.exit_code)
        finally:
            for transport in self._transports.values():
                await transport.close()

    async def _execute(
        self, loaded: Loaded, plans: tuple[PlayPlan, ...], lease: Lease, past: Past,
        title: str, asked: _Asked, end: _End,
    ) -> RunFinished:
        setup = self._setup(loaded, plans, lease.run, title, asked)
        redactor = Redactor(asked.passwords.all(), current_vault().known)
        async with Bus(self._journal, lease, asked.reporters, redactor, self._clock) as bus:
            controller = RunController(setup, self._journal, lease, bus, past)
            if asked.on_controller is not None:
                asked.on_controller(controller)
            await self._lock(lease, setup, bus, controller)
            event = await controller.run()
        end.exit_code = event.exit_code
        end.state = _state_of(event)
        return event

    def _setup(
        self, loaded: Loaded, plans: tuple[PlayPlan, ...], run: str, title: str, asked: _Asked
    ) -> RunSetup:
        invocation = loaded.invocation
        options = ProgramOptions(
            check=invocation.check, diff=invocation.diff, verbosity=asked.verbosity,
            force_handlers=invocation.force_handlers,
            gathers_once=invocation.gathering == "smart", strict=invocation.strict,
            tags=invocation.tags, skip_tags=invocation.skip_tags, become=invocation.become,
            become_user=invocation.become_user, become_method=invocation.become_method,
        )
        base_dir = str(Path(invocation.playbook or "x").resolve().parent)
        vars_reader = loaded.loader.vars_reader
        toolbox = Toolbox(
            templater=loaded.templater, module=loaded.library.get, coerce=coerce,
            actions={
                **CONTROLLER_ACTIONS, "include_vars": IncludeVars(vars_reader, base_dir),
            },
            find_vars=vars_reader.find, read_vars=vars_reader.read,
            preparers=preparers(OperatorFiles((base_dir,))),
            load_tasks=loaded.loader.load_tasks, load_role=loaded.loader.load_role,
            confirm=self._confirm,
        )
        passwords: SecretSource = asked.passwords
        return RunSetup(
            run=run, title=title, invocation=invocation, inventory=loaded.inventory,
            plans=plans, playbook_dir=base_dir, toolbox=toolbox, options=options,
            base_vars=BaseVars(loaded.inventory), lib=loaded.library.lib,
            transports=self._transports, dialogues=dialogues(base_dir), secrets=passwords,
            login_password=asked.passwords.login,
            wishes=Wishes(decisions=self._resume.decisions, by=operator()), clock=self._clock,
            known_hosts=default_known_hosts(),
            extra_vars=invocation.extra_vars, probe=GateProbe(base_dir),
            replan=partial(plan_again, loaded, run), reload=partial(read_inventory, loaded),
            warnings=(
                *loaded.inventory.warnings, *loaded.playbook.warnings,
                *unmatched_warnings(loaded),
            ),
        )

    # -- locks ----------------------------------------------------------------------

    async def _lock(
        self, lease: Lease, setup: RunSetup, bus: Bus, controller: RunController
    ) -> None:
        """Locks every selected device before any is contacted.

        Returns without the locks only when the operator stops waiting: the
        controller then starts nothing.
        """
        devices = tuple(dict.fromkeys(d for plan in setup.plans for d in plan.selection))
        while not controller.is_stopped:
            holders = await self._journal.lock_devices(lease, devices)
            if not holders:
                return
            what, holder = _busy(holders)
            if setup.invocation.on_busy != "wait":
                raise LockedError(
                    f"{what} locked by run {holder}", kind="locked/device",
                    hint=f"wait with --on-busy wait, or see `fleetrun runs show {holder}`",
                )
            # Two runs that each hold what the other one wants would wait for ever.
            await self._unlock(lease, [device for device in devices if device not in holders])
            bus.warn(f"waiting for run {holder}: {what} locked by it")
            await self._clock.sleep(BUSY_POLL_S)

    async def _unlock(self, lease: Lease, devices: Sequence[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for device in devices:
                group.create_task(self._journal.unlock_device(lease, device))


def operator() -> str:
    """Returns "user@host", for the journal."""
    with suppress(KeyError, OSError):
        return f"{getpass.getuser()}@{socket.gethostname()}"
    return f"uid {os.getuid()}@{socket.gethostname()}"


def _busy(holders: Mapping[str, str]) -> tuple[str, str]:
    """Returns "gw-01 and 3 more are" and the run that holds the first of them."""
    device, holder = next(iter(holders.items()))
    others = len(holders) - 1
    return (f"{device} and {others} more are" if others else f"{device} is"), holder


def default_known_hosts() -> tuple[str, ...]:
    """Returns the known_hosts files that exist, the user's first."""
    candidates = (Path.home() / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    return tuple(str(path) for path in candidates if path.is_file())


def _title(loaded: Loaded) -> str:
    invocation = loaded.invocation
    if invocation.playbook:
        return Path(invocation.playbook).name
    return f"exec {invocation.pattern}: {invocation.module or 'command'}"


def _state_of(event: RunFinished) -> RunState:
    if event.exit_code in {ExitCode.INTERRUPTED, ExitCode.UNKNOWN}:
        return RunState.INTERRUPTED
    return RunState.HALTED if event.exit_code == ExitCode.HALTED else RunState.FINISHED
