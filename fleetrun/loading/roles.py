"""Roles: their dependencies, variables, tasks and handlers, one use at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from pathlib import Path
from typing import Final, Protocol

from fleetrun.loading.argument_specs import validation
from fleetrun.loading.fields import (
    Field,
    keywords,
    read_static_flag,
    read_vars,
    type_name,
)
from fleetrun.loading.inherit import Inherited, inherit
from fleetrun.loading.place import Place
from fleetrun.loading.role_files import (
    RoleFinder,
    RoleParts,
    complain_no_part,
    complain_no_role,
    read_part_vars,
    task_file,
)
from fleetrun.loading.schema import KEYWORDS, Level
from fleetrun.loading.sources import Sources
from fleetrun.loading.statics import Statics
from fleetrun.model.playbook import Node, Task
from fleetrun.model.role import Role
from fleetrun.model.values import NO_VARS, Value, Vars

#: Which of a role's files to take in place of ``main``.
FROM: Final = ("tasks_from", "vars_from", "defaults_from", "handlers_from")


class NodeReader(Protocol):
    """Reads lists of tasks (`tasks.TaskReader`)."""

    def read_nodes(self, field: Field, outer: Inherited, place: Place) -> tuple[Node, ...]:
        """The tasks and blocks of a list."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleUse:
    """How a playbook asks for a role."""

    #: Where its name stands, and the name as it is known now.
    field: Field
    name: str
    #: What it inherits from outside, its own keywords included.
    inherited: Inherited
    #: Begin of the ids of its tasks.
    prefix: str
    depth: int = 0
    keyword_vars: Vars = attribute(default_factory=lambda: NO_VARS)
    params: Vars = attribute(default_factory=lambda: NO_VARS)
    #: Keywords that tell two uses apart.
    own: str = ""
    #: ``tasks_from`` and its kin, where given.
    files: Mapping[str, str] = attribute(default_factory=dict)
    #: None: as the role's meta/main.yml says.
    allow_duplicates: bool | None = None
    is_validated: bool = True
    #: Asked for by a task, not by ``roles:`` or by another role.
    is_task: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRole:
    """A role's tasks and handlers, those of its dependencies first."""

    role: Role
    nodes: tuple[Node, ...]
    handlers: tuple[Task, ...]


class RoleReader:
    """Reads roles; what is wrong with them goes to the problems of the use's field."""

    def __init__(
        self, tasks: NodeReader, sources: Sources, statics: Statics, finder: RoleFinder
    ) -> None:
        self._tasks = tasks
        self._sources = sources
        self._statics = statics
        self._finder = finder

    # -- who asks for a role ----------------------------------------------------------

    def read_list(
        self, roles: Field, outer: Inherited, prefix: str, depth: int = 0
    ) -> list[LoadedRole]:
        """The roles of ``roles:`` or ``dependencies:``, in order."""
        if not isinstance(roles.value, list):
            if roles.value is not None:
                roles.complain(
                    "input/type", f"`{roles.key}` must be a list of roles, "
                    f"not {type_name(roles.value)}", hint="begin each role with `- `",
                )
            return []
        loaded = []
        for index, entry in enumerate(roles.children()):
            use = self._use_of_entry(entry, outer, f"{prefix}{index}.", depth)
            one = self.read(use) if use else None
            if one is not None:
                loaded.append(one)
        return loaded

    def _use_of_entry(
        self, entry: Field, outer: Inherited, prefix: str, depth: int
    ) -> RoleUse | None:
        if isinstance(entry.value, str):
            name = self._statics.text(entry, outer, "a role's name")
            if not name:
                return None
            return RoleUse(field=entry, name=name, inherited=outer, prefix=prefix, depth=depth)
        if not isinstance(entry.value, dict):
            entry.complain(
                "input/type", f"a role is a name or a mapping, not {type_name(entry.value)}"
            )
            return None
        named = [entry.child(key) for key in ("role", "name") if key in entry.value]
        if not named:
            entry.complain(
                "input/missing-keyword", "this role has no name", hint="write `role: NAME`"
            )
            return None
        keys, params = _split(entry)
        inner = inherit(outer, keys, with_vars=False)
        name = self._statics.text(named[0], inner, "a role's name")
        return RoleUse(
            field=named[0], name=name, inherited=inner, prefix=prefix, depth=depth,
            keyword_vars=read_vars(keys["vars"]) if "vars" in keys else NO_VARS,
            params=params, own=_own_keywords(keys),
        ) if name else None

    # -- one role -----------------------------------------------------------------------

    def read(self, use: RoleUse) -> LoadedRole | None:
        """Everything of one use of a role; None after a complaint."""
        chain = use.inherited.roles
        found = self._finder.find(use.name, use.inherited.play_dir, chain)
        if found is None:
            complain_no_role(use.field, use.name, self._finder, use.inherited.play_dir, chain)
            return None
        self._statics.take_plugins(str(found.path), use.field.problems)
        entry = use.files.get("tasks_from", "")
        if any((part.found.path, part.entry) == (found.path, entry) for part in chain) and (
            not use.inherited.is_dynamic
        ):
            names = [*(part.found.name for part in chain), found.name]
            use.field.complain(
                "input/import-cycle", f"the role `{found.name}` needs itself",
                hint=" -> ".join(names),
            )
            return None
        files = use.files
        parts = RoleParts(
            found=found, entry=entry, key=_key(use, str(found.path)),
            defaults=read_part_vars(
                self._sources, use.field, found, "defaults", files.get("defaults_from", "")
            ),
            vars=read_part_vars(
                self._sources, use.field, found, "vars", files.get("vars_from", "")
            ),
            keyword_vars=use.keyword_vars, params=use.params,
        )
        return self._with_files(use, parts)

    def _with_files(self, use: RoleUse, parts: RoleParts) -> LoadedRole:
        """Reads the rest of a role whose variables are known."""
        meta = self._meta(use, parts)
        within = replace(use.inherited, roles=(*use.inherited.roles, parts), is_dynamic=False)
        dependencies = (
            self.read_list(meta["dependencies"], within, f"{use.prefix}deps.", use.depth + 1)
            if "dependencies" in meta else []
        )
        duplicates = "allow_duplicates" in meta and read_static_flag(meta["allow_duplicates"])
        if use.allow_duplicates is not None:
            duplicates = use.allow_duplicates
        role = _role(parts, use.inherited.roles, dependencies, allow_duplicates=duplicates)
        inner = replace(within, role=role)
        nodes = [node for one in dependencies for node in one.nodes]
        nodes += self._own_nodes(use, role, inner, meta)
        handlers = [handler for one in dependencies for handler in one.handlers]
        handlers += self._handlers(use, parts, inner)
        return LoadedRole(role=role, nodes=tuple(nodes), handlers=tuple(handlers))

    def _meta(self, use: RoleUse, parts: RoleParts) -> dict[str, Field]:
        path = task_file(parts.found.path, "meta")
        content = self._sources.open(path, use.field.problems) if path else None
        if content is None or content.value is None:
            return {}
        return keywords(content, Level.ROLE_META, f"the meta of role `{parts.found.name}`")

    def _own_nodes(
        self, use: RoleUse, role: Role, inner: Inherited, meta: Mapping[str, Field]
    ) -> Sequence[Node]:
        place = self._open_part(use, role, "tasks", use.files.get("tasks_from", ""))
        nodes: Sequence[Node] = ()
        if place is not None:
            nodes = self._tasks.read_nodes(place[0], inner, place[1])
        end = Task(
            id=f"{use.prefix}end", module="meta", args={"_raw_params": "role_complete"},
            mark=use.field.mark, role=role, is_implicit=True,
        )
        check = self._validation(use, role, inner, meta) if use.is_validated else None
        return (*((check,) if check else ()), *nodes, end)

    def _validation(
        self, use: RoleUse, role: Role, inner: Inherited, meta: Mapping[str, Field]
    ) -> Task | None:
        """The first task of a role that says what its arguments are."""
        entry = use.files.get("tasks_from") or "main"
        found = (role.name, Path(role.path))
        task = validation(self._sources, found, meta, entry, use.field)
        if task is None:
            return None
        return replace(
            task, id=f"{use.prefix}arguments", role=role, magic=role.magic(), when=inner.when,
            vars_layers=inner.vars_layers, param_layers=inner.param_layers,
            tags=task.tags | inner.tags, ignore_errors=inner.ignore_errors,
            no_log=inner.no_log, any_errors_fatal=inner.any_errors_fatal,
            args={**task.args, "provided_arguments": role.params},
        )

    def _handlers(self, use: RoleUse, parts: RoleParts, inner: Inherited) -> Sequence[Task]:
        found = self._open_part(use, inner.role, "handlers", use.files.get("handlers_from", ""))
        if found is None:
            return ()
        outer = replace(inner, is_handler=True, notify=())
        nodes = self._tasks.read_nodes(found[0], outer, found[1])
        return [node for node in nodes if isinstance(node, Task)]

    def _open_part(
        self, use: RoleUse, role: Role | None, part: str, name: str
    ) -> tuple[Field, Place] | None:
        """The list of tasks in ``tasks/`` or ``handlers/``, and its place."""
        if role is None:
            return None
        path = task_file(Path(role.path), part, name or "main")
        if path is None:
            if name:
                found = self._finder.find(use.name, use.inherited.play_dir, use.inherited.roles)
                if found is not None:
                    complain_no_part(use.field, found, part, name)
            return None
        content = self._sources.open(path, use.field.problems)
        if content is None:
            return None
        place = Place(
            prefix=f"{use.prefix}{part}.", base_dir=str(path.parent), depth=use.depth + 1,
            chain=(str(path.resolve()),),
        )
        return content, place


def _role(
    parts: RoleParts, chain: Sequence[RoleParts], dependencies: Sequence[LoadedRole], *,
    allow_duplicates: bool,
) -> Role:
    """Adds the variables of the roles around a role to its own, in Ansible's order."""
    found = parts.found
    defaults: dict[str, Value] = {}
    shared: dict[str, Value] = {}
    inherited: dict[str, Value] = {}
    params: dict[str, Value] = {}
    for one in dependencies:
        defaults.update(one.role.shared_defaults)
        shared.update(one.role.shared_vars)
    shared_defaults = {**defaults, **parts.defaults}
    for part in chain:
        defaults.update(part.defaults)
        inherited.update({**part.keyword_vars, **part.vars})
        params.update(part.params)
    names = [name for one in dependencies for name in (*one.role.dependencies, one.role.name)]
    return Role(
        name=found.name, path=str(found.path), key=parts.key, collection=found.collection,
        allow_duplicates=allow_duplicates,
        defaults={**defaults, **parts.defaults},
        vars={**inherited, **shared, **parts.vars, **parts.keyword_vars},
        params={**params, **parts.params},
        shared_defaults=shared_defaults, shared_vars={**shared, **parts.vars},
        dependencies=tuple(dict.fromkeys(names)),
        parent_dirs=tuple(str(part.found.path) for part in reversed(chain)),
    )


def _split(entry: Field) -> tuple[dict[str, Field], Vars]:
    """Keywords of a role's entry, and its parameters: every other key."""
    table = KEYWORDS[Level.ROLE]
    params: dict[str, Value] = {}
    said: dict[object, object] = {}
    for child in entry.children():
        name = child.pointer[-1]
        if name in table:
            said[name] = child.value
        else:
            params[str(name)] = child.value  # type: ignore[assignment]  # YAML's values
    holder = replace(entry, value=said)
    return keywords(holder, Level.ROLE, "this role"), params


def _own_keywords(keys: Mapping[str, Field]) -> str:
    """The keywords that tell two uses of a role apart."""
    said = {name: keys[name].value for name in ("when", "tags") if name in keys}
    return _fingerprint(said) if said else ""


def _key(use: RoleUse, path: str) -> str:
    said = [path, use.own, use.params, use.keyword_vars, use.files, use.is_task]
    return _fingerprint(said)


def _fingerprint(said: object) -> str:
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def file_names(args: Mapping[str, Value]) -> dict[str, str]:
    """``tasks_from`` and its kin, where given."""
    return {name: str(args[name]) for name in FROM if args.get(name)}


def name_field(field_: Field) -> Field:
    """Where the name of an import_role or include_role stands."""
    value = field_.value
    for key in ("name", "role"):
        if isinstance(value, dict) and key in value:
            return field_.child(key)
    return field_


__all__ = [
    "FROM", "LoadedRole", "RoleReader", "RoleUse", "file_names", "name_field",
]
