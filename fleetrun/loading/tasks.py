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
from fleetrun.loading.fields import (
    Field,
    did_you_mean,
    is_keyword,
    keywords,
    read_names,
    read_number,
    read_text,
    read_variable_name,
    type_name,
)
from fleetrun.loading.inherit import Inherited, inherit
from fleetrun.loading.loops import read_loop
from fleetrun.loading.schema import KEYWORDS, META_ACTIONS, Level
from fleetrun.loading.sources import Sources, candidates, find_file, is_file
from fleetrun.model.playbook import Block, Node, Task
from fleetrun.model.values import TemplateText, Value

#: Blocks and imports inside each other; keeps recursion far from Python's limit.
MAX_NESTING: Final = 64
MAX_TASKS: Final = 50_000

_BLOCK_KEYS = frozenset({"block", "rescue", "always"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a list of tasks stands."""

    #: Begin of the ids of its tasks, with the separator: ``2.tasks.``.
    prefix: str
    #: Folder of the file.
    base_dir: str
    #: Files being imported, outermost first.
    chain: tuple[str, ...] = ()
    depth: int = 0

    def inside(self, prefix: str) -> Place:
        """A list of tasks within a block of this one."""
        return replace(self, prefix=prefix, depth=self.depth + 1)


class TaskReader:
    """Reads task lists and collects what is wrong with them."""

    def __init__(
        self, modules: ModuleLookup, sources: Sources, problems: list[Problem],
    ) -> None:
        self.warnings: list[str] = []
        #: Every ``notify:`` seen, to be compared with the play's handlers.
        self.notified: list[Field] = []
        self._modules = modules
        self._sources = sources
        self._problems = problems
        self._count = 0
        self._checked: set[str] = set()
        self._unchecked: list[tuple[Path, Task]] = []

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

    def check_includes(self) -> None:
        """Reads the files of ``include_tasks`` that are known by name already.

        Their mistakes are then found before any device is contacted.
        """
        while self._unchecked:
            path, include = self._unchecked.pop()
            field = self._sources.open(path, self._problems)
            if field is not None:
                self.read_nodes(field, *included_place(path, include))

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
        if action.module == "import_tasks":
            return self._import_tasks(field, action, outer, place, node_id)
        task = self._read_task(field, action, outer, place, node_id)
        return () if task is None else (task,)

    # -- blocks ---------------------------------------------------------------

    def _read_block(
        self, field: Field, outer: Inherited, place: Place, node_id: str
    ) -> tuple[Node, ...]:
        if outer.is_handler:
            field.complain(
                "input/unsupported-keyword", "a handler cannot be a block",
                hint="write each task of the block as a handler that listens to one topic",
            )
            return ()
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
        if action.module == "include_tasks":
            level = Level.INCLUDE_TASKS
        keys = self._keys(field, action, level, what)
        spec = spec_of(action, self._modules)
        if spec is None:
            return None
        args = read_args(action, spec, keys.get("args"))
        task = self._build(keys, action, args, inherit(outer, keys), task_id, field)
        task = replace(task, base_dir=place.base_dir)
        if action.field.pointer[-1] == "local_action":
            task = replace(task, delegate_to="localhost")
        if action.module == "include_tasks":
            return self._include(task, action, outer)
        if action.module == "meta":
            _check_meta(task, action)
        return task

    def _keys(self, field: Field, action: Action, level: Level, what: str) -> dict[str, Field]:
        """The task's keywords without its module."""
        module_key = action.field.pointer[len(field.pointer)]
        table = KEYWORDS[level]
        found: dict[str, Field] = {}
        for child in field.children():
            name = child.pointer[-1]
            if name == module_key and (name not in table or name in OLDER_NOTATION):
                continue
            if is_keyword(child, level, what) and child.value is not None:
                found[str(name)] = child
        self._note_notify(found)
        return found

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
            id=task_id, module=action.module, args=args, mark=field.mark,
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
        )

    # -- other files ------------------------------------------------------------

    def _import_tasks(
        self, field: Field, action: Action, outer: Inherited, place: Place, node_id: str
    ) -> tuple[Node, ...]:
        keys = self._keys(field, action, Level.IMPORT_TASKS, _what(field))
        args = read_args(action, INCLUDES["import_tasks"], keys.get("args"))
        inner = inherit(outer, keys)
        name = _file_name(args, action)
        if isinstance(name, TemplateText):
            action.field.complain(
                "input/template-not-allowed", "`import_tasks` needs a file name without a template",
                label="known only when the playbook runs", hint="use `include_tasks`",
            )
            return ()
        path = name and find_file(
            name, [place.base_dir, outer.play_dir], self._problems, action.field.mark
        )
        if not path:
            return ()
        resolved = str(path.resolve())
        if resolved in place.chain:
            action.field.complain(
                "input/import-cycle", f"`{name}` imports itself",
                hint=" -> ".join([*place.chain[place.chain.index(resolved):], resolved]),
            )
            return ()
        content = self._sources.open(path, self._problems)
        if content is None:
            return ()
        there = Place(
            prefix=f"{node_id}/", base_dir=str(path.parent), chain=(*place.chain, resolved),
            depth=place.depth + 1,
        )
        return self.read_nodes(content, inner, there)

    def _include(self, task: Task, action: Action, outer: Inherited) -> Task:
        name = _file_name(task.args, action)
        task = replace(
            task, args={"_raw_params": name},
            inherited=replace(outer, vars_layers=task.vars_layers, is_handler=False),
        )
        if name and not isinstance(name, TemplateText):
            tried = candidates(name, [task.base_dir, outer.play_dir])
            path = next((one for one in tried if is_file(one)), None)
            if path is None:
                looked = ", ".join(str(one) for one in tried)
                self.warnings.append(
                    f"{action.field.mark}: there is no file `{name}` to include "
                    f"(looked for {looked})"
                )
            elif str(path) not in self._checked:
                self._checked.add(str(path))
                self._unchecked.append((path, task))
        return task


def included_place(path: Path, include: Task) -> tuple[Inherited, Place]:
    """What the tasks of an included file inherit, and where they stand."""
    inherited = include.inherited
    if not isinstance(inherited, Inherited):
        raise TypeError(f"task {include.id} was not made by this loader")
    # The include's layers may have grown by the item of a loop around it.
    outer = replace(inherited, vars_layers=include.vars_layers)
    return outer, Place(prefix=f"{include.id}/", base_dir=str(path.parent))


def _file_name(args: Mapping[str, Value], action: Action) -> str:
    """The file of an include or import; "" after a complaint."""
    if "apply" in args:
        action.field.complain(
            "input/unsupported-keyword", f"`apply` is not supported yet in `{action.module}`",
            hint="put a block with these keywords around the tasks of the included file",
        )
    name = args.get("file") or args.get("_raw_params")
    if isinstance(name, str) and name:
        return name
    action.field.complain(
        "input/arguments", f"`{action.module}` needs the name of a file",
        mark=action.field.key_mark,
    )
    return ""


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
