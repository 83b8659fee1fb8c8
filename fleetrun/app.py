"""The composition root: wires adapters to the engine. cli and daemon sit on it."""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fleetrun.actions.registry import CONTROLLER_ACTIONS, dialogues, preparers
from fleetrun.contracts import Journal, Lease, Reporter, SecretSource, Transport
from fleetrun.engine.bus import Bus
from fleetrun.engine.clock import SystemClock
from fleetrun.engine.controller import PlayPlan, RunController
from fleetrun.engine.factory import RunSetup
from fleetrun.engine.past import Past, read_past
from fleetrun.errors import ExitCode, InputError, LockedError, Problem, TemplateError, UsageError
from fleetrun.journal.paths import state_folder
from fleetrun.loading.files import OperatorFiles
from fleetrun.loading.inventory import load_inventory
from fleetrun.loading.modules import ModuleLibrary, load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.loading.yamlfile import dump_yaml, load_yaml_text
from fleetrun.model.events import DeviceFinished, DeviceStarted, RunFinished, RunStarted
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Play, Playbook
from fleetrun.model.redact import Redactor
from fleetrun.model.result import Outcome
from fleetrun.model.run import Invocation, RunRecord, RunState
from fleetrun.planning.arguments import coerce
from fleetrun.planning.facts import with_facts
from fleetrun.planning.planner import collect_group_edges, make_plan
from fleetrun.planning.scope import Scope
from fleetrun.planning.select import explain_unmatched, implicit_localhost, select
from fleetrun.planning.step_builder import truth
from fleetrun.planning.tags import filter_play, has_task_named
from fleetrun.planning.templates import Templater
from fleetrun.planning.toolbox import ProgramOptions, Toolbox
from fleetrun.planning.variables import BaseVars

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The operator's files of one invocation, checked as far as that is possible."""

    invocation: Invocation
    inventory: Inventory
    playbook: Playbook
    library: ModuleLibrary
    loader: PlaybookLoader
    templater: Templater
    #: sha256 by path of everything that was read.
    file_hashes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Passwords that the operator typed; repr never shows them."""

    become: str | None = field(default=None, repr=False)

    def become_password(self, device: str) -> str | None:
        """Returns the password for privilege escalation, the same for all devices."""
        del device
        return self.become

    def all(self) -> tuple[str, ...]:
        """Returns every secret, for redaction."""
        return (self.become,) if self.become else ()


def new_run_id() -> str:
    """Returns a run id: sorts by time, short enough to type."""
    stamp = time.strftime("%m%d-%H%M%S", time.gmtime())
    return f"{stamp}-{secrets.token_hex(2)}"


def load(invocation: Invocation, *, command: Sequence[str] = ()) -> Loaded:
    """Loads inventory and playbook; contacts nothing. Raises InputError."""
    library = load_library(_module_dirs(invocation))
    loader = PlaybookLoader(library)
    if invocation.playbook:
        playbook = loader.load(invocation.playbook)
        playbook_dir = str(Path(invocation.playbook).resolve().parent)
    else:
        playbook = loader.adhoc(
            invocation.pattern, invocation.module or "command",
            "" if command else invocation.module_args, argv=tuple(command),
        )
        playbook_dir = str(Path.cwd())
    inventory = load_inventory(invocation.inventories, playbook_dir=playbook_dir)
    return Loaded(
        invocation=invocation, inventory=_with_localhost(inventory, playbook), playbook=playbook,
        library=library, loader=loader, templater=make_templater(),
        file_hashes=playbook.file_hashes,
    )


def make_templater() -> Templater:
    """Returns the templater with what needs the outside world handed in."""
    return Templater(environment=os.environ, yaml_dump=dump_yaml, yaml_load=load_yaml_text)


def _module_dirs(invocation: Invocation) -> tuple[Path, ...]:
    if not invocation.playbook:
        return ()
    beside = Path(invocation.playbook).resolve().parent / "library"
    return (beside,) if beside.is_dir() else ()


def _with_localhost(inventory: Inventory, playbook: Playbook) -> Inventory:
    """Adds the implicit localhost when a play names it and the inventory does not."""
    named = {play.hosts for play in playbook.plays if isinstance(play.hosts, str)}
    missing = (named & LOCAL_NAMES) - inventory.devices.keys()
    if not missing:
        return inventory
    extra = {name: replace(implicit_localhost(), name=name) for name in sorted(missing)}
    return replace(inventory, devices={**inventory.devices, **extra})


def plan_plays(loaded: Loaded, run: str, past: Past | None = None) -> tuple[PlayPlan, ...]:
    """Selects devices, filters tasks and plans the rollout of every play.

    With `past` the devices are those that the run began with, whatever became
    of the inventory. Raises InputError when a pattern or --limit selects
    nothing at all.
    """
    edges = collect_group_edges(loaded.inventory)
    plays = loaded.playbook.plays
    selections = [_select(loaded, play) for play in plays]
    gone: frozenset[str] = frozenset()
    if past is not None and past.started is not None:
        gone = frozenset(past.started.devices).difference(*selections)
        selections = _as_started(plays, selections, gone, past, past.started.devices)
    plans = []
    for play, selection in zip(plays, selections, strict=True):
        plan = make_plan(
            play, loaded.inventory, selection, forks=loaded.invocation.forks,
            seed=loaded.invocation.seed or run, group_edges=edges,
        )
        plans.append(
            PlayPlan(
                play=_prepared(loaded, play), selection=selection, rollout=plan,
                gone=gone.intersection(selection),
            )
        )
    if not any(plan.selection for plan in plans):
        raise InputError(_nothing_selected(loaded))
    _check_start_at(loaded)
    return tuple(plans)


def _prepared(loaded: Loaded, play: Play) -> Play:
    scope = Scope([loaded.invocation.extra_vars, play.vars])
    if truth(loaded.templater.render(play.gather_facts, scope)):
        play = with_facts(play)
    invocation = loaded.invocation
    return filter_play(
        replace(play, name=_play_name(loaded, play, scope)), invocation.tags, invocation.skip_tags,
        invocation.start_at_task,
    )


def _play_name(loaded: Loaded, play: Play, scope: Scope) -> str:
    """The name as a person reads it; as written where it needs a device's variables."""
    try:
        return str(loaded.templater.render(play.name, scope))
    except TemplateError:
        return play.name


def _pattern(loaded: Loaded, play: Play) -> str:
    scope = Scope([loaded.invocation.extra_vars, play.vars])
    hosts = loaded.templater.render(play.hosts, scope)
    return ",".join(str(h) for h in hosts) if isinstance(hosts, list | tuple) else str(hosts)


def _select(loaded: Loaded, play: Play) -> tuple[str, ...]:
    return select(loaded.inventory, _pattern(loaded, play), limit=loaded.invocation.limit)


def _nothing_selected(loaded: Loaded) -> list[Problem]:
    invocation = loaded.invocation
    problems: list[Problem] = []
    for play in loaded.playbook.plays:
        # An ad-hoc pattern stands in no file.
        mark = play.mark if invocation.playbook else None
        problems += [
            replace(problem, mark=problem.mark or mark)
            for problem in explain_unmatched(loaded.inventory, _pattern(loaded, play))
        ]
    if invocation.limit and not problems:
        problems += [
            replace(problem, message=f"--limit: {problem.message}")
            for problem in explain_unmatched(loaded.inventory, invocation.limit)
        ]
    if not problems:
        limit = f" with --limit {invocation.limit}" if invocation.limit else ""
        problems.append(
            Problem(
                kind="input/empty-selection", message=f"no device is selected{limit}",
                hint="see `fleetrun inventory list` for what there is",
            )
        )
    return problems


def _check_start_at(loaded: Loaded) -> None:
    wanted = loaded.invocation.start_at_task
    if wanted and not any(has_task_named(play, wanted) for play in loaded.playbook.plays):
        raise UsageError(
            f"no task matches --start-at-task {wanted!r}", kind="usage/no-such-task",
            hint="see the names with --list-tasks",
        )


class FleetApp:
    """Runs, resumes and retries; one instance per process."""

    def __init__(
        self, journal: Journal, transports: Mapping[str, Transport],
        clock: SystemClock | None = None,
    ) -> None:
        self._journal = journal
        self._transports = transports
        self._clock = clock or SystemClock()

    async def run(
        self, loaded: Loaded, *, reporters: Sequence[Reporter], passwords: Secrets,
        verbosity: int = 0, on_controller: Callable[[RunController], None] | None = None,
        title: str = "", run: str = "",
    ) -> RunFinished:
        """Runs an invocation from the start; returns its last event."""
        run = run or new_run_id()
        plans = plan_plays(loaded, run)
        title = title or _title(loaded)
        lease = await self._journal.create_run(
            run, title, loaded.invocation, _absolute(loaded.file_hashes)
        )
        return await self._execute(
            loaded, plans, lease, Past(), title, reporters=reporters, passwords=passwords,
            verbosity=verbosity, on_controller=on_controller,
        )

    async def resume(
        self, record: RunRecord, loaded: Loaded, *, reporters: Sequence[Reporter],
        passwords: Secrets, verbosity: int = 0,
        on_controller: Callable[[RunController], None] | None = None,
    ) -> RunFinished:
        """Goes on with a run: settles what is unknown, runs what is left."""
        check_unchanged(record, loaded)
        lease = await self._journal.take_lease(record.run)
        past = await read_past(self._journal.events(record.run))
        plans = plan_plays(loaded, record.run, past)
        return await self._execute(
            loaded, plans, lease, past, record.title, reporters=reporters, passwords=passwords,
            verbosity=verbosity, on_controller=on_controller,
        )

    async def _execute(
        self, loaded: Loaded, plans: Sequence[PlayPlan], lease: Lease, past: Past, title: str,
        *, reporters: Sequence[Reporter], passwords: Secrets, verbosity: int,
        on_controller: Callable[[RunController], None] | None,
    ) -> RunFinished:
        setup = self._setup(loaded, plans, lease.run, title, passwords, verbosity)
        state, code = RunState.INTERRUPTED, int(ExitCode.INTERNAL)
        try:
            await self._lock(lease, plans, loaded.invocation)
            bus = Bus(
                self._journal, lease, reporters, Redactor(passwords.all()), self._clock
            )
            async with bus:
                controller = RunController(setup, plans, self._journal, lease, bus, past)
                if on_controller is not None:
                    on_controller(controller)
                event = await controller.run()
            code = event.exit_code
            state = _state_of(event)
            return event
        except LockedError:
            code = int(ExitCode.LOCKED)
            raise
        finally:
            await self._journal.finish_run(lease, state, code)
            for transport in self._transports.values():
                await transport.close()

    def _setup(
        self, loaded: Loaded, plans: Sequence[PlayPlan], run: str, title: str,
        passwords: SecretSource, verbosity: int,
    ) -> RunSetup:
        invocation = loaded.invocation
        options = ProgramOptions(
            check=invocation.check, diff=invocation.diff, verbosity=verbosity,
            force_handlers=invocation.force_handlers, tags=invocation.tags,
            skip_tags=invocation.skip_tags, become=invocation.become,
            become_user=invocation.become_user, become_method=invocation.become_method,
        )
        toolbox = Toolbox(
            templater=loaded.templater, module=loaded.library.get, coerce=coerce,
            actions=CONTROLLER_ACTIONS, preparers=preparers(OperatorFiles()),
            load_tasks=loaded.loader.load_tasks,
        )
        base_dir = str(Path(invocation.playbook or "x").resolve().parent)
        return RunSetup(
            run=run, title=title, invocation=invocation, inventory=loaded.inventory,
            plays=tuple(plan.play for plan in plans), playbook_dir=base_dir, toolbox=toolbox,
            options=options, base_vars=BaseVars(loaded.inventory), lib=loaded.library.lib,
            transports=self._transports, dialogues=dialogues(base_dir), secrets=passwords,
            clock=self._clock, known_hosts=default_known_hosts(),
            extra_vars=invocation.extra_vars,
        )

    async def _lock(
        self, lease: Lease, plans: Sequence[PlayPlan], invocation: Invocation
    ) -> None:
        """Locks every selected device before any is contacted."""
        devices = dict.fromkeys(device for plan in plans for device in plan.selection)
        while True:
            holders = await self._try_lock(lease, devices)
            if not holders:
                return
            device, holder = next(iter(holders.items()))
            if invocation.on_busy != "wait":
                more = f" and {len(holders) - 1} more" if len(holders) > 1 else ""
                raise LockedError(
                    f"{device}{more} is locked by run {holder}", kind="locked/device",
                    hint=f"wait with --on-busy wait, or see `fleetrun runs show {holder}`",
                )
            await self._clock.sleep(1.0)

    async def _try_lock(self, lease: Lease, devices: Mapping[str, None]) -> dict[str, str]:
        results = await asyncio.gather(
            *(self._journal.lock_device(lease, device) for device in devices)
        )
        holders = {
            device: holder for device, holder in zip(devices, results, strict=True) if holder
        }
        if holders:
            await asyncio.gather(
                *(self._journal.unlock_device(lease, d) for d in devices if d not in holders)
            )
        return holders


def default_known_hosts() -> tuple[str, ...]:
    """Returns the known_hosts files that exist, the user's first."""
    candidates = (Path.home() / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    return tuple(str(path) for path in candidates if path.is_file())


def check_unchanged(record: RunRecord, loaded: Loaded) -> None:
    """Refuses to go on when a file of the run was edited meanwhile."""
    now = _absolute(loaded.file_hashes)
    changed = [
        path for path, digest in record.file_hashes.items() if now.get(path) != digest
    ] + [path for path in now if path not in record.file_hashes]
    if changed:
        raise UsageError(
            "these files changed since the run began: " + ", ".join(sorted(changed)),
            kind="usage/stale-run",
            hint="put them back to resume, or start a new run",
        )


def _as_started(
    plays: Sequence[Play], selections: Sequence[tuple[str, ...]], gone: frozenset[str],
    past: Past, devices: Sequence[str],
) -> list[tuple[str, ...]]:
    """Returns the selections as they were when the run began with `devices`.

    Devices that came since take no part. Those that are gone stay in every
    play that they may have been in: stages keep their members, and what is
    open ends as unknown.
    """
    kept = []
    for play, selection in zip(plays, selections, strict=True):
        stays = {device for device in gone if past.may_have_run(play.index, device)}
        stays.update(selection)
        kept.append(tuple(device for device in devices if device in stays))
    return kept


def _absolute(hashes: Mapping[str, str]) -> dict[str, str]:
    return {str(Path(path).resolve()): digest for path, digest in hashes.items()}


def _title(loaded: Loaded) -> str:
    invocation = loaded.invocation
    if invocation.playbook:
        return Path(invocation.playbook).name
    return f"exec {invocation.pattern}: {invocation.module or 'command'}"


def _state_of(event: RunFinished) -> RunState:
    if event.exit_code in {ExitCode.INTERRUPTED, ExitCode.UNKNOWN}:
        return RunState.INTERRUPTED
    return RunState.HALTED if event.exit_code == ExitCode.HALTED else RunState.FINISHED


def enter(folder: str) -> None:
    """Goes to the folder that a run or a plan began in; raises UsageError."""
    # A relative FLEETRUN_STATE must go on to mean the same folder.
    os.environ["FLEETRUN_STATE"] = str(state_folder())
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(
            f"cannot go to {folder}, where this began: {error.strerror}",
            kind="usage/no-folder", hint="put the folder back with its files, or start a new run",
        ) from error


def load_again(record: RunRecord) -> Loaded:
    """Loads the files of a former run, from the folder it was started in."""
    enter(record.cwd)
    argv = shlex.split(record.invocation.module_args) if not record.invocation.module else ()
    return load(record.invocation, command=tuple(argv))


async def final_outcomes(journal: Journal, run: str) -> dict[str, Outcome]:
    """Returns the outcome of every device of a run, also of one that was cut off."""
    final: dict[str, Outcome] = {}
    async for event in journal.events(run):
        if isinstance(event, RunStarted):
            final.update(dict.fromkeys(event.devices, Outcome.CANCELLED))
        elif isinstance(event, DeviceStarted):
            final[event.device] = Outcome.UNKNOWN
        elif isinstance(event, DeviceFinished):
            final[event.device] = event.outcome
        elif isinstance(event, RunFinished):
            final.update(event.outcomes)
    return final
