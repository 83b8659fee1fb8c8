"""What run, exec, apply, resume and retry share: journal, signals, reporters, exit code."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import click

from fleetrun.app import FleetApp, Loaded, ResumeWishes, Secrets, answered
from fleetrun.app.running import RunController, SystemClock, open_journal, transports
from fleetrun.app.terminal import Look, live_reporters
from fleetrun.cli import exit_codes
from fleetrun.cli.step import StepQuestions
from fleetrun.contracts import Reporter
from fleetrun.errors import ExitCode
from fleetrun.model.events import RunFinished
from fleetrun.model.playbook import Prompt
from fleetrun.model.run import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """How a run is shown, and with which codes it ends."""

    look: Look = field(default_factory=Look)
    #: Exit with Ansible's codes.
    ansible_codes: bool = False
    #: Ask before each task (--step).
    step: bool = False

    @classmethod
    def of(cls, flags: Mapping[str, Any], *, folds: bool = False) -> Show:
        """Returns what a command's flags ask for."""
        output, verbosity = flags["output"], flags["verbosity"]
        look = Look(
            output=output, verbosity=verbosity, folds=folds, tree=flags.get("tree", ""),
            intro=_intro(output, verbosity),
        )
        return cls(
            look=look, ansible_codes=flags["ansible_exit_codes"], step=flags.get("step", False)
        )


def _intro(output: str, verbosity: int) -> tuple[str, ...]:
    """Names the ansible.cfg that counts, in Ansible's words."""
    if output != "ansible" or verbosity == 0:
        return ()
    config = click.get_current_context().find_root().obj
    path = config.ansible_cfg if config is not None else ""
    return (f"Using {path} as config file" if path else "No config file found; using defaults",)


async def _ask_passphrase(path: str) -> str | None:
    return await asyncio.to_thread(
        click.prompt, f"Passphrase for {path}", hide_input=True, default="", show_default=False,
        err=True,
    )


def _answered(loaded: Loaded, passwords: Secrets) -> tuple[Loaded, Secrets]:
    """Asks what `vars_prompt` wants to know; raises InputError where nobody can be asked."""
    loaded, hidden = answered(loaded, _ask_variable if sys.stdin.isatty() else None)
    return loaded, replace(passwords, answers=hidden) if hidden else passwords


def _ask_variable(prompt: Prompt) -> str:
    answer: str = click.prompt(
        prompt.prompt.rstrip(": "), default=prompt.default or "", hide_input=prompt.private,
        show_default=not prompt.private and bool(prompt.default), err=True,
        confirmation_prompt=f"confirm {prompt.prompt}" if prompt.confirm else False,
    )
    return answer


def start(loaded: Loaded, show: Show, passwords: Secrets, *, title: str = "") -> int:
    """Runs an invocation; returns the exit code."""
    loaded, passwords = _answered(loaded, passwords)

    async def work(app: FleetApp, signals: _Signals, shown: Sequence[Reporter]) -> RunFinished:
        return await app.run(
            loaded, reporters=shown, passwords=passwords, verbosity=show.look.verbosity,
            on_controller=signals.attach, title=title,
        )

    return _in_loop(work, show)


def go_on(
    record: RunRecord, loaded: Loaded, show: Show, passwords: Secrets, wishes: ResumeWishes
) -> int:
    """Resumes a run; returns the exit code."""
    loaded, passwords = _answered(loaded, passwords)

    async def work(app: FleetApp, signals: _Signals, shown: Sequence[Reporter]) -> RunFinished:
        return await app.resume(
            record, loaded, reporters=shown, passwords=passwords, verbosity=show.look.verbosity,
            on_controller=signals.attach,
        )

    return _in_loop(work, show, wishes)


def find_run(name: str) -> RunRecord:
    """Returns a run by id, prefix or "last"; raises UsageError."""

    async def find() -> RunRecord:
        async with open_journal() as journal:
            return await journal.find_run(name)

    return asyncio.run(find())


Work = Callable[["FleetApp", "_Signals", Sequence[Reporter]], Awaitable[RunFinished]]


def _in_loop(work: Work, show: Show, wishes: ResumeWishes | None = None) -> int:
    raise_file_limit()

    async def main() -> int:
        clock = SystemClock()
        showing = live_reporters(show.look, clock=clock)
        async with open_journal() as journal, showing as shown:
            confirm = StepQuestions().ask if show.step else None
            ask = _ask_passphrase if sys.stdin.isatty() else None
            app = FleetApp(
                journal, transports(clock, ask_passphrase=ask), clock, confirm, wishes
            )
            with _Signals() as signals:
                event = await work(app, signals, shown)
                code = signals.exit_code(event.exit_code)
                return exit_codes.of_run(event) if show.ansible_codes else code

    return asyncio.run(main())


def raise_file_limit() -> None:
    """Raises the soft limit of open files to the hard one: one socket a device."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Signals:
    """Ctrl-C once drains, twice abandons; SIGTERM drains."""

    def __init__(self) -> None:
        self._controller: RunController | None = None
        self._count = 0
        self._terminated = False

    def attach(self, controller: RunController) -> None:
        """Takes the controller that signals go to, also those that came before it."""
        self._controller = controller
        if self._count or self._terminated:
            controller.stop()

    def __enter__(self) -> _Signals:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)

    def exit_code(self, code: int) -> int:
        """Returns 143 for a run that SIGTERM ended, else the run's own code."""
        if self._terminated and code == ExitCode.INTERRUPTED:
            return int(ExitCode.TERMINATED)
        return code

    def _interrupt(self) -> None:
        self._count += 1
        controller = self._controller
        if controller is None:
            return
        if self._count == 1:
            in_flight = controller.stop()
            click.echo(
                f"finishing {in_flight} running device(s), starting none; "
                "Ctrl-C again abandons them (their outcome is then unknown until `resume`)",
                err=True,
            )
        else:
            controller.abandon()

    def _terminate(self) -> None:
        self._terminated = True
        if self._controller is not None:
            self._controller.stop()
