"""Loads playbooks: files become a `Playbook`, or an error with every problem found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fleetrun.errors import InputError, Problem
from fleetrun.loading.actions import ModuleLookup
from fleetrun.loading.conditions import read_conditions
from fleetrun.loading.fields import Field, keywords, read_vars, type_name
from fleetrun.loading.imports import included_place, public_handlers, task_folders
from fleetrun.loading.inherit import Inherited, read_tags
from fleetrun.loading.play import Imported, PlayReader
from fleetrun.loading.role_files import RoleFinder
from fleetrun.loading.schema import Level
from fleetrun.loading.sources import Sources, find_file
from fleetrun.loading.statics import Statics
from fleetrun.loading.tasks import MAX_NESTING, Around, TaskReader
from fleetrun.loading.vars_reader import VarsReader
from fleetrun.loading.yamlfile import as_operator_text, read_yaml
from fleetrun.model.playbook import IncludedRole, Node, Play, Playbook, Task
from fleetrun.model.values import NO_VARS, Value, Vars
from fleetrun.planning.templates import Templater

__all__ = ["MAX_INCLUDE_DEPTH", "ModuleLookup", "PlaybookLoader"]

#: Files including each other at run time; a loop that never ends stops here.
MAX_INCLUDE_DEPTH = 200

_IMPORTS = frozenset({"import_playbook", "ansible.builtin.import_playbook"})


class PlaybookLoader:
    """Loads playbooks and, while a run goes on, the files of ``include_tasks``.

    One loader serves one run: every file is read once, so that all devices
    see the same text. Not for use by several threads at once.
    """

    def __init__(
        self, library: ModuleLookup, *, templater: Templater | None = None,
        extra_vars: Vars = NO_VARS, roles_path: Sequence[str] = (),
    ) -> None:
        """Makes a loader.

        `templater` and `extra_vars` render the names of files and roles that
        must be known before the run; `roles_path` are folders of roles, in
        place of Ansible's own.
        """
        self._library = library
        self._around = Around(
            statics=Statics(templater, extra_vars), roles=RoleFinder(roles_path)
        )
        self._sources = Sources()
        #: Files of variables, read while the run goes on.
        self.vars_reader = VarsReader(self._sources)
        #: The last result for an include, by (id, path), and what it was made for.
        self._included: dict[tuple[str, str], tuple[Task, tuple[Node, ...]]] = {}
        self._roles: dict[tuple[str, str], tuple[Task, IncludedRole]] = {}

    def load(self, path: str) -> Playbook:
        """The playbook at `path` with everything it imports.

        Raises InputError with all problems, file by file in the order
        in which they are read.
        """
        problems: list[Problem] = []
        reading = _Reading(self._library, self._sources, problems, self._around)
        plays = reading.read_file(Path(path), None, Imported(), ())
        if not problems and not plays:
            problems.append(Problem(
                kind="input/empty-playbook", message=f"{path} has no play",
                hint="a playbook is a list of plays: `- hosts: all`",
            ))
        if problems:
            raise InputError(_in_file_order(problems))
        return Playbook(
            path=path, plays=plays, file_hashes={
                **self._sources.hashes, **self._around.statics.plugin_hashes,
            },
            warnings=tuple(dict.fromkeys(reading.all_warnings())),
        )

    def load_tasks(self, path: str, include: Task) -> tuple[Node, ...]:
        """The tasks of the file that `include` names (`contracts.TaskFileLoader`).

        Raises InputError; quick when asked again for the same include.
        """
        key = (include.id, path)
        if key in self._included:
            made_for, nodes = self._included[key]
            if _is_same_scope(made_for, include):
                return nodes
        nodes = self._load_tasks(path, include)
        self._included[key] = (include, nodes)
        return nodes

    def load_role(self, args: Mapping[str, Value], include: Task) -> IncludedRole:
        """The role that an ``include_role`` with rendered `args` names.

        Raises InputError; quick when asked again for the same include.
        """
        key = (include.id, repr(sorted(args.items(), key=str)))
        if key in self._roles:
            made_for, role = self._roles[key]
            if _is_same_scope(made_for, include):
                return role
        problems: list[Problem] = []
        _check_depth(include, problems)
        reader = TaskReader(self._library, self._sources, problems, self._around)
        loaded = None if problems else reader.imports.read_included(args, include, problems)
        if problems or loaded is None:
            raise InputError(_in_file_order(problems))
        role = IncludedRole(
            role=loaded.role, nodes=loaded.nodes,
            handlers=(*loaded.handlers, *public_handlers(reader.imports.imported_roles)),
            is_public=args.get("public") in {True, "yes", "true"},
        )
        self._roles[key] = (include, role)
        return role

    def adhoc(
        self, pattern: str, module: str, args_text: str = "", *,
        argv: Sequence[str] = (), base_dir: str = ".", keywords: Vars = NO_VARS,
        rollout: Mapping[str, object] | None = None,
    ) -> Playbook:
        """A playbook of one task without facts, for ``fleetrun exec``.

        `args_text` may hold templates, as on Ansible's command line; the words
        of `argv` are taken as they are. `rollout` is as in a play. Raises InputError without marks.
        """
        document = read_yaml(Path("command line"), text="")
        args: object = as_operator_text(args_text)
        if argv:
            # The words are the operator's; no shell and no template sees them.
            args = {"argv": list(argv), "expand_argument_vars": False}
        task = {module: args or None, **keywords}
        play = {"name": "ad hoc", "hosts": pattern, "gather_facts": False, "tasks": [task]}
        if rollout:
            play["rollout"] = rollout
        problems: list[Problem] = []
        field = Field(document=document, value=play, problems=problems)
        reading = _Reading(self._library, self._sources, problems, self._around)
        read = reading.plays.read(field, 0, base_dir, Imported())
        if problems:
            raise InputError([replace(problem, mark=None) for problem in problems])
        return Playbook(path="", plays=(read,))

    def _load_tasks(self, path: str, include: Task) -> tuple[Node, ...]:
        problems: list[Problem] = []
        _check_depth(include, problems)
        if problems:
            raise InputError(problems)
        nodes: tuple[Node, ...] = ()
        inherited = include.inherited
        if not isinstance(inherited, Inherited):
            raise TypeError(f"task {include.id} was not made by this loader")
        folders = task_folders(include.base_dir, inherited)
        found = find_file(path, folders, problems, include.mark)
        content = self._sources.open(found, problems) if found else None
        if content is not None and found is not None:
            reader = TaskReader(self._library, self._sources, problems, self._around)
            nodes = reader.read_nodes(content, *included_place(found, include))
        elif not problems:
            problems.append(Problem(
                kind="input/unreadable-file", message=f"`{path}` could not be read before",
                mark=include.mark,
            ))
        if problems:
            raise InputError(_in_file_order(problems))
        return nodes


def _check_depth(include: Task, problems: list[Problem]) -> None:
    if include.id.count("/") >= MAX_INCLUDE_DEPTH:
        problems.append(Problem(
            kind="input/nesting", mark=include.mark,
            message=f"files include each other more than {MAX_INCLUDE_DEPTH} levels deep",
            hint="end the recursion with `when:`",
        ))


def _in_file_order(problems: list[Problem]) -> list[Problem]:
    """The problems without repeats: file by file as they were read, by position."""
    unique = list(dict.fromkeys(problems))
    files = [problem.mark.file if problem.mark else "" for problem in unique]
    order = {file: index for index, file in enumerate(dict.fromkeys(files))}

    def place(problem: Problem) -> tuple[int, int, int]:
        mark = problem.mark
        return (order[mark.file], mark.line, mark.column) if mark else (order[""], 0, 0)

    return sorted(unique, key=place)


def _is_same_scope(one: Task, other: Task) -> bool:
    """True when two includes hand down the very same things.

    The same task in a loop has the same id on every device, but other items.
    """
    layers, others = one.param_layers, other.param_layers
    if len(layers) != len(others) or one.inherited is not other.inherited:
        return False
    pairs = zip(layers, others, strict=True)
    return all(first is second for first, second in pairs)


class _Reading:
    """One pass over a playbook and the playbooks that it imports."""

    def __init__(
        self, library: ModuleLookup, sources: Sources, problems: list[Problem], around: Around
    ) -> None:
        self._sources = sources
        self._problems = problems
        self._warnings: list[str] = []
        self._statics = around.statics
        self._tasks = TaskReader(library, sources, problems, around)
        self._statics = around.statics
        self._next_index = 0
        self.plays = PlayReader(self._tasks, sources, problems, self._warnings)

    def all_warnings(self) -> list[str]:
        """What a person should know."""
        return [*self._warnings, *self._tasks.imports.warnings]

    def read_file(
        self, path: Path, importing: Field | None, imported: Imported, chain: tuple[str, ...]
    ) -> tuple[Play, ...]:
        """The plays of a file, imported ones in their place."""
        content = self._sources.open(path, self._problems)
        if content is None:
            return ()
        if not isinstance(content.value, list):
            if content.value is not None:
                content.complain(
                    "input/type", f"a playbook is a list of plays, not {type_name(content.value)}",
                    hint="begin each play with `- hosts: GROUP`",
                )
            elif importing is not None:
                importing.complain("input/empty-playbook", f"{path} has no play")
            return ()
        self._statics.take_plugins(str(path.parent.absolute()), self._problems)
        plays: list[Play] = []
        for entry in content.children():
            if isinstance(entry.value, dict) and _IMPORTS & entry.value.keys():
                plays += self._import(entry, path, imported, (*chain, str(path.resolve())))
            else:
                index, self._next_index = self._next_index, self._next_index + 1
                plays.append(self.plays.read(entry, index, str(path.parent), imported))
        return tuple(plays)

    def _import(
        self, entry: Field, path: Path, imported: Imported, chain: tuple[str, ...]
    ) -> tuple[Play, ...]:
        keys = keywords(entry, Level.IMPORT_PLAYBOOK, "`import_playbook`")
        target = next((keys[name] for name in keys if name in _IMPORTS), None)
        if target is None:
            return ()
        own_vars = read_vars(keys["vars"]) if "vars" in keys else NO_VARS
        known = Inherited(static_vars=(own_vars, imported.vars), play_dir=str(path.parent))
        name = self._statics.text(target, known, "the file of `import_playbook`")
        found = name and find_file(name, [str(path.parent)], self._problems, target.mark)
        if not found:
            return ()
        resolved = str(found.resolve())
        if resolved in chain or len(chain) > MAX_NESTING:
            target.complain(
                "input/import-cycle", f"`{name}` imports itself",
                hint=" -> ".join([*chain[chain.index(resolved) if resolved in chain else 0:],
                                  resolved]),
            )
            return ()
        added = Imported(
            vars={**own_vars, **imported.vars},
            tags=imported.tags | (read_tags(keys["tags"]) if "tags" in keys else frozenset()),
            when=imported.when + (read_conditions(keys["when"]) if "when" in keys else ()),
        )
        return self.read_file(found, target, added, chain)

