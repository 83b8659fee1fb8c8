"""Makes what one device needs in one play: variables, program, session, runner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from fleetrun.engine.backoff import Backoff
from fleetrun.engine.bus import Bus
from fleetrun.engine.device import DeviceRunner, RunnerTools
from fleetrun.engine.groups import one_error_group
from fleetrun.engine.hall import Hall, HallPorts
from fleetrun.engine.history import History
from fleetrun.engine.past import Past
from fleetrun.engine.peers import LiveMagic, Peers, device_layers
from fleetrun.engine.permits import Permits
from fleetrun.engine.session import DeviceSession, SessionPlan
from fleetrun.engine.setup import RunSetup
from fleetrun.engine.shared import SharedTransport
from fleetrun.engine.stop import StopFlag
from fleetrun.engine.targets import target_of
from fleetrun.engine.telling import task_event
from fleetrun.engine.world import World
from fleetrun.errors import InputError, Problem
from fleetrun.model.events import DeviceConnected
from fleetrun.model.playbook import Play
from fleetrun.model.rollout import CheckVerdict
from fleetrun.model.steps import DialogueStep, Done, Meet, RemoteBatch, Report, Verdict, Via
from fleetrun.model.values import SecretText, Vars
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.hidden import restored
from fleetrun.planning.meeting import Meeting, alone
from fleetrun.planning.rollout_words import RunCheck
from fleetrun.planning.scope import Scope
from fleetrun.planning.toolbox import DeviceVars
from fleetrun.planning.variables import (
    ConnectionVars,
    connection_settings,
    magic_variables,
    role_variables,
)
from fleetrun.planning.viewpoint import Viewpoint


class DeviceFactory:
    """Makes runners; keeps what devices learned from play to play."""

    def __init__(self, setup: RunSetup, bus: Bus, past: Past, stop: StopFlag) -> None:
        self._setup = setup
        self._bus = bus
        self._past = past
        self.world = World(setup.inventory, setup.base_vars, setup.reload)
        #: For devices that others delegate to, by transport.
        self._shared: dict[str, SharedTransport] = {}
        #: Several when plays log in as different users.
        self._sessions: dict[str, list[DeviceSession]] = {}
        self._backoff = Backoff(seed=setup.run)
        self._tools = RunnerTools(
            bus=bus, clock=setup.clock, dialogues=setup.dialogues, stop=stop, permits=Permits(),
            wishes=setup.wishes,
        )
        #: Warnings of the templater that were published.
        self._told = 0
        #: Plays that were begun, in order, with the devices that they had then.
        self._begun: dict[int, Sequence[str]] = {}
        #: The play that runs now.
        self._current = -1

    def begin(self, play: Play, devices: Sequence[str]) -> None:
        """Notes that a play begins, and the devices that take part in it."""
        self._begun[play.index] = devices
        self._current = play.index
        self.world.forget_past()

    async def probe(self, told: RunCheck) -> tuple[CheckVerdict, str]:
        """Runs the external check of a stage's gate."""
        if self._setup.probe is None:
            return CheckVerdict.INCONCLUSIVE, "nothing here runs checks"
        return await self._setup.probe(
            told.check, {"FLEETRUN_RUN": self._setup.run, "FLEETRUN_STAGE": told.name}
        )

    def runner(self, play: Play, device: str, hall: Hall) -> DeviceRunner:
        """Returns what runs `device` through `play`, which must have begun.

        `hall` is where it meets the others of its batch.

        Raises InputError and TemplateError when its variables are wrong.
        """
        # Before anything else reads the device's variables: it may be asked for
        # them (hostvars), and this play's own history must be left to the runner.
        history = self._past.take_history(play.index, device)
        program, variables = self._program(play, device, hall)

        def session_of(via: Via) -> DeviceSession:
            return self._session(play, device, variables, via)

        return DeviceRunner(
            play.index, device, history=history, tools=self._tools, program=program,
            session_of=session_of, hall=hall,
        )

    async def rehearse(self, play: Play, device: str, hall: Hall) -> None:
        """Takes a device whose outcome is known through the play once more.

        Only in thought: what it said and read is in the journal, and others of
        its batch need what it shares with them. A device that left the inventory
        since has no variables to be taken along with; its outcome stays.
        """
        if device not in self._setup.inventory.devices:
            return
        history = self._past.take_history(play.index, device)
        program, _ = self._program(play, device, hall)
        hall.start(device, lambda: program.reached)
        try:
            await rehearse(
                program, history, partial(hall.meet, device, is_ghost=True),
                lambda report: hall.moved(
                    task_event(report, play=play.index, device=device, now=self._bus.now())
                ),
            )
        finally:
            hall.leaving(device, program)

    def _program(self, play: Play, device: str, hall: Hall) -> tuple[DeviceProgram, DeviceVars]:
        state = self._state(device)
        state.forget_past()
        variables = self._device_vars(play, device, hall)
        program = DeviceProgram(
            play, toolbox=self._setup.toolbox, options=self._setup.options,
            device_vars=variables, state=state,
        )
        return program, variables

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
        for shared in self._shared.values():
            await shared.close()

    def tell_warnings(self) -> None:
        """Publishes what templates warned of since the last time."""
        warnings = self._setup.toolbox.templater.warnings
        for message in warnings[self._told :]:
            self._bus.warn(message)
        self._told = len(warnings)

    # -- what a device knows ----------------------------------------------------

    def _state(self, device: str) -> DeviceState:
        """Returns a device's facts and registered values, those of former engines too."""
        state = self.world.state(device)
        if self._past.histories:
            self._replay(device, state)
        return state

    def _replay(self, device: str, state: DeviceState) -> None:
        """Rebuilds from the journal what a device learned in plays that have begun."""
        for plan in self._setup.plans:
            play = plan.play
            is_known = (play.index, device) in self._past.histories
            # What it learns in the play that runs now, it learns on its way.
            if not is_known or play.index not in self._begun or play.index == self._current:
                continue
            program = DeviceProgram(
                play, toolbox=self._setup.toolbox, options=self._setup.options,
                device_vars=self._device_vars(play, device, _hall_of_one(device)), state=state,
            )
            replay(program, self._past.take_history(play.index, device))

    def _device_vars(self, play: Play, device: str, hall: Hall) -> DeviceVars:
        setup, world, view = self._setup, self.world, Viewpoint(device=device)
        peers = Peers(
            device, play, hall, world=world, view=view, state=self._state,
            templater=setup.toolbox.templater, extra=setup.extra_vars,
        )
        magic = magic_variables(
            world.inventory, device, playbook_dir=play.base_dir or setup.playbook_dir,
            check=setup.options.check, diff=setup.options.diff, tags=setup.options.tags,
            skip_tags=setup.options.skip_tags, play_devices=self._begun[play.index],
            play_name=play.name, run=setup.run, limit=setup.invocation.limit,
            forks=setup.invocation.forks, verbosity=setup.options.verbosity,
        )
        fixed = {**magic, **role_variables(play.role_names)}
        return DeviceVars(
            extra=setup.extra_vars, play_files=play.file_vars, play=play.vars,
            role_vars=play.role_vars, role_defaults=play.role_defaults,
            base=world.vars_of(device),
            magic=LiveMagic(fixed, peers.live(tuple(self._begun[play.index]))),
            view=view, layers_of=partial(self._layers_of, play),
        )

    def _layers_of(self, play: Play, device: str) -> Sequence[Vars]:
        """The variables of a device that a task is delegated to (rule 22)."""
        state = self._state(device)
        magic, *learned, base = device_layers(
            self.world, device, state, self._setup.extra_vars
        )
        return [magic, *learned, play.file_vars, play.vars, base]

    # -- how a device is reached --------------------------------------------------

    def _session(
        self, play: Play, device: str, variables: DeviceVars, via: Via
    ) -> DeviceSession:
        """Returns the way to where a step of `device` runs."""
        where = via.device or device
        settings = self._settings(play, where, variables, via)
        self._bus.hide(device, _secrets(settings))
        for warning in settings.warnings:
            self._bus.warn(warning)
        plan = SessionPlan(
            run=self._setup.run, target=target_of(where, settings, self._setup.known_hosts),
            lib=self._setup.lib, attempts=self._setup.connect_attempts,
            become_password=settings.become_password, connection=settings.connection,
            receipts_of=f"{where} for {device}" if via.device else "",
        )
        sessions = self._sessions.setdefault(device, [])
        for session in sessions:
            if session.plan == plan:
                return session
        sessions.append(self._new_session(plan, settings, is_delegate=bool(via.device)))
        return sessions[-1]

    def _new_session(
        self, plan: SessionPlan, settings: ConnectionVars, *, is_delegate: bool
    ) -> DeviceSession:
        setup, target = self._setup, plan.target
        name = settings.connection
        transport = setup.transports.get(name)
        if transport is None:
            raise InputError([_unknown_connection(target.device, name, setup.transports)])
        if is_delegate and name != "local":
            transport = self._shared.setdefault(name, SharedTransport(transport))

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

    def _settings(
        self, play: Play, device: str, variables: DeviceVars, via: Via
    ) -> ConnectionVars:
        """Variables beat the play's keyword, and that beats the command line (rule 41)."""
        setup = self._setup
        templater = setup.toolbox.templater
        layers = [
            variables.magic, variables.extra, variables.role_vars, variables.play_files,
            variables.play, variables.base, variables.role_defaults,
        ]
        scope = Scope(list(variables.layers_of(device)) if via.device else layers)
        user = via.user or templater.render(play.remote_user, scope)
        port = templater.render(play.port, scope)
        connection = via.connection or templater.render(play.connection, scope)
        invocation = setup.invocation
        if connection:
            invocation = replace(invocation, connection=str(connection))
        settings = connection_settings(
            scope, templater, invocation=invocation, device=device,
            remote_user="" if user is None else str(user),
            port=22 if port is None else int(str(port)),
        )
        if settings.password is None and setup.login_password:
            settings = replace(settings, password=SecretText(setup.login_password))
        return settings


def _hall_of_one(device: str) -> Hall:
    """A batch of one device, which nobody waits for."""
    nothing = HallPorts(
        carry_out=lambda hall, opening: None, parked=lambda name: None, ready=_at_once,
        note=lambda event: None,
    )
    return Hall(Meeting([device]), nothing, waits=False)


async def _at_once(device: str) -> None:
    del device


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
        if isinstance(work, Meet):
            program.join(alone(work))
        if isinstance(work, RemoteBatch | DialogueStep) and not _feed(program, work, history):
            return


def _feed(program: DeviceProgram, work: RemoteBatch | DialogueStep, history: History) -> bool:
    """Feeds what is known; False when something is not."""
    steps = work.steps if isinstance(work, RemoteBatch) else (work.step,)
    for step in steps:
        answer = history.answers.get(step.key)
        if answer is not None:
            program.feed(step.seq, restored(answer))
        elif step.seq in program.outstanding:
            return False
    return True


async def rehearse(
    program: DeviceProgram, history: History, meet: Callable[[Meet], Awaitable[Verdict]],
    tell: Callable[[Report], None],
) -> None:
    """As `replay`, meeting the others of the batch on the way."""
    while True:
        work = program.next()
        if isinstance(work, Done):
            return
        if isinstance(work, Meet):
            program.join(await meet(work))
        if isinstance(work, Report):
            tell(work)
        if isinstance(work, RemoteBatch | DialogueStep) and not _feed(program, work, history):
            return
