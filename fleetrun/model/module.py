"""Module specifications: what the ``<name>.yml`` beside a module says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleetrun.model.values import Value


class ArgType(StrEnum):
    """Types of module arguments; the coercions are Ansible's."""

    STR = "str"
    PATH = "path"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    LIST = "list"
    DICT = "dict"
    #: A file mode: octal text such as "0644" or symbolic such as "u=rw,g=r".
    MODE = "mode"
    RAW = "raw"


class ModuleKind(StrEnum):
    """Where a task's work happens, which decides whether it can be pipelined."""

    #: A shell program on the device; arguments go as they are.
    DEVICE = "device"
    #: A shell program on the device whose arguments the controller completes
    #: first (copy, template, script: file contents).
    PREPARED = "prepared"
    #: Controller only, no IO, microseconds (debug, set_fact, assert, fail).
    CONTROLLER = "controller"
    #: A dialogue between controller and device (reboot, fetch, pause,
    #: wait_for_connection): never pipelined.
    DIALOGUE = "dialogue"
    #: Changes the program itself (include_tasks).
    INCLUDE = "include"


class CheckMode(StrEnum):
    """What a module does under --check."""

    #: Says truly whether it would change anything, and touches nothing.
    FULL = "full"
    #: Is skipped (command, shell, raw, script).
    SKIP = "skip"
    #: Never changes anything, so it runs as always (stat, setup, ping).
    READ_ONLY = "read_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgSpec:
    """One argument of a module."""

    name: str
    type: ArgType = ArgType.STR
    required: bool = False
    default: Value = None
    #: Allowed values; of each element of a list, of each key of a mapping.
    choices: tuple[Value, ...] = ()
    aliases: tuple[str, ...] = ()
    #: Type of the elements when `type` is LIST.
    elements: ArgType = ArgType.STR
    #: Never logged.
    secret: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSpec:
    """A module: its schema, documentation and how it may be run."""

    name: str
    #: Folder under modules/, e.g. ``files``; "" for a user's module.
    family: str
    summary: str
    kind: ModuleKind = ModuleKind.DEVICE
    args: Mapping[str, ArgSpec] = field(default_factory=dict)
    #: True when free text is allowed after the module's name (command, shell…).
    free_form: bool = False
    #: Running it twice has the effect of running it once; otherwise it is run
    #: detached, under a receipt, and never repeated silently.
    idempotent: bool = True
    #: It may run for minutes, so it is run detached too.
    long: bool = False
    check_mode: CheckMode = CheckMode.FULL
    diff: bool = False
    #: Tools that must be on the device, checked before any change.
    needs: tuple[str, ...] = ()
    #: Groups of arguments of which at most one may be given.
    exclusive: tuple[tuple[str, ...], ...] = ()
    #: Groups of arguments of which at least one must be given.
    one_of: tuple[tuple[str, ...], ...] = ()
    #: The program, POSIX sh; "" for modules that live on the controller.
    program: str = ""
    #: Documentation: key -> sentence.
    returns: Mapping[str, str] = field(default_factory=dict)
    examples: str = ""
    notes: tuple[str, ...] = ()
