"""Makes what one device needs in one play: variables, program, session, runner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fleetrun.engine.backoff import Backoff
from fleetrun.engine.bus import Bus
from fleetrun.engine.device import DeviceRunner, History, RunnerTools
from fleetrun.engine.groups import one_error_group
from fleetrun.engine.past import Past
from fleetrun.engine.session import DeviceSession, SessionPlan
from fleetrun.engine.setup import RunSetup
from fleetrun.engine.stop import StopFlag
from fleetrun.engine.targets import target_of
from fleetrun.errors import InputError, Problem
from fleetrun.model.events import DeviceConnected
from fleetrun.model.playbook import Play
from fleetrun.model.steps import DialogueStep, Done, RemoteBatch
from fleetrun.model.values import SecretText, Value
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.hidden import restored
from fleetrun.planning.scope import Scope
from fleetrun.planning.toolbox import DeviceVars
from fleetrun.planning.variables import (
    ConnectionVars,
    HostVars,
    connection_settings,
    magic_variables,
    role_variables,
)


class DeviceFactory:
    """Makes runners; keeps what devices learned from play to play."""

    def __init__(self, setup: RunSetup, bus: Bus, past: Past, stop: StopFlag) -> None:
        self._setup = setup
        self._bus = bus
        self._past = past
        self._states: dict[str, DeviceState] = {}
        #: Several when plays log in as different users.
        self._sessions: dict[str, list[DeviceSession]] = {}
        self._backoff = Backoff(seed=setup.run)
        self._tools = RunnerTools(
            bus=bus, clock=setup.clock, dialogues=setup.dialogues, stop=stop, wishes=setup.wishes,
        )
        #: Warnings of the templater that were published.
        self._told = 0
        #: Plays that were begun, in order, with the devices that they had then.
        self._begun: dict[int, Sequence[str]] = {}

    def begin(self, play: Play, devices: Sequence[str]) -> None:
        """Notes that a play begins, and the devices that take part in it."""
        self._begun[play.index] = devices

    def runner(self, play: Play, device: str) -> DeviceRunner:
        """Returns what runs `device` through `play`, which must have begun.

        Raises InputError and TemplateError when its variables are wrong.
        """
        # Before anything else reads the device's variables: it may be asked for
        # them (hostvars), and this play's own history must be left to the runner.
        history = self._past.take_history(play.index, device)
        state = self._state(device)
        variables = self._device_vars(play, device)
        return DeviceRunner(
            play.index, device, history=history, tools=self._tools,
            program=DeviceProgram(
                play, toolbox=self._setup.toolbox, options=self._setup.options,
                device_vars=variables, state=state,
            ),
            session=self._session(play, device, variables),
        )

    async def release(self, device: str, *, is_known: bool) -> None:
        """Closes a device's sessions.

        `is_known` says that the end of all that was sent is published: then no
        receipt need stay on the device, once the journal is durable.
        """
        sessions = self._sessions.get(device, ())
        is_durable = False
        try:
            if is_known and any(session.is_connected for session in sessions):
                await self._bus.barrier()
                is_durable = True
        finally:
            self._sessions.pop(device, None)
            for session in sessions:
                await session.drop(whole_run=is_durable)

    async def close(self, *, is_known: bool) -> None:
        """Closes all sessions, side by side; `is_known` as in `release`."""
        async with one_error_group() as group:
            for device in list(self._sessions):
                group.create_task(self.release(device, is_known=is_known))

    def tell_warnings(self) -> None:
        """Publishes what templates warned of since the last time."""
        warnings = self._setup.toolbox.templater.warnings
        for message in warnings[self._told :]:
            self._bus.warn(message)
        self._told = len(warnings)

    # -- what a device knows ----------------------------------------------------

    def _state(self, device: str) -> DeviceState:
        """Returns a device's facts and registered values, those of former engines too."""
        state = self._states.get(device)
        if state is None:
            state = self._states[device] = DeviceState()
        if self._past.histories:
            self._replay(device, state)
        return state

    def _replay(self, device: str, state: DeviceState) -> None:
        """Rebuilds from the journal what a device learned in plays that have begun."""
        for plan in self._setup.plans:
            play = plan.play
            is_known = (play.index, device) in self._past.histories
            if not is_known or play.index not in self._begun:
                continue
            program = DeviceProgram(
                play, toolbox=self._setup.toolbox, options=self._setup.options,
                device_vars=self._device_vars(play, device), state=state,
            )
            replay(program, self._past.take_history(play.index, device))

    def _device_vars(self, play: Play, device: str) -> DeviceVars:
        setup = self._setup
        magic = magic_variables(
            setup.inventory, device, playbook_dir=play.base_dir or setup.playbook_dir,
            check=setup.options.check, diff=setup.options.diff, tags=setup.options.tags,
            skip_tags=setup.options.skip_tags, play_devices=self._begun[play.index],
            play_name=play.name, run=setup.run, limit=setup.invocation.limit,
            forks=setup.invocation.forks, verbosity=setup.options.verbosity,
            hostvars=HostVars(setup.inventory, self._scope_of, setup.toolbox.templater.render),
        )
        return DeviceVars(
            extra=setup.extra_vars, play_files=play.file_vars, play=play.vars,
            role_vars=play.role_vars, role_defaults=play.role_defaults,
            base=setup.base_vars.of(device), magic={**magic, **role_variables(play.role_names)},
        )

    def _scope_of(self, device: str) -> Scope:
        """The variables of another device, for `hostvars` (rule 32)."""
        setup, state = self._setup, self._state(device)
        magic: Mapping[str, Value] = {
            "inventory_hostname": device,
            "inventory_hostname_short": device.split(".", 1)[0],
            "group_names": list(setup.inventory.devices[device].groups) or ["ungrouped"],
        }
        return Scope([
            magic, setup.extra_vars, state.dynamic, state.included, *state.fact_layers(),
            setup.base_vars.of(device),
        ])

    # -- how a device is reached --------------------------------------------------

    def _session(self, play: Play, device: str, variables: DeviceVars) -> DeviceSession:
        settings = self._settings(play, device, variables)
        self._bus.hide(device, _secrets(settings))
        for warning in settings.warnings:
            self._bus.warn(warning)
        plan = SessionPlan(
            run=self._setup.run, target=target_of(device, settings, self._setup.known_hosts),
            lib=self._setup.lib, attempts=self._setup.connect_attempts,
            become_password=settings.become_password,
        )
        sessions = self._sessions.setdefault(device, [])
        for session in sessions:
            if session.plan == plan:
                return session
        sessions.append(self._new_session(plan, settings))
        return sessions[-1]

    def _new_session(self, plan: SessionPlan, settings: ConnectionVars) -> DeviceSession:
        setup, target = self._setup, plan.target
        transport = setup.transports.get(settings.connection)
        if transport is None:
            raise InputError([
                _unknown_connection(target.device, settings.connection, setup.transports)
            ])

        def connected(boot_id: str, elapsed_s: float) -> None:
            self._bus.publish(
                DeviceConnected(
                    at=self._bus.now(), device=target.device, address=target.address,
                    boot_id=boot_id, elapsed_s=elapsed_s,
                )
            )

        return DeviceSession(
            plan, transport, setup.clock, setup.secrets, self._backoff, connected
        )

    def _settings(self, play: Play, device: str, variables: DeviceVars) -> ConnectionVars:
        """Variables beat the play's keyword, and that beats the command line (rule 41)."""
        setup = self._setup
        templater = setup.toolbox.templater
        scope = Scope([
            variables.magic, variables.extra, variables.role_vars, variables.play_files,
            variables.play, variables.base, variables.role_defaults,
        ])
        keyword = templater.render(play.remote_user, scope)
        port = templater.render(play.port, scope)
        settings = connection_settings(
            scope, templater, invocation=setup.invocation, device=device,
            remote_user="" if keyword is None else str(keyword),
            port=22 if port is None else int(str(port)),
        )
        if settings.password is None and setup.login_password:
            settings = replace(settings, password=SecretText(setup.login_password))
        return settings


def _secrets(settings: ConnectionVars) -> tuple[str, ...]:
    return tuple(filter(None, (settings.password, settings.become_password)))


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
            if answer is not None:
                program.feed(step.seq, restored(answer))
            elif step.seq in program.outstanding:
                return

