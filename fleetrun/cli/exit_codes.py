"""``--ansible-exit-codes``: the codes that Ansible's programs end with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

import click

from fleetrun.errors import ExitCode, FleetrunError, InputError, UsageError
from fleetrun.model.events import RunFinished
from fleetrun.model.result import Outcome

FLAG: Final = "--ansible-exit-codes"
_NO: Final = {"", "0", "no", "false", "off"}

#: Codes of commands that ended by themselves. Source: ansible-core's ExitCode.
_CODES: Final[Mapping[int, int]] = {
    ExitCode.OK: 0, ExitCode.INTERNAL: 250, ExitCode.INPUT: 4, ExitCode.FAILED: 2,
    ExitCode.UNREACHABLE: 4, ExitCode.HALTED: 2, ExitCode.CHANGES: 0, ExitCode.UNKNOWN: 4,
    ExitCode.LOCKED: 1, ExitCode.PREFLIGHT: 1, ExitCode.INTERRUPTED: 99,
}


class AnsibleCode(int):
    """An exit code that is Ansible's already."""


def is_asked(argv: Sequence[str]) -> bool:
    """True when the command line or the environment asks for Ansible's codes."""
    words = argv[: argv.index("--")] if "--" in argv else argv
    return FLAG in words or os.environ.get("FLEETRUN_ANSIBLE_EXIT_CODES", "").lower() not in _NO


def of_run(event: RunFinished) -> AnsibleCode:
    """Returns the code of a run: unreachable beats failed, as Ansible has it (rule 12)."""
    if event.exit_code in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}:
        return AnsibleCode(99)
    seen = set(event.outcomes.values())
    if seen & {Outcome.UNREACHABLE, Outcome.UNKNOWN}:
        return AnsibleCode(4)
    if Outcome.FAILED in seen or event.exit_code == ExitCode.HALTED:
        return AnsibleCode(2)
    return of_code(event.exit_code)


def of_code(code: int) -> AnsibleCode:
    """Returns Ansible's code for one of ours."""
    return code if isinstance(code, AnsibleCode) else AnsibleCode(_CODES.get(code, code))


def of_error(error: BaseException) -> AnsibleCode:
    """Returns the code for what ended a command."""
    if isinstance(error, (click.ClickException, UsageError)):
        # The argument parser says 2; an option that makes no sense is 5.
        return AnsibleCode(2 if isinstance(error, click.ClickException) else 5)
    if isinstance(error, InputError):
        return AnsibleCode(1 if error.kind in _NOT_PARSED else 4)
    if isinstance(error, FleetrunError):
        return of_code(int(error.exit_code))
    return AnsibleCode(99 if isinstance(error, (KeyboardInterrupt, click.Abort)) else 250)


#: What Ansible meets after parsing: a general error.
_NOT_PARSED: Final = frozenset({"input/missing-file", "input/empty-selection"})
