"""`fleetrun`: the command line's entry, error printing and exit codes.

Commands are imported when they are used: `fleetrun --help` must stay quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import click
from typing_extensions import override

from fleetrun import __version__
from fleetrun.errors import ExitCode, FleetrunError, InputError

#: command -> (module, one line of help). The module defines `command`.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("fleetrun.cli.run", "Run a playbook on the devices it selects."),
    "playbook": ("fleetrun.cli.playbook", "As `run`, with ansible-playbook's flags and output."),
    "exec": ("fleetrun.cli.exec", "Run one command or module on devices, ad hoc."),
    "diagnose": ("fleetrun.cli.diagnose", "Look whether devices are well."),
    "plan": ("fleetrun.cli.plan", "Show what a run would do: stages, waves, counts."),
    "graph": ("fleetrun.cli.graph", "Draw which groups of devices wait for which."),
    "simulate": ("fleetrun.cli.simulate", "Play a rollout in virtual time: stages, time, reach."),
    "apply": ("fleetrun.cli.apply", "Run a plan that `plan -o` saved; a stale one is refused."),
    "resume": ("fleetrun.cli.resume", "Go on with a run that was interrupted."),
    "approve": ("fleetrun.cli.approve", "Let a stage go on that waits for approval."),
    "pause": ("fleetrun.cli.pause", "Start no more devices of a run until `promote`."),
    "promote": ("fleetrun.cli.promote", "Let a run go on: ends a pause, a soak, a wait."),
    "abort": ("fleetrun.cli.abort", "Start no more devices of a run, for good."),
    "replay": ("fleetrun.cli.replay", "Derive a run's decisions again from its journal."),
    "retry": ("fleetrun.cli.retry", "Run again on the devices that did not make it."),
    "runs": ("fleetrun.cli.runs", "List runs, show one."),
    "inventory": ("fleetrun.cli.inventory", "List, draw and show devices and groups."),
    "vault": ("fleetrun.cli.vault", "Encrypt, decrypt, view and edit Ansible Vault files."),
    "lint": ("fleetrun.cli.lint", "Say what of a playbook will not run, and what will bite."),
    "schema": ("fleetrun.cli.schema", "Print a JSON Schema of playbooks, for editors."),
    "config": ("fleetrun.cli.config", "Show settings and where they come from."),
    "doc": ("fleetrun.cli.doc", "Show the documentation of modules and keywords."),
    "doctor": ("fleetrun.cli.doctor", "Check this machine and the journal."),
    "bastion": ("fleetrun.cli.bastion", "Reverse tunnels: devices dial out, you dial devices."),
    "enroll": ("fleetrun.cli.enroll", "Make the key of a device and the files it dials out with."),
    "lab": ("fleetrun.cli.lab", "Simulated devices on this machine."),
    "demo": ("fleetrun.cli.demo", "A rollout on a simulated fleet, from start to halt."),
    "completion": ("fleetrun.cli.completion", "Print a shell completion script."),
}

EXAMPLES: Final = """\b
Examples:
  fleetrun demo
  fleetrun run playbooks/app-update.yml -i inventories/fleet.yml
  fleetrun exec gateways -i inventories/fleet.yml -- uname -r

\b
Exit codes: 0 all ok, 1 internal error, 2 wrong input, 3 a device failed,
4 only unreachable, 5 halted by a gate, 6 changes pending (plan --exit-code),
7 an outcome is unknown (resume), 8 locked, 9 preflight failed, 130 interrupted.
"""


#: Commands whose flags have their defaults from configuration files.
_CONFIGURED: Final = frozenset(
    {
        "run", "playbook", "exec", "diagnose", "plan", "graph", "simulate", "resume", "retry",
        "apply", "inventory", "vault",
    }
)
#: Groups, and what their verbs take from there: their `--output` is a file.
_GROUPS: Final = frozenset({"inventory", "vault"})
_OF_GROUPS: Final = frozenset({"inventories", "vault_ids", "vault_password_files",
                               "ask_vault_pass"})


class LazyGroup(click.Group):
    """A group that imports a command when it is used."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns all names, in the order of the table."""
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command, None when there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = importlib.import_module(entry[0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry[0]}.command is no command")
        return command

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; an unknown name gets a suggestion."""
        name = args[0] if args else ""
        if name and name not in COMMANDS and not name.startswith("-"):
            close = get_close_matches(name, COMMANDS, 1)
            suggestion = f" Did you mean `{close[0]}`?" if close else ""
            raise click.UsageError(f"no such command `{name}`.{suggestion}", ctx)
        if name in _CONFIGURED and not {"-h", "--help"}.intersection(args):
            _configure(ctx, name)
            if name in _GROUPS:
                _pass_on(ctx, name, self.get_command(ctx, name))
        return super().resolve_command(ctx, args)

    @override
    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a reader that went away (``| head``) is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is still buffered would fail again when Python flushes it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return int(ExitCode.OK)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _configure(ctx: click.Context, name: str) -> None:
    """Gives a command's flags the defaults that files and environment set."""
    from pathlib import Path  # noqa: PLC0415  # keeps --help quick

    from fleetrun.config import read_config  # noqa: PLC0415

    config = read_config(os.environ, cwd=Path.cwd(), home=Path.home())
    for warning in config.warnings:
        click.echo(f"warning: {warning}", err=True)
    defaults = config.defaults()
    if "output" not in defaults:
        if config.callback is not None:
            defaults["output"] = config.callback.value
        elif name == "playbook":
            defaults["output"] = "ansible"
    ctx.obj = config
    ctx.default_map = {name: defaults}


def _pass_on(ctx: click.Context, name: str, group: click.Command | None) -> None:
    """Gives the defaults of a group to each of its verbs."""
    verbs = group.list_commands(ctx) if isinstance(group, click.Group) else []
    defaults = {
        param: value for param, value in ctx.default_map[name].items() if param in _OF_GROUPS
    } if ctx.default_map else {}
    spellings = {*verbs, *(verb.replace("-", "_") for verb in verbs)}
    ctx.default_map = {name: dict.fromkeys(spellings, defaults)}


@click.group(
    cls=LazyGroup, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="fleetrun")
def cli() -> None:
    """Agentless orchestration for fleets of Linux devices, over SSH."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    from fleetrun.cli import exit_codes  # noqa: PLC0415  # keeps --help quick

    words = sys.argv[1:] if argv is None else list(argv)
    if not exit_codes.is_asked(words):
        return _main(argv)[0]
    code, error = _main(argv)
    return int(exit_codes.of_code(code) if error is None else exit_codes.of_error(error))


def _main(argv: Sequence[str] | None) -> tuple[int, BaseException | None]:
    """Returns the exit code, and what ended the command before its end."""
    try:
        result: Any = cli.main(
            args=None if argv is None else list(argv), prog_name="fleetrun", standalone_mode=False
        )
    except (click.Abort, KeyboardInterrupt) as error:
        return _say("interrupted", ExitCode.INTERRUPTED), error
    except click.ClickException as error:
        return _usage(error), error
    except FleetrunError as error:
        return _fail(error), error
    except Exception as error:  # noqa: BLE001  # the last boundary: a bug is said, not thrown
        return _bug(error), error
    return result or 0, None


def _say(message: str, code: ExitCode) -> int:
    click.echo(message, err=True)
    return int(code)


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "fleetrun"
    message = error.format_message()
    if message.startswith("Usage:"):
        # A group without a command: click's message is the whole help.
        return _say(message, ExitCode.INPUT)
    click.echo(f"error[usage]: {message}", err=True)
    click.echo(f"  next: {command} --help", err=True)
    return int(ExitCode.INPUT)


def _fail(error: FleetrunError) -> int:
    if isinstance(error, InputError):
        from fleetrun.app.terminal import wants_colour  # noqa: PLC0415  # keeps --help quick
        from fleetrun.cli.problems import render_problems  # noqa: PLC0415

        text = render_problems(error, color=wants_colour(sys.stderr))
        click.echo(_without_secrets(text), err=True, nl=False)
        return int(error.exit_code)
    click.echo(_without_secrets(f"error[{error.kind}]: {error.message}"), err=True)
    if error.hint:
        click.echo(_without_secrets(f"  help: {error.hint}"), err=True)
    return int(error.exit_code)


def _without_secrets(text: str) -> str:
    """The text without what a vault held; without a vault there is nothing to load."""
    vault = sys.modules.get("fleetrun.app.vault")
    return str(vault.without_secrets(text)) if vault else text


def _bug(error: Exception) -> int:
    import traceback  # noqa: PLC0415  # only for a bug

    click.echo(_without_secrets("".join(traceback.format_exception(error))), err=True)
    click.echo(
        _without_secrets(f"error[internal]: {type(error).__name__}: {error}") + "\n"
        "  this is a bug in fleetrun; please report it with the lines above\n"
        "  next: fleetrun doctor",
        err=True,
    )
    return int(ExitCode.INTERNAL)


if __name__ == "__main__":
    sys.exit(main())
