"""A role's folder: where it is found, and what its files say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fleetrun.loading.fields import Field, did_you_mean, read_vars
from fleetrun.loading.sources import Sources, is_file
from fleetrun.model.values import NO_VARS, Value, Vars

#: Where Ansible looks when nothing else is set.
DEFAULT_ROLES_PATH: Final = ("~/.ansible/roles", "/usr/share/ansible/roles", "/etc/ansible/roles")
_COLLECTIONS_PATH: Final = ("~/.ansible/collections", "/usr/share/ansible/collections")
_EXTENSIONS: Final = ("", ".yml", ".yaml", ".json")
#: Last parts of a folder that is a role.
PARTS: Final = ("tasks", "handlers", "defaults", "vars", "meta", "files", "templates")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRole:
    """Where a role is."""

    name: str
    path: Path
    collection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleParts:
    """One use of a role: its own variables, before those of other roles are added."""

    found: FoundRole
    key: str
    #: ``tasks_from``; "" for main.
    entry: str = ""
    defaults: Vars = field(default_factory=lambda: NO_VARS)
    vars: Vars = field(default_factory=lambda: NO_VARS)
    #: ``vars:`` beside the role's name.
    keyword_vars: Vars = field(default_factory=lambda: NO_VARS)
    #: Other keys beside the role's name.
    params: Vars = field(default_factory=lambda: NO_VARS)


class RoleFinder:
    """Finds the folders of roles."""

    def __init__(self, roles_path: Sequence[str] = ()) -> None:
        self._configured = tuple(roles_path) or DEFAULT_ROLES_PATH

    def find(self, name: str, play_dir: str, within: Sequence[RoleParts] = ()) -> FoundRole | None:
        """The role `name` of a playbook in `play_dir`, asked for by the roles `within`."""
        pieces = name.split(".")
        if len(pieces) == 3 and all(piece.isidentifier() for piece in pieces):
            return self._in_collection(pieces, play_dir)
        if within and within[-1].found.collection:
            beside = within[-1].found.path.parent / name
            if beside.is_dir():
                collection = within[-1].found.collection
                return FoundRole(name=f"{collection}.{name}", path=beside, collection=collection)
        for path in self.tried(name, play_dir, within):
            if path.is_dir():
                searched = [folder / name for folder in self._folders(play_dir, within)]
                is_path = name.startswith("~") or path not in map(_absolute_of, searched)
                is_path = is_path or name.startswith("/")
                return FoundRole(name=path.name if is_path else name, path=path)
        return None

    def tried(self, name: str, play_dir: str, within: Sequence[RoleParts] = ()) -> list[Path]:
        """The folders in which a role may be, in the order in which they are looked at."""
        if name.startswith(("/", "~")):
            return [_absolute(name)]
        folders = [folder / name for folder in self._folders(play_dir, within)]
        if "/" in name:
            folders.append(Path(name))
        return list(dict.fromkeys(_absolute(str(folder)) for folder in folders))

    def names(self, play_dir: str, within: Sequence[RoleParts] = ()) -> tuple[str, ...]:
        """All roles that could be found, sorted; for "did you mean"."""
        found: set[str] = set()
        for folder in self._folders(play_dir, within)[:-1]:
            found.update(_roles_in(folder))
        return tuple(sorted(found))

    def _folders(self, play_dir: str, within: Sequence[RoleParts]) -> list[Path]:
        beside = [within[-1].found.path.parent] if within else []
        configured = [Path(folder).expanduser() for folder in self._configured]
        return [Path(play_dir) / "roles", *configured, *beside, Path(play_dir)]

    @staticmethod
    def _in_collection(pieces: list[str], play_dir: str) -> FoundRole | None:
        space, collection, role = pieces
        roots = [Path(play_dir) / "collections", *(Path(p).expanduser() for p in _COLLECTIONS_PATH)]
        for root in roots:
            path = root / "ansible_collections" / space / collection / "roles" / role
            if path.is_dir():
                return FoundRole(
                    name=".".join(pieces), path=_absolute(str(path)),
                    collection=f"{space}.{collection}",
                )
        return None


def part_files(role: Path, part: str, name: str = "main") -> list[Path]:
    """Files of ``defaults/main`` and the like: one, or all below a folder, sorted; [] if none."""
    for extension in (_EXTENSIONS[1:] + _EXTENSIONS[:1] if "." not in name else _EXTENSIONS):
        path = role / part / f"{name}{extension}"
        if is_file(path):
            return [path]
    folder = role / part / name
    return list(vars_below(folder)) if folder.is_dir() else []


def vars_below(folder: Path) -> Iterable[Path]:
    """YAML and JSON files below a folder, by name, without hidden ones and copies."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            yield from vars_below(path)
        elif path.suffix in _EXTENSIONS:
            yield path


def task_file(role: Path, part: str, name: str = "main") -> Path | None:
    """``tasks/main.yml`` or ``handlers/main.yml``."""
    names = [f"{name}{extension}" for extension in (".yml", ".yaml", ".json", "")]
    if "." in name:
        names.insert(0, names.pop())
    return next((p for p in (role / part / one for one in names) if is_file(p)), None)


def read_part_vars(
    sources: Sources, field_: Field, found: FoundRole, part: str, name: str
) -> Vars:
    """Variables of ``defaults/`` or ``vars/``; a file that was asked for must be there."""
    files = part_files(found.path, part, name or "main")
    if not files and name:
        complain_no_part(field_, found, part, name)
    merged: dict[str, Value] = {}
    for path in files:
        content = sources.open(path, field_.problems)
        if content is not None:
            merged.update(read_vars(content))
    return merged


def complain_no_part(field_: Field, found: FoundRole, part: str, name: str) -> None:
    """Notes that a role has no such file."""
    folder = found.path / part
    names = [path.stem for path in vars_below(folder)] if folder.is_dir() else []
    field_.complain(
        "input/missing-file", f"the role `{found.name}` has no file `{part}/{name}`",
        label=did_you_mean(name, names), allowed=sorted(names), hint=f"looked in {folder}",
    )


def complain_no_role(
    field_: Field, name: str, finder: RoleFinder, play_dir: str, within: Sequence[RoleParts]
) -> None:
    """Notes that there is no role `name`."""
    names = finder.names(play_dir, within)
    looked = ", ".join(str(path) for path in finder.tried(name, play_dir, within))
    field_.complain(
        "input/unknown-role", f"there is no role `{name}`", label=did_you_mean(name, names),
        allowed=names, hint=f"looked for {looked}",
    )


def _roles_in(folder: Path) -> Iterable[str]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if any((entry / part).is_dir() for part in PARTS):
            yield entry.name


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _absolute_of(path: Path) -> Path:
    return _absolute(str(path))
