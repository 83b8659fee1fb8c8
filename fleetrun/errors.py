"""The error tree: every error that leaves fleetrun is a `FleetrunError`.

An error has a *kind* (a stable machine name such as ``input/unknown-keyword``),
a message for a person and a hint that says what to do next. Foreign errors
(asyncssh, sqlite3, yaml, OSError) are converted where they enter, at one
boundary per library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from typing_extensions import override


class ExitCode(IntEnum):
    """Exit codes of the command line. Source: design, "Exit codes"."""

    OK = 0
    INTERNAL = 1
    INPUT = 2
    FAILED = 3
    UNREACHABLE = 4
    HALTED = 5
    CHANGES = 6
    UNKNOWN = 7
    LOCKED = 8
    PREFLIGHT = 9
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in an operator's file; line and column count from 1."""

    file: str
    line: int
    column: int = 1
    #: Number of characters to underline, at least 1.
    length: int = 1

    @override
    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in the operator's input."""

    #: Stable machine name, e.g. ``input/unknown-keyword``.
    kind: str
    message: str
    mark: Mark | None = None
    #: Shown under the caret, e.g. "did you mean `retries`?".
    label: str = ""
    #: What to do; one sentence, may name a command.
    hint: str = ""
    #: Allowed names, shown when the name was unknown.
    allowed: tuple[str, ...] = ()


class FleetrunError(Exception):
    """Base of all errors that leave fleetrun."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, message: str, *, kind: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.hint = hint


class InputError(FleetrunError):
    """The operator's input is wrong; nothing was contacted.

    Carries every problem that was found, in file order.
    """

    exit_code = ExitCode.INPUT

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        where = f"{first.mark}: " if first.mark else ""
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{where}{first.message}{more}", kind=first.kind, hint=first.hint)
        self.problems = tuple(problems)


class UsageError(FleetrunError):
    """A command-line flag or argument is wrong."""

    exit_code = ExitCode.INPUT


class PreflightError(FleetrunError):
    """The controller is not fit to run (state folder, file limits, tools)."""

    exit_code = ExitCode.PREFLIGHT


class JournalError(FleetrunError):
    """The journal cannot be read or written."""

    exit_code = ExitCode.PREFLIGHT


class LockedError(FleetrunError):
    """Another run holds the run or the device."""

    exit_code = ExitCode.LOCKED


class ConnectError(FleetrunError):
    """No session could be made; no command of ours ran on the device.

    Kinds: ``connect/timeout``, ``connect/refused``, ``connect/no-route``,
    ``connect/dns``, ``connect/banner``, ``connect/login-timeout``,
    ``connect/closed``, ``connect/auth``, ``connect/host-key``,
    ``connect/algorithms``, ``connect/protocol``, ``connect/resources``,
    ``connect/become``, ``connect/bastion``, ``connect/no-tunnel``,
    ``connect/tunnel-down``.
    """

    exit_code = ExitCode.UNREACHABLE

    @property
    def is_transient(self) -> bool:
        """True when the same attempt may succeed later without a change."""
        return self.kind not in {
            "connect/auth", "connect/host-key", "connect/algorithms", "connect/become",
        }


class LinkLostError(FleetrunError):
    """The link went away after the session was made.

    What ran on the device is unknown until its receipts are read.
    Kinds: ``lost/reset``, ``lost/closed``, ``lost/keepalive``,
    ``lost/garbage`` (the device's stream is not our protocol),
    ``lost/bastion`` (the bastion in between),
    ``lost/shell-died`` (our shell ended on the device), ``lost/timeout``.
    """

    exit_code = ExitCode.UNKNOWN


class TemplateError(FleetrunError):
    """A template could not be rendered for one device.

    Kinds: ``template/undefined``, ``template/syntax``, ``template/loop``,
    ``template/budget``, ``template/type``, ``template/value``.
    """

    exit_code = ExitCode.FAILED

    def __init__(
        self, message: str, *, kind: str, hint: str = "", mark: Mark | None = None
    ) -> None:
        super().__init__(message, kind=kind, hint=hint)
        self.mark = mark
