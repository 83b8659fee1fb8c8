"""Lists of tasks: blocks, handlers, imports and includes become nodes.

What a task inherits is resolved onto it here, so that nobody after the loader
has to know about plays and blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fleetrun.errors import Problem
from fleetrun.loading.actions import (
    INCLUDES,
    OLDER_NOTATION,
    Action,
    ModuleLookup,
    find_action,
    spec_of,
)
from fleetrun.loading.arguments import read_args
from fleetrun.loading.conditions import read_conditions
from fleetrun.loading.defaults import complain_unknown
from fleetrun.loading.fields import (
    Field,
    did_you_mean,
    is_keyword,
    keywords,
    read_names,
    read_number,
    read_text,
    read_variable_name,
    read_vars,
    type_name,
)
from fleetrun.loading.imports import Imports
from fleetrun.loading.inherit import Inherited, inherit
from fleetrun.loading.loops import read_loop
from fleetrun.loading.place import Place
from fleetrun.loading.role_files import RoleFinder
from fleetrun.loading.roles import RoleReader
from fleetrun.loading.schema import KEYWORDS, META_ACTIONS, Level
from fleetrun.loading.sources import Sources
from fleetrun.loading.statics import Statics
from fleetrun.model.playbook import Block, Node, Task
from fleetrun.model.values import NO_VARS, Value, Vars

#: Blocks and imports inside each other; keeps recursion far from Python's limit.
MAX_NESTING: Final = 64
MAX_TASKS: Final = 50_000

_BLOCK_KEYS = frozenset({"block", "rescue", "always"})
_INCLUDES = {"include_tasks": Level.INCLUDE_TASKS, "include_role": Level.INCLUDE_ROLE}
_IMPORTS = {"import_tasks": Level.IMPORT_TASKS, "import_role": Level.IMPORT_ROLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the loader knows beside the playbook."""

    statics: Statics
    roles: RoleFinder


_NOTHING_AROUND = Around(statics=Statics(), roles=RoleFinder())


class TaskReader:
    """Reads task lists and collects what is wrong with them."""

    def __init__(
        self, modules: ModuleLookup, sources: Sources, problems: list[Problem],
        around: Around = _NOTHING_AROUND,
    ) -> None:
        #: Every ``notify:`` seen, to be compared with the play's handlers.
        self.notified: list[Field] = []
        self._modules = modules
        self._statics = around.statics
        self._count = 0
        self._magic: dict[tuple[int, str, str], Vars] = {}
        self.roles = RoleReader(self, sources, around.statics, around.roles)
        self.imports = Imports(self, sources, around.statics, self.roles, problems)

    def read_nodes(self, field: Field, outer: Inherited, place: Place) -> tuple[Node, ...]:
        """The tasks and blocks of a list; () when it is empty."""
        if field.value is None:
            return ()
        if not isinstance(field.value, list):
            field.complain(
                "input/type", f"`{field.key}` must be a list of tasks, "
                f"not {type_name(field.value)}", hint="begin each task with `- `",
            )
            return ()
        if place.depth > MAX_NESTING:
            field.complain(
                "input/nesting", f"blocks and imports are nested deeper than {MAX_NESTING}",
                hint="flatten this structure",
            )
            return ()
        nodes: list[Node] = []
        for index, child in enumerate(field.children()):
            nodes.extend(self._read_node(child, outer, place, f"{place.prefix}{index}"))
        return tuple(nodes)

    def _read_node(
        self, field: Field, outer: Inherited, place: Place, node_id: str
    ) -> tuple[Node, ...]:
        self._count += 1
        if self._count > MAX_TASKS:
            if self._count == MAX_TASKS + 1:
                field.complain("input/too-many-tasks", f"more than {MAX_TASKS} tasks")
            return ()
        if not isinstance(field.value, dict):
            field.complain(
                "input/type", f"a task must be a mapping, not {type_name(field.value)}",
                hint="write `- MODULE: ARGUMENTS`",
            )
            return ()
        if _BLOCK_KEYS & field.value.keys():
            return self._read_block(field, outer, place, node_id)
        action = find_action(field, self._modules, _what(field))
        if action is None:
            return ()
        if action.module in _IMPORTS:
            return self._import(field, action, outer, place, node_id)
        task = self._read_task(field, action, outer, place, node_id)
        return () if task is None else (task,)

    # -- blocks ---------------------------------------------------------------

    def _read_block(
        self, field: Field, outer: Inherited, place: Place, node_id: str
    ) -> tuple[Node, ...]:
        what = _what(field, "block")
        keys = keywords(field, Level.BLOCK, what)
        self._note_notify(keys)
        inner = inherit(outer, keys)
        if "block" not in field.value:  # type: ignore[operator]  # a mapping, see caller
            field.complain("input/block", f"{what} has `rescue` or `always` but no `block`")
        parts = {
            name: self.read_nodes(keys[name], inner, place.inside(f"{node_id}.{name}."))
            for name in ("block", "rescue", "always") if name in keys
        }
        if outer.is_handler:
            # Each task of it is a handler of its own, as in Ansible.
            return tuple(node for nodes in parts.values() for node in nodes)
        name = read_text(keys["name"]) if "name" in keys else ""
        return (Block(
            id=node_id, mark=field.mark, name=name, block=parts.get("block", ()),
            rescue=parts.get("rescue", ()), always=parts.get("always", ()),
        ),)

    # -- tasks ------------------------------------------------------------------

    def _read_task(
        self, field: Field, action: Action, outer: Inherited, place: Place, task_id: str
    ) -> Task | None:
        what = _what(field, "handler" if outer.is_handler else "task")
        level = Level.HANDLER if outer.is_handler else Level.TASK
        level = _INCLUDES.get(action.module, level)
        keys = self._keys(field, action, level, what)
        spec = spec_of(action, self._modules)
        if spec is None:
            return None
        own = inherit(outer, keys)
        complain_unknown(own.module_defaults, self._modules.names())
        args = read_args(action, spec, keys.get("args"), own.module_defaults.get(action.module))
        task = self._build(keys, action, args, own, task_id, field)
        task = self._placed(task, outer, place)
        if action.field.pointer[-1] == "local_action":
            task = replace(task, delegate_to="localhost")
        if action.module in _INCLUDES:
            own_vars = read_vars(keys["vars"]) if "vars" in keys else NO_VARS
            take = self.imports.include_tasks
            if action.module == "include_role":
                take = self.imports.include_role
            return take(task, action, keys.get("args"), outer, own_vars)
        if action.module == "meta":
            _check_meta(task, action)
        return task

    def _placed(self, task: Task, outer: Inherited, place: Place) -> Task:
        """`task` with the role and the folders that it belongs to."""
        role = outer.role
        base = str(Path(place.base_dir).absolute())
        play_dir = str(Path(outer.play_dir).absolute())
        search = dict.fromkeys([*(role.search_dirs if role else ()), base, play_dir])
        key = (id(role), base, outer.play_dir)
        if key not in self._magic:
            self._magic[key] = {
                **(role.magic() if role else {}), "ansible_search_path": list(search),
            }
        return replace(
            task, base_dir=place.base_dir, role=role, search_dirs=tuple(search),
            magic=self._magic[key], param_layers=outer.param_layers,
        )

    def _import(
        self, field: Field, action: Action, outer: Inherited, place: Place, node_id: str
    ) -> tuple[Node, ...]:
        """The tasks that an import_tasks or import_role stands for."""
        keys = self._keys(field, action, _IMPORTS[action.module], _what(field))
        args = read_args(action, INCLUDES[action.module], keys.get("args"))
        inner = inherit(outer, keys)
        take = self.imports.import_tasks
        if action.module == "import_role":
            take = self.imports.import_role
        return take(action, args, inner, place, node_id)

    def _keys(self, field: Field, action: Action, level: Level, what: str) -> dict[str, Field]:
        """The task's keywords without its module."""
        module_key = action.field.pointer[len(field.pointer)]
        table = KEYWORDS[level]
        found: dict[str, Field] = {}
        for child in field.children():
            name = child.pointer[-1]
            if name == module_key and (name not in table or name in OLDER_NOTATION):
                continue
            is_known = self._is_own_loop(name, table) or is_keyword(child, level, what)
            if is_known and child.value is not None:
                found[str(name)] = child
        self._note_notify(found)
        return found

    def _is_own_loop(self, name: object, table: Mapping[str, object]) -> bool:
        """True for the ``with_X`` of an operator's own lookup X."""
        if not isinstance(name, str) or name in table or "with_items" not in table:
            return False
        return name.startswith("with_") and self._statics.has_lookup(name.removeprefix("with_"))

    def _note_notify(self, keys: dict[str, Field]) -> None:
        if "notify" in keys:
            field = keys["notify"]
            self.notified += field.children() if isinstance(field.value, list) else [field]

    @staticmethod
    def _build(
        keys: dict[str, Field], action: Action, args: Mapping[str, Value], own: Inherited,
        task_id: str, field: Field,
    ) -> Task:
        conditions = {
            name: read_conditions(keys[name]) or None
            for name in ("changed_when", "failed_when") if name in keys
        }
        return Task(
            id=task_id, module=action.module, action=action.written, args=args, mark=field.mark,
            name=read_text(keys["name"]) if "name" in keys else "",
            when=own.when, loop=read_loop(keys),
            register=read_variable_name(keys["register"]) if "register" in keys else "",
            notify=own.notify,
            listen=read_names(keys["listen"], is_static=True) if "listen" in keys else (),
            changed_when=conditions.get("changed_when"), failed_when=conditions.get("failed_when"),
            ignore_errors=own.ignore_errors, ignore_unreachable=own.ignore_unreachable,
            delegate_to=own.delegate_to, delegate_facts=own.delegate_facts,
            run_once=own.run_once, throttle=own.throttle,
            any_errors_fatal=own.any_errors_fatal, connection=own.connection,
            until=read_conditions(keys["until"]) if "until" in keys else (),
            retries=read_number(keys["retries"], least=0) if "retries" in keys else None,
            delay=read_number(keys["delay"]) if "delay" in keys else None,
            vars_layers=own.vars_layers, environment=own.environment, become=own.become,
            remote_user=own.remote_user, tags=own.tags, no_log=own.no_log,
            check_mode=own.check_mode, diff=own.diff, timeout=own.timeout,
            async_limit=read_number(keys["async"], least=0) if "async" in keys else None,
            poll=read_number(keys["poll"], least=0) if "poll" in keys else None,
        )


def _check_meta(task: Task, action: Action) -> None:
    verb = str(task.args.get("_raw_params", "")).strip()
    allowed = [name for name, is_supported in META_ACTIONS.items() if is_supported]
    if META_ACTIONS.get(verb) is False:
        action.field.complain(
            "input/unsupported-keyword", f"`meta: {verb}` is not supported yet", allowed=allowed,
            hint="remove this task",
        )
    elif verb not in META_ACTIONS:
        action.field.complain(
            "input/unknown-value", f"unknown action `{verb}` for `meta`",
            label=did_you_mean(verb, META_ACTIONS), allowed=allowed,
        )


def _what(field: Field, noun: str = "task") -> str:
    name = field.value.get("name") if isinstance(field.value, dict) else None
    return f"{noun} `{name}`" if isinstance(name, str) and name else f"this {noun}"
