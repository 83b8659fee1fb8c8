"""One play: its devices, variables, tasks and handlers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fleetrun.errors import Problem
from fleetrun.loading.fields import (
    Field,
    did_you_mean,
    keywords,
    read_flag,
    read_names,
    read_number,
    read_static_flag,
    read_text,
    read_vars,
    read_word,
    type_name,
)
from fleetrun.loading.imports import public_handlers
from fleetrun.loading.inherit import Inherited, inherit
from fleetrun.loading.place import Place
from fleetrun.loading.prompts import read_prompts
from fleetrun.loading.roles import LoadedRole
from fleetrun.loading.rollout import read_graph, read_rollout
from fleetrun.loading.schema import Level
from fleetrun.loading.sources import Sources, candidates, find_file, is_file
from fleetrun.loading.tasks import TaskReader
from fleetrun.model.playbook import Node, Play, Task
from fleetrun.model.role import RoleNames
from fleetrun.model.rollout import RolloutSpec
from fleetrun.model.values import NO_VARS, TemplateText, Value, Vars
from fleetrun.planning.handlers import titles
from fleetrun.planning.reading import all_tasks

_SECTIONS = ("pre_tasks", "tasks", "post_tasks")
_STRATEGIES = ("linear", "free", "host_pinned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What ``import_playbook`` adds to every play of the file."""

    vars: Vars = field(default_factory=lambda: NO_VARS)
    tags: frozenset[str] = frozenset()
    when: tuple[Value, ...] = ()


class PlayReader:
    """Reads plays and collects what is wrong with them."""

    def __init__(
        self, tasks: TaskReader, sources: Sources, problems: list[Problem], warnings: list[str]
    ) -> None:
        self._tasks = tasks
        self._sources = sources
        self._problems = problems
        self._warnings = warnings

    def read(self, play: Field, index: int, base_dir: str, imported: Imported) -> Play:
        """The play at `play`; `index` is its position in the whole playbook."""
        keys = keywords(play, Level.PLAY, _what(play))
        outer = Inherited(tags=imported.tags, when=imported.when, play_dir=base_dir)
        inner = inherit(outer, keys, with_vars=False)
        own_vars = read_vars(keys["vars"]) if "vars" in keys else NO_VARS
        hosts = _read_hosts(play, keys)
        late_files = _late_vars_files(keys)
        file_vars = {} if late_files else self._read_vars_files(keys, base_dir)
        play_vars = {**own_vars, **imported.vars}
        inner = replace(inner, static_vars=(play_vars, file_vars))
        imports = self._tasks.imports
        imports.begin_play()
        self._tasks.notified.clear()
        roles = (
            self._tasks.roles.read_list(keys["roles"], inner, f"{index}.roles.")
            if "roles" in keys else []
        )
        sections = self._read_sections(keys, inner, f"{index}.", base_dir)
        handlers = self._read_handlers(keys, inner, f"{index}.", base_dir, roles)
        roles_first, roles = roles, [*roles, *imports.imported_roles]
        read = Play(
            index=index,
            name=read_text(keys["name"]) if "name" in keys else _title(hosts),
            hosts=hosts,
            mark=play.mark,
            gather_facts=read_flag(keys["gather_facts"]) if "gather_facts" in keys else None,
            gather_args={**_defaults_of(inner, "setup"), **_read_gathering(keys)},
            vars=play_vars,
            file_vars=file_vars,
            vars_files=late_files,
            prompts=read_prompts(keys["vars_prompt"]) if "vars_prompt" in keys else (),
            port=read_number(keys["port"], least=1) if "port" in keys else None,
            role_defaults=_merged(one.role.shared_defaults for one in roles),
            role_vars=_merged(one.role.shared_vars for one in roles),
            role_names=_role_names(roles),
            pre_tasks=sections.get("pre_tasks", ()),
            tasks=(
                *(node for one in roles_first for node in one.nodes), *sections.get("tasks", ())
            ),
            post_tasks=sections.get("post_tasks", ()),
            handlers=handlers,
            rollout=read_rollout(keys, self._warnings) if keys else RolloutSpec(),
            graph=read_graph(keys["graph"]) if "graph" in keys else (),
            become=inner.become,
            remote_user=inner.remote_user,
            connection=inner.connection,
            environment=inner.environment,
            tags=inner.tags,
            strategy=_read_strategy(keys["strategy"]) if "strategy" in keys else "linear",
            force_handlers=_flag(keys, "force_handlers"),
            any_errors_fatal=_flag(keys, "any_errors_fatal"),
            base_dir=str(Path(base_dir).absolute()),
        )
        self._warn_of_run_once(read)
        return read

    def _warn_of_run_once(self, play: Play) -> None:
        """Devices that never wait for each other cannot leave a task to one of them."""
        if play.strategy == "linear":
            return
        self._warnings += [
            f"{task.mark}: with `strategy: {play.strategy}` every device runs this task, "
            "whatever `run_once` says"
            for task in all_tasks(play) if task.run_once is not False
        ]

    def _read_sections(
        self, keys: Mapping[str, Field], inner: Inherited, prefix: str, base_dir: str
    ) -> dict[str, tuple[Node, ...]]:
        return {
            name: self._tasks.read_nodes(
                keys[name], inner, Place(prefix=f"{prefix}{name}.", base_dir=base_dir)
            )
            for name in _SECTIONS if name in keys
        }

    def _read_handlers(
        self, keys: Mapping[str, Field], inner: Inherited, prefix: str, base_dir: str,
        roles: Sequence[LoadedRole],
    ) -> tuple[Task, ...]:
        """Handlers, those of roles first; also checks that each that is notified exists."""
        handlers: tuple[Task, ...] = ()
        problems_before = len(self._problems)
        if "handlers" in keys:
            # The condition of an import is for tasks; a handler has been notified by one.
            outer = replace(inner, is_handler=True, when=())
            nodes = self._tasks.read_nodes(
                keys["handlers"], outer, Place(prefix=f"{prefix}handlers.", base_dir=base_dir)
            )
            handlers = tuple(node for node in nodes if isinstance(node, Task))
        imports = self._tasks.imports
        own = handlers
        imports.check_includes()
        handlers = (*public_handlers([*roles, *imports.imported_roles]), *handlers)
        is_complete = len(self._problems) == problems_before and not imports.has_unknown_roles
        for handler in own:
            if not handler.name and not handler.listen:
                self._warnings.append(
                    f"{handler.mark}: this handler has neither a name nor `listen`, "
                    "so nothing can notify it"
                )
        if is_complete:
            _check_notified(self._tasks.notified, (*handlers, *imports.later_handlers))
        return handlers

    def _read_vars_files(self, keys: Mapping[str, Field], base_dir: str) -> Vars:
        merged: dict[str, Value] = {}
        if "vars_files" not in keys:
            return merged
        files = keys["vars_files"]
        for one in files.children() if isinstance(files.value, list) else [files]:
            path = self._find_vars_file(one, base_dir)
            content = self._sources.open(path, self._problems) if path else None
            if content is not None:
                merged.update(read_vars(content))
        return merged

    def _find_vars_file(self, one: Field, base_dir: str) -> Path | None:
        """A file of variables: below vars/ first, as in Ansible; of a list the first there is."""
        names = read_names(one, is_static=True)
        folders = [str(Path(base_dir) / "vars"), base_dir]
        for name in names[:-1]:
            path = next((path for path in candidates(name, folders) if is_file(path)), None)
            if path is not None:
                return path
        return find_file(names[-1], folders, self._problems, one.mark) if names else None


def _late_vars_files(keys: Mapping[str, Field]) -> tuple[tuple[Value, ...], ...]:
    """Entries of vars_files when any of their names holds a template; else ()."""
    if "vars_files" not in keys:
        return ()
    files = keys["vars_files"]
    entries = files.children() if isinstance(files.value, list) else [files]
    names = [
        [one.value for one in (entry.children() if isinstance(entry.value, list) else [entry])]
        for entry in entries
    ]
    if not any(isinstance(name, TemplateText) for entry in names for name in entry):
        return ()
    return tuple(read_names(entry) for entry in entries)


def _read_hosts(play: Field, keys: Mapping[str, Field]) -> Value:
    if "hosts" not in keys:
        if isinstance(play.value, dict):
            play.complain(
                "input/missing-keyword", f"{_what(play)} has no `hosts`",
                hint="name the devices or groups: `hosts: all`",
            )
        return ""
    names = read_names(keys["hosts"])
    if not names and not isinstance(keys["hosts"].value, bool | int | float | dict):
        keys["hosts"].complain("input/missing-keyword", "`hosts` is empty")
    return names[0] if len(names) == 1 else list(names)


def _read_gathering(keys: Mapping[str, Field]) -> Vars:
    """What the play's own gathering of facts is told, as arguments of `setup`."""
    args: dict[str, Value] = {}
    if "gather_subset" in keys:
        names = read_names(keys["gather_subset"])
        value = keys["gather_subset"].value
        # One text may be a template, or several words: `setup` splits it.
        args["gather_subset"] = value if isinstance(value, str) else names
    if "gather_timeout" in keys:
        args["gather_timeout"] = read_number(keys["gather_timeout"], least=0)
    if "fact_path" in keys:
        args["fact_path"] = read_text(keys["fact_path"])
    return args


def _read_strategy(strategy: Field) -> str:
    if not isinstance(strategy.value, str):
        read_text(strategy)
        return "linear"
    for prefix in ("ansible.builtin.", "ansible.legacy."):
        if strategy.value.removeprefix(prefix) in _STRATEGIES:
            return strategy.value.removeprefix(prefix)
    return read_word(strategy, _STRATEGIES) or "linear"


def _check_notified(notified: list[Field], handlers: tuple[Task, ...]) -> None:
    names = {name for handler in handlers for name in titles(handler)}
    names.update(topic for handler in handlers for topic in handler.listen)
    said = [name for handler in handlers for name in (handler.name, *handler.listen)]
    if any(isinstance(name, TemplateText) for name in said):
        return
    for topic in notified:
        name = topic.value
        is_known = not isinstance(name, str) or isinstance(name, TemplateText) or name in names
        if not is_known:
            topic.complain(
                "input/unknown-handler", f"no handler is called `{name}` or listens to it",
                label=did_you_mean(str(name), names), allowed=sorted(names),
            )


def _merged(layers: Iterable[Vars]) -> Vars:
    merged: dict[str, Value] = {}
    for layer in layers:
        merged.update(layer)
    return merged


def _defaults_of(inner: Inherited, module: str) -> Vars:
    """What ``module_defaults`` of the play says of a module."""
    field = inner.module_defaults.get(module)
    return read_vars(field) if field is not None else NO_VARS


def _role_names(roles: Sequence[LoadedRole]) -> RoleNames:
    dependent = [name for one in roles for name in one.role.dependencies]
    return RoleNames(
        direct=tuple(one.role.name for one in roles), dependent=tuple(dict.fromkeys(dependent))
    )


def _flag(keys: Mapping[str, Field], name: str) -> bool:
    return name in keys and read_static_flag(keys[name])


def _title(hosts: Value) -> str:
    """The hosts as a name; one that is a template stays one."""
    if isinstance(hosts, list):
        return ",".join(str(name) for name in hosts)
    return hosts if isinstance(hosts, str) else str(hosts)


def _what(play: Field) -> str:
    name = play.value.get("name") if isinstance(play.value, dict) else None
    if name is not None and not isinstance(name, str):
        return f"this play (its name is {type_name(name)})"
    return f"play `{name}`" if name else "this play"
