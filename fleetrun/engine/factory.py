"""Makes what one device needs in one play: variables, program, session, runner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fleetrun.contracts import Clock, Dialogue, SecretSource, Transport
from fleetrun.engine.backoff import Backoff
from fleetrun.engine.bus import Bus
from fleetrun.engine.device import DeviceRunner, History, StopFlag
from fleetrun.engine.past import Past
from fleetrun.engine.session import DeviceSession, SessionPlan
from fleetrun.engine.targets import target_of
from fleetrun.errors import InputError, Problem
from fleetrun.model.events import DeviceConnected
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Play
from fleetrun.model.run import Invocation
from fleetrun.model.steps import DialogueStep, Done, RemoteBatch
from fleetrun.model.values import Value, Vars
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.scope import Scope
from fleetrun.planning.toolbox import DeviceVars, ProgramOptions, Toolbox
from fleetrun.planning.variables import BaseVars, HostVars, connection_settings, magic_variables


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSetup:
    """Everything of a run that does not change while it runs."""

    run: str
    title: str
    invocation: Invocation
    inventory: Inventory
    plays: tuple[Play, ...]
    playbook_dir: str
    toolbox: Toolbox
    options: ProgramOptions
    base_vars: BaseVars
    #: Text of the shell runtime.
    lib: str
    #: By ansible_connection.
    transports: Mapping[str, Transport]
    dialogues: Mapping[str, Dialogue]
    secrets: SecretSource
    clock: Clock
    known_hosts: tuple[str, ...] = ()
    connect_attempts: int = 3
    #: Vars of --extra-vars, trusted text included.
    extra_vars: Vars = field(default_factory=dict)


class DeviceFactory:
    """Makes runners; keeps what devices learned from play to play."""

    def __init__(self, setup: RunSetup, bus: Bus, past: Past, stop: StopFlag) -> None:
        self._setup = setup
        self._bus = bus
        self._past = past
        self._stop = stop
        self._states: dict[str, DeviceState] = {}
        self._replayed: set[tuple[int, str]] = set()
        #: By device and the play's remote_user: another login is another session.
        self._sessions: dict[tuple[str, SessionPlan], DeviceSession] = {}
        self._backoff = Backoff(seed=setup.run)

    def runner(self, play: Play, device: str, selection: Sequence[str]) -> DeviceRunner:
        """Returns what runs `device` through `play`."""
        if self._past.is_resume:
            self._replay_former_plays(play, device, selection)
        history = self._past.history(play.index, device)
        return DeviceRunner(
            play=play.index, device=device, program=self._program(play, device, selection),
            session=self._session(play, device), bus=self._bus, clock=self._setup.clock,
            dialogues=self._setup.dialogues, history=history, stop=self._stop,
        )

    async def release(self, device: str, *, keep: bool) -> None:
        """Closes a device's session unless the run goes on with it soon."""
        if keep:
            return
        for key in [key for key in self._sessions if key[0] == device]:
            await self._sessions.pop(key).drop()

    async def close(self) -> None:
        """Closes all sessions."""
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.drop()

    def _program(self, play: Play, device: str, selection: Sequence[str]) -> DeviceProgram:
        return DeviceProgram(
            play, toolbox=self._setup.toolbox, options=self._setup.options,
            device_vars=self._device_vars(play, device, selection), state=self._state(device),
        )

    def _state(self, device: str) -> DeviceState:
        return self._states.setdefault(device, DeviceState())

    def _device_vars(self, play: Play, device: str, selection: Sequence[str]) -> DeviceVars:
        setup = self._setup
        magic = magic_variables(
            setup.inventory, device, playbook_dir=setup.playbook_dir,
            check=setup.options.check, diff=setup.options.diff, tags=setup.options.tags,
            skip_tags=setup.options.skip_tags, play_devices=selection, play_name=play.name,
            run=setup.run, limit=setup.invocation.limit, forks=setup.invocation.forks,
            verbosity=setup.options.verbosity,
            hostvars=HostVars(setup.inventory, self._scope_of, setup.toolbox.templater.render),
        )
        return DeviceVars(
            extra=setup.extra_vars, play_files=play.file_vars, play=play.vars,
            base=setup.base_vars.of(device),
            magic=magic,
        )

    def _scope_of(self, device: str) -> Scope:
        """The variables of another device, for `hostvars` (rule 32)."""
        setup, state = self._setup, self._state(device)
        magic: Mapping[str, Value] = {
            "inventory_hostname": device,
            "inventory_hostname_short": device.split(".", 1)[0],
            "group_names": list(setup.inventory.devices[device].groups)
            if device in setup.inventory.devices else [],
        }
        return Scope([
            magic, setup.extra_vars, state.dynamic, state.fact_layer(),
            setup.base_vars.of(device),
        ])

    def _session(self, play: Play, device: str) -> DeviceSession:
        plan, connection = self._plan(play, device)
        key = (device, plan)
        session = self._sessions.get(key)
        if session is not None:
            return session
        setup = self._setup

        def connected(boot_id: str, elapsed_s: float) -> None:
            self._bus.publish(
                DeviceConnected(
                    at=self._bus.now(), device=device, address=plan.target.address,
                    boot_id=boot_id, elapsed_s=elapsed_s,
                )
            )

        session = DeviceSession(
            plan, setup.transports[connection], setup.clock, setup.secrets,
            self._backoff, connected,
        )
        self._sessions[key] = session
        return session

    def _plan(self, play: Play, device: str) -> tuple[SessionPlan, str]:
        """Returns how to reach a device in a play, and over which transport."""
        setup = self._setup
        name = {"inventory_hostname": device}
        scope = Scope([
            name, setup.extra_vars, play.file_vars, play.vars, setup.base_vars.of(device),
        ])
        templater = setup.toolbox.templater
        remote_user = templater.render(play.remote_user, scope) if play.remote_user else ""
        settings = connection_settings(
            scope, templater, invocation=setup.invocation, device=device,
            remote_user=str(remote_user),
        )
        if settings.connection not in setup.transports:
            raise InputError([_unknown_connection(device, settings.connection, setup.transports)])
        self._bus.hide(device, filter(None, (settings.password, settings.become_password)))
        for warning in settings.warnings:
            self._bus.warn(warning)
        plan = SessionPlan(
            run=setup.run, target=target_of(device, settings, setup.known_hosts), lib=setup.lib,
            attempts=setup.connect_attempts, become_password=settings.become_password,
        )
        return plan, settings.connection

    def _replay_former_plays(self, play: Play, device: str, selection: Sequence[str]) -> None:
        """Rebuilds a device's facts and registered values from the journal."""
        for former in self._setup.plays[: play.index]:
            key = (former.index, device)
            history = self._past.histories.get(key)
            if history is None or key in self._replayed:
                continue
            self._replayed.add(key)
            replay(self._program(former, device, selection), history)


def _unknown_connection(device: str, name: str, known: Iterable[str]) -> Problem:
    return Problem(
        kind="input/bad-variable",
        message=f"{device}: there is no connection named {name!r}",
        hint="set ansible_connection to one of: " + ", ".join(sorted(known)),
    )


def replay(program: DeviceProgram, history: History) -> None:
    """Feeds journalled answers to a program until it wants something new."""
    while True:
        work = program.next()
        if isinstance(work, Done):
            return
        if not isinstance(work, RemoteBatch | DialogueStep):
            continue
        steps = work.steps if isinstance(work, RemoteBatch) else (work.step,)
        for step in steps:
            answer = history.answers.get(step.key)
            if answer is None:
                return
            program.feed(step.seq, answer)
