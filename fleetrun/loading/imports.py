"""Imports and includes of task files and roles (rule 37).

An import is replaced by what it names while the playbook loads. An include
stays a task; what is known of it is read as well, so that mistakes in it are
found before any device is contacted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from fleetrun.errors import Problem
from fleetrun.loading.actions import Action
from fleetrun.loading.fields import Field, is_keyword
from fleetrun.loading.inherit import Inherited, inherit
from fleetrun.loading.place import Place
from fleetrun.loading.roles import FROM, LoadedRole, NodeReader, RoleReader, RoleUse, name_field
from fleetrun.loading.schema import Level
from fleetrun.loading.sources import Sources, candidates, find_file, is_file
from fleetrun.loading.statics import Statics
from fleetrun.model.playbook import Node, Task
from fleetrun.model.values import TemplateText, Value, Vars

_NOT_APPLIED = frozenset({"block", "rescue", "always"})


class Imports:
    """Brings other files' tasks into a list of tasks; one for a whole reading."""

    def __init__(
        self, reader: NodeReader, sources: Sources, statics: Statics, roles: RoleReader,
        problems: list[Problem],
    ) -> None:
        self.warnings: list[str] = []
        #: Roles that import_role brought into the play, with their handlers.
        self.imported_roles: list[LoadedRole] = []
        #: Handlers of roles that includes name; they exist once the include ran.
        self.later_handlers: list[Task] = []
        #: An include names a role that is not known yet, and so are its handlers.
        self.has_unknown_roles = False
        self._reader = reader
        self._sources = sources
        self._statics = statics
        self._roles = roles
        self._problems = problems
        self._checked: set[object] = set()
        self._unchecked: list[Callable[[], None]] = []

    def begin_play(self) -> None:
        """Forgets what the play before brought in."""
        self.imported_roles.clear()
        self.later_handlers.clear()
        self.has_unknown_roles = False
        self._checked.clear()

    def check_includes(self) -> None:
        """Reads what includes name, as far as that is known already."""
        while self._unchecked:
            self._unchecked.pop()()

    # -- task files ---------------------------------------------------------------

    def import_tasks(
        self, action: Action, args: Mapping[str, Value], inner: Inherited, place: Place,
        node_id: str,
    ) -> tuple[Node, ...]:
        """The tasks of the file that ``import_tasks`` names."""
        name = _file_name(args, action)
        name = name and self._statics.render(
            name, action.field, inner, "the file of `import_tasks`",
            "use `include_tasks`, or give the variable with -e",
        )
        folders = task_folders(place.base_dir, inner)
        path = name and find_file(name, folders, self._problems, action.field.mark)
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
        return self._reader.read_nodes(content, inner, there)

    def include_tasks(
        self, task: Task, action: Action, args_field: Field | None, outer: Inherited,
        own_vars: Vars,
    ) -> Task:
        """The task of an ``include_tasks``, with what its file's tasks inherit."""
        name = _file_name(task.args, action)
        inherited = self._handed_down(action, args_field, outer, own_vars)
        task = replace(task, args={"_raw_params": name}, inherited=inherited)
        if name and not isinstance(name, TemplateText):
            tried = candidates(name, task_folders(task.base_dir, outer))
            path = next((one for one in tried if is_file(one)), None)
            if path is None:
                looked = ", ".join(str(one) for one in tried)
                self.warnings.append(
                    f"{action.field.mark}: there is no file `{name}` to include "
                    f"(looked for {looked})"
                )
            elif str(path) not in self._checked:
                self._checked.add(str(path))
                self._unchecked.append(lambda: self._check_file(path, task))
        return task

    def _check_file(self, path: Path, include: Task) -> None:
        field = self._sources.open(path, self._problems)
        if field is not None:
            self._reader.read_nodes(field, *included_place(path, include))

    # -- roles ------------------------------------------------------------------------

    def import_role(
        self, action: Action, args: Mapping[str, Value], inner: Inherited, place: Place,
        node_id: str,
    ) -> tuple[Node, ...]:
        """The tasks of the role that ``import_role`` names."""
        name = str(args.get("name") or args.get("role") or "")
        use = self._use(action, args, inner, f"{node_id}/", name)
        if use is None:
            return ()
        loaded = self._roles.read(replace(use, depth=place.depth + 1))
        if loaded is None:
            return ()
        if args.get("public") is not False:
            self.imported_roles.append(loaded)
        else:
            self.later_handlers.extend(loaded.handlers)
        return loaded.nodes

    def include_role(
        self, task: Task, action: Action, args_field: Field | None, outer: Inherited,
        own_vars: Vars,
    ) -> Task:
        """The task of an ``include_role``, with what the role's tasks inherit."""
        inherited = self._handed_down(action, args_field, outer, own_vars)
        args = {name: value for name, value in task.args.items() if name != "apply"}
        if "role" in args:
            args["name"] = args.pop("role")
        task = replace(task, args=args, inherited=inherited)
        said = [args.get(name) for name in ("name", *FROM)]
        if any(isinstance(value, TemplateText) for value in said):
            self.has_unknown_roles = True
            return task
        place = (outer.play_dir, *(part.found.path for part in outer.roles), *said)
        if args.get("name") and place not in self._checked:
            self._checked.add(place)
            self._unchecked.append(lambda: self._check_role(action, task))
        return task

    def _check_role(self, action: Action, task: Task) -> None:
        before = len(action.field.problems)
        loaded = self.read_included(task.args, task, action.field.problems)
        if loaded is not None:
            self.later_handlers.extend(loaded.handlers)
        problems = action.field.problems[before:]
        if task.when and [problem.kind for problem in problems] == ["input/unknown-role"]:
            # Its condition may be false; when it is needed, the error comes then.
            del action.field.problems[before:]
            self.warnings.append(f"{problems[0].mark}: {problems[0].message} to include")

    def read_included(
        self, args: Mapping[str, Value], include: Task, problems: list[Problem]
    ) -> LoadedRole | None:
        """The role of an ``include_role`` with rendered arguments; None after a complaint."""
        inherited = include.inherited
        if not isinstance(inherited, Inherited) or inherited.source is None:
            raise TypeError(f"task {include.id} was not made by this loader")
        outer = replace(
            inherited, param_layers=(*include.param_layers, *inherited.own_params),
            is_dynamic=True,
        )
        action = Action(
            module="include_role", field=replace(inherited.source, problems=problems)
        )
        use = self._use(action, args, outer, f"{include.id}/", str(args.get("name") or ""))
        return self._roles.read(use) if use is not None else None

    def _use(
        self, action: Action, args: Mapping[str, Value], inner: Inherited, prefix: str, name: str
    ) -> RoleUse | None:
        """How a task asks for a role; None when its name or a file's is not known."""
        field = name_field(action.field)
        original = args.get("name") or args.get("role")
        if isinstance(original, TemplateText):
            name = self._statics.render(
                original, field, inner, f"the role of `{action.module}`", "use `include_role`"
            )
        files = {
            part: self._statics.render(
                args[part] if isinstance(args[part], TemplateText) else str(args[part]),  # type: ignore[arg-type]  # text
                field, inner, f"`{part}` of `{action.module}`", "use `include_role`",
            )
            for part in FROM if args.get(part)
        }
        if not name or not all(files.values()):
            return None
        return RoleUse(
            field=field, name=name, inherited=_with_parents(inner), prefix=prefix, files=files,
            allow_duplicates=args.get("allow_duplicates") not in {False, "no", "false"},
            is_validated=args.get("rolespec_validate") not in {False, "no", "false"},
            is_task=True,
        )

    # -- what is handed down ------------------------------------------------------------

    @staticmethod
    def _handed_down(
        action: Action, args_field: Field | None, outer: Inherited, own_vars: Vars
    ) -> Inherited:
        """`outer` with what ``apply:`` says; the include's own keywords stay with it."""
        applied = _apply_field(action.field) or _apply_field(args_field)
        inner = replace(outer, is_handler=False)
        if applied is not None:
            keys = {
                str(child.pointer[-1]): child for child in applied.children()
                if str(child.pointer[-1]) not in _NOT_APPLIED
                and is_keyword(child, Level.BLOCK, "`apply`") and child.value is not None
            }
            inner = inherit(inner, keys)
        return replace(
            inner, own_params=(own_vars,) if own_vars else (), source=action.field
        )


def included_place(path: Path, include: Task) -> tuple[Inherited, Place]:
    """What the tasks of an included file inherit, and where they stand."""
    inherited = include.inherited
    if not isinstance(inherited, Inherited):
        raise TypeError(f"task {include.id} was not made by this loader")
    # The include's layers may have grown by the item of a loop around it.
    outer = replace(
        inherited, param_layers=(*include.param_layers, *inherited.own_params), own_params=(),
        is_dynamic=True,
    )
    return outer, Place(prefix=f"{include.id}/", base_dir=str(path.parent))


def task_folders(base_dir: str, outer: Inherited) -> list[str]:
    """Where a file of tasks is looked for: beside the one that names it first."""
    folders = [base_dir]
    for part in reversed(outer.roles):
        role = part.found.path
        parts = ("handlers", "tasks") if outer.is_handler else ("tasks",)
        folders += [str(role / name) for name in parts] + [str(role)]
    return list(dict.fromkeys([*folders, outer.play_dir]))


def _with_parents(inner: Inherited) -> Inherited:
    """Adds ``ansible_parent_role_names``, the nearest first, for a role within a role."""
    if not inner.roles:
        return inner
    parents = inner.roles[::-1]
    names: Vars = {
        "ansible_parent_role_names": [part.found.name for part in parents],
        "ansible_parent_role_paths": [str(part.found.path) for part in parents],
    }
    return replace(inner, param_layers=(*inner.param_layers, names), own_params=())


def _apply_field(field: Field | None) -> Field | None:
    if field is None or not isinstance(field.value, dict) or "apply" not in field.value:
        return None
    return field.child("apply")


def _file_name(args: Mapping[str, Value], action: Action) -> str:
    """The file of an include or import; "" after a complaint."""
    name = args.get("file") or args.get("_raw_params")
    if isinstance(name, str) and name:
        return name
    action.field.complain(
        "input/arguments", f"`{action.module}` needs the name of a file",
        mark=action.field.key_mark,
    )
    return ""


def public_handlers(roles: Iterable[LoadedRole]) -> tuple[Task, ...]:
    """Handlers of roles, in the order of the roles."""
    return tuple(handler for role in roles for handler in role.handlers)


