"""What a device program is given to work with: rendering, modules, actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fleetrun.model.module import ModuleSpec
from fleetrun.model.playbook import IncludedRole, Node, Task
from fleetrun.model.result import TaskResult
from fleetrun.model.steps import Upload
from fleetrun.model.values import NO_VARS, Value, Vars
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater
from fleetrun.planning.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionContext:
    """What an action may look at."""

    task: Task
    scope: Scope
    templater: Templater
    check: bool = False
    verbosity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A step's arguments after the controller completed them."""

    args: Mapping[str, Value]
    upload: Upload | None = None


class ControllerAction(Protocol):
    """A task that runs on the controller: no IO, microseconds."""

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> TaskResult:
        """Returns the task's result. Failures are results; it raises
        TemplateError and PendingValueError only."""
        ...


class Preparer(Protocol):
    """Completes a PREPARED module's arguments from the operator's files."""

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments for the device; raises InputError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """Shared by all device programs of a run."""

    templater: Templater
    module: Callable[[str], ModuleSpec | None]
    #: Validates rendered arguments; raises FleetrunError module/bad-arguments.
    coerce: Callable[[ModuleSpec, Mapping[str, Value]], Mapping[str, Value]]
    actions: Mapping[str, ControllerAction] = field(default_factory=dict)
    preparers: Mapping[str, Preparer] = field(default_factory=dict)
    #: Loads an included task file; raises InputError.
    load_tasks: Callable[[str, Task], tuple[Node, ...]] | None = None
    #: Finds a file of variables by its name in folders, and reads it.
    find_vars: Callable[[str, Sequence[str]], str | None] | None = None
    read_vars: Callable[[str], Vars] | None = None
    #: Loads the role of an include_role with rendered arguments; raises InputError.
    load_role: Callable[[Mapping[str, Value], Task], IncludedRole] | None = None
    #: --step: whether a task is wanted; asked when nothing else is out.
    confirm: Callable[[Task], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramOptions:
    """Switches of the run that a program must know."""

    check: bool = False
    diff: bool = False
    verbosity: int = 0
    force_handlers: bool = False
    #: A play gathers no facts of a device whose facts the run has (gathering = smart).
    gathers_once: bool = False
    #: Conditions must give true or false; the templater is told, too.
    strict: bool = False
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    #: --become, --become-user, --become-method: the weakest word.
    become: bool = False
    become_user: str = ""
    become_method: str = ""
    #: Most steps that go in one write.
    max_batch: int = 64
    #: Every device waits for all others after every task. For tests: the
    #: results must be the same.
    lockstep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceVars:
    """The variables of a device that do not change during a play, by level."""

    #: Level 22.
    extra: Vars = field(default_factory=lambda: NO_VARS)
    #: Level 14 and 12.
    play_files: Vars = field(default_factory=lambda: NO_VARS)
    play: Vars = field(default_factory=lambda: NO_VARS)
    #: Levels 15 and 2 of the play's roles.
    role_vars: Vars = field(default_factory=lambda: NO_VARS)
    role_defaults: Vars = field(default_factory=lambda: NO_VARS)
    #: Levels 3 to 10, merged.
    base: Vars = field(default_factory=lambda: NO_VARS)
    #: inventory_hostname, groups …: nothing overrides these.
    magic: Vars = field(default_factory=lambda: NO_VARS)
    #: Where the device is when it reads variables of others.
    view: Viewpoint = field(default_factory=Viewpoint)
    #: Variables of a device delegated to, highest first.
    layers_of: Callable[[str], Sequence[Vars]] = lambda device: ()
