"""A playbook as loaded: inheritance is already resolved onto the tasks.

The loader copies what a task inherits (``when``, ``vars``, ``become``,
``environment``, ``tags`` … of its blocks and play) onto the task itself, so
everything after the loader sees only tasks and the block structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from fleetrun.errors import Mark
from fleetrun.model.role import Role, RoleNames
from fleetrun.model.rollout import GraphEdge, RolloutSpec
from fleetrun.model.values import NO_VARS, Expression, Value, Vars


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopControl:
    """``loop_control:`` of a task."""

    loop_var: str = "item"
    index_var: str = ""
    label: Value = None
    pause_s: float = 0.0
    extended: bool = False
    #: Whether ``ansible_loop`` has ``allitems``.
    extended_allitems: bool = True
    #: Conditions that end the loop after an item when all of them hold.
    break_when: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """``loop:`` or ``with_X:`` of a task."""

    #: A list, or a template that must give one.
    items: Value
    #: ``with_items`` flattens one level and takes a scalar as a list of one.
    flatten: bool = False
    #: The lookup X of another ``with_X``, which finds the items; "" for the others.
    lookup: str = ""
    control: LoopControl = field(default_factory=LoopControl)


@dataclass(frozen=True, slots=True, kw_only=True)
class Become:
    """Privilege escalation as written; each value may be a template.

    None means "not said here"; variables (``ansible_become`` …) beat these.
    """

    enabled: Value = None
    user: Value = None
    method: Value = None
    exe: Value = None
    flags: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task, ready to be programmed for a device."""

    #: Stable within a playbook: "2.tasks.5" = play 2, section, position; a
    #: block adds ".block.0", an included file adds "/" and its own positions.
    id: str
    #: Canonical module name without collection prefix.
    module: str
    #: The module as the playbook calls it; "" for tasks that are in none.
    action: str = ""
    #: Arguments; values may hold templates. Free text is under "_raw_params".
    args: Mapping[str, Value] = field(default_factory=dict)
    name: str = ""
    mark: Mark
    #: ANDed; the blocks' conditions come first.
    when: tuple[Value, ...] = ()
    loop: Loop | None = None
    register: str = ""
    notify: tuple[Value, ...] = ()
    #: Handlers only: topics beside the name.
    listen: tuple[str, ...] = ()
    #: None = not given. Else ANDed expressions (Ansible's rule).
    changed_when: tuple[Value, ...] | None = None
    failed_when: tuple[Value, ...] | None = None
    ignore_errors: Value = False
    ignore_unreachable: Value = False
    #: Another device that the task runs on in place of this one; per loop item.
    delegate_to: Value = None
    delegate_facts: Value = False
    #: Runs on the first device of the batch; all of it get what it registers.
    run_once: Value = False
    #: Most devices that run this task at once; None or 0 = no limit.
    throttle: Value = None
    #: A failure fails all devices of the batch once the task is over on them.
    any_errors_fatal: Value = False
    #: Transport by name, as the keyword says it; None = not said.
    connection: Value = None
    until: tuple[Value, ...] = ()
    retries: Value = None
    delay: Value = None
    #: Outer blocks first, then the task's own (later wins).
    vars_layers: tuple[Vars, ...] = ()
    #: Variables of the includes that brought it in, outer first (level 21).
    param_layers: tuple[Vars, ...] = ()
    #: The role that it is part of.
    role: Role | None = None
    #: Play first, task last (later wins).
    environment: tuple[Value, ...] = ()
    become: Become = field(default_factory=Become)
    remote_user: Value = None
    tags: frozenset[str] = frozenset()
    no_log: Value = False
    check_mode: Value = None
    diff: Value = None
    timeout: Value = None
    #: ``async``: seconds that it may run in the background; None or 0 = it does not.
    async_limit: Value = None
    #: Seconds between looks at it; 0 = nobody waits for it.
    poll: Value = None
    #: Made by the loader (a role's end): always there, never shown or counted.
    is_implicit: bool = False
    #: The folder of its file: relative paths start from it.
    base_dir: str = ""
    #: Folders to look for files in, before the playbook's (rule 38).
    search_dirs: tuple[str, ...] = ()
    #: Variables that nothing overrides: of its role, and ``ansible_search_path``.
    magic: Vars = field(default_factory=lambda: NO_VARS)
    #: For includes: the inherited part to hand to the included tasks (opaque
    #: to everyone but the loader).
    inherited: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """``block:`` with its ``rescue:`` and ``always:``."""

    id: str
    mark: Mark
    name: str = ""
    block: tuple[Node, ...] = ()
    rescue: tuple[Node, ...] = ()
    always: tuple[Node, ...] = ()


Node: TypeAlias = "Task | Block"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncludedRole:
    """What an ``include_role`` brings in."""

    role: Role
    nodes: tuple[Node, ...]
    handlers: tuple[Task, ...]
    #: Its defaults and vars stay visible to the tasks behind it.
    is_public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A variable that the operator is asked for at the start."""

    name: str
    prompt: str
    mark: Mark
    #: None: there is none.
    default: str | None = None
    private: bool = True
    confirm: bool = False
    #: "", sha512_crypt or sha256_crypt.
    encrypt: str = ""
    salt: str = ""
    salt_size: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One play."""

    #: Position in the playbook, from 0.
    index: int
    name: str
    hosts: Value
    mark: Mark
    #: None = not said, which is for the invocation to decide.
    gather_facts: Value = None
    #: gather_subset, gather_timeout and fact_path, where given: for `setup`.
    gather_args: Vars = field(default_factory=lambda: NO_VARS)
    vars: Vars = field(default_factory=lambda: NO_VARS)
    #: Contents of vars_files, merged in order (later wins).
    file_vars: Vars = field(default_factory=lambda: NO_VARS)
    #: vars_files where names hold templates: of each entry the first there is.
    #: Found for each device when it needs them; `file_vars` is empty then.
    vars_files: tuple[tuple[Value, ...], ...] = ()
    prompts: tuple[Prompt, ...] = ()
    #: Levels 2 and 15 of its static roles (rule 35).
    role_defaults: Vars = field(default_factory=lambda: NO_VARS)
    role_vars: Vars = field(default_factory=lambda: NO_VARS)
    role_names: RoleNames = field(default_factory=RoleNames)
    pre_tasks: tuple[Node, ...] = ()
    tasks: tuple[Node, ...] = ()
    post_tasks: tuple[Node, ...] = ()
    #: Those of its roles come before its own.
    handlers: tuple[Task, ...] = ()
    rollout: RolloutSpec = field(default_factory=RolloutSpec)
    graph: tuple[GraphEdge, ...] = ()
    become: Become = field(default_factory=Become)
    remote_user: Value = None
    connection: Value = None
    #: The SSH port, where no variable says it.
    port: Value = None
    environment: tuple[Value, ...] = ()
    tags: frozenset[str] = frozenset()
    #: linear | free | host_pinned
    strategy: str = "linear"
    force_handlers: bool = False
    any_errors_fatal: bool = False
    #: Source folder, for files/ and templates/.
    base_dir: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A playbook file and everything it pulls in statically."""

    path: str
    plays: tuple[Play, ...]
    #: sha256 of every file read, by path: `resume` and `apply` compare it.
    file_hashes: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


__all__ = [
    "Become", "Block", "Expression", "IncludedRole", "Loop", "LoopControl", "Node", "Play",
    "Playbook", "Prompt", "Task",
]
