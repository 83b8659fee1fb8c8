"""A large inventory, compiled: read back in a second instead of parsed anew.

What is kept is what the sources say, by columns, as JSON: whoever could write
to the cache could at worst make a wrong inventory of it, never run a program.
Its name is a hash of the sources' text and of this loader, so it is never out
of date. group_vars/ and host_vars/ are read anew each time, and an inventory
that holds a secret or comes from a program is not kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from fleetrun.errors import Mark
from fleetrun.loading.inventory.columns import NotKeptError, pack_values, unpack_values
from fleetrun.loading.inventory.folders import is_regular_file, is_there
from fleetrun.loading.inventory.group_vars import VarsFolders
from fleetrun.model.inventory import EMPTY_LAYERS, Device, Group, Inventory, VarLayers
from fleetrun.model.values import NO_VARS, Vars

#: Below this the sources are read faster than they are worth keeping.
MIN_BYTES: Final = 1 << 20
#: So many compiled inventories are kept; the oldest go.
MAX_KEPT: Final = 8
_PROGRAMS: Final = (b"#!", b"\x7fELF")


def key_of(sources: Sequence[str], files: Iterable[Path]) -> str:
    """Returns the name of what these files compile to; "" when they are not worth it."""
    digest = hashlib.sha256(_loader_digest())
    size = 0
    for source in sources:
        digest.update(f"{source}\0".encode("utf-8", "surrogateescape"))
        size += 0 if is_there(source) else len(source)
    for path in files:
        if not is_regular_file(path):
            return ""  # the bytes of a pipe come only once, and the loader needs them
        try:
            content = path.read_bytes()
        except OSError:
            return ""  # the loader says what is wrong
        if content.startswith(_PROGRAMS):
            return ""
        size += len(content)
        digest.update(f"{path}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest() if size >= MIN_BYTES else ""


@cache
def _loader_digest() -> bytes:
    """Another loader may make another inventory of the same text."""
    room = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*room.glob("*.py"), *room.parent.glob("yaml*.py")]):
        with suppress(OSError):
            digest.update(path.read_bytes())
    return digest.digest()


def folder() -> Path:
    """Returns the folder that compiled inventories are in."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "fleetrun" / "inventory"


def keep(key: str, inventory: Inventory) -> bool:
    """Writes a compiled inventory at once; False when it cannot or must not be kept."""
    try:
        body = json.dumps(_packed(inventory), ensure_ascii=False, separators=(",", ":")).encode()
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(place.lstat()):
            return False
        handle, part = tempfile.mkstemp(dir=place)  # 0600
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(body).hexdigest().encode() + b"\n")
            file.write(body)
        Path(part).replace(place / f"{key}.json")
        _drop_old(place)
    except (NotKeptError, OSError, UnicodeError):
        return False
    return True


def _drop_old(place: Path) -> None:
    kept = sorted(place.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[MAX_KEPT:]:
        path.unlink()


def _is_private(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


def find(key: str, folders: VarsFolders, sources: Sequence[str]) -> Inventory | None:
    """Returns a kept inventory with the variables of `folders`.

    None when there is none, when it was damaged, or when others could have
    written it. Problems of the folders are left in them.
    """
    path = folder() / f"{key}.json"
    try:
        if not _is_private(path.parent.lstat()):
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not (stat.S_ISREG(status.st_mode) and _is_private(status)):
                return None
            checksum, body = file.readline().strip(), file.read()
        os.utime(path)  # used just now: not among the oldest
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            return None
        return _unpacked(json.loads(body), folders, sources)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _packed(inventory: Inventory) -> dict[str, Any]:
    rows = {name: row for row, name in enumerate(inventory.devices)}
    closures: dict[tuple[str, ...], int] = {}
    shapes: dict[tuple[str, int, int], int] = {}
    memberships, lines, places = [], [], []
    for device in inventory.devices.values():
        memberships.append(closures.setdefault(device.groups, len(closures)))
        mark = device.mark or Mark(file="", line=1)
        lines.append(mark.line)
        places.append(shapes.setdefault((mark.file, mark.column, mark.length), len(shapes)))
    return {
        "names": list(rows), "closures": list(closures), "memberships": memberships,
        "lines": lines, "shapes": list(shapes), "places": places,
        "values": pack_values([device.layers.source for device in inventory.devices.values()]),
        "groups": [_packed_group(group, rows) for group in inventory.groups.values()],
        "group_values": pack_values([group.layers.source for group in inventory.groups.values()]),
        "warnings": inventory.warnings,
    }


def _packed_group(group: Group, rows: Mapping[str, int]) -> list[Any]:
    mark = group.mark
    return [
        group.name, group.parents, group.children, group.child_order,
        [rows[name] for name in group.devices], group.depth, group.priority,
        [mark.file, mark.line, mark.column, mark.length] if mark else None,
    ]


def _unpacked(
    packed: Mapping[str, Any], folders: VarsFolders, sources: Sequence[str]
) -> Inventory:
    names: list[str] = packed["names"]
    sources_of = unpack_values(packed["group_values"], len(packed["groups"]))
    layers = folders.group_layers({
        row[0]: values for row, values in zip(packed["groups"], sources_of, strict=True)
    })
    groups = {}
    for name, parents, children, order, rows, depth, priority, mark in packed["groups"]:
        groups[name] = Group(
            name=name, parents=tuple(parents), children=tuple(children),
            child_order=tuple(order), devices=tuple([names[row] for row in rows]), depth=depth,
            priority=priority, layers=layers[name], mark=_mark(*mark) if mark else None,
        )
    return Inventory(
        devices=CompiledDevices(packed, folders), groups=groups, sources=tuple(sources),
        warnings=tuple(packed["warnings"]),
    )


def _mark(file: str, line: int, column: int, length: int) -> Mark:
    return Mark(file=file, line=line, column=column, length=length)


class CompiledDevices(Mapping[str, Device]):
    """The devices of a compiled inventory, each made when it is asked for."""

    def __init__(self, packed: Mapping[str, Any], folders: VarsFolders) -> None:
        names: list[str] = packed["names"]
        self._rows = dict(zip(names, range(len(names)), strict=True))
        self._closures = [tuple(groups) for groups in packed["closures"]]
        self._memberships: list[int] = packed["memberships"]
        self._lines: list[int] = packed["lines"]
        self._shapes: list[list[Any]] = packed["shapes"]
        self._places: list[int] = packed["places"]
        self._values: Sequence[Vars] = unpack_values(packed["values"], len(names))
        self._beside = folders.host_layers(self._rows)
        self._made: dict[str, Device] = {}
        if not len(self._memberships) == len(self._lines) == len(self._places) == len(names):
            raise ValueError("the columns have different lengths")

    @override
    def __getitem__(self, name: str) -> Device:
        device = self._made.get(name)
        if device is None:
            device = self._made[name] = self._make(name, self._rows[name])
        return device

    def _make(self, name: str, row: int) -> Device:
        file, column, length = self._shapes[self._places[row]]
        values = self._values[row]
        beside, playbook = self._beside.get(name, (NO_VARS, NO_VARS))
        is_bare = not (values or beside or playbook)
        return Device(
            name=name, groups=self._closures[self._memberships[row]],
            layers=EMPTY_LAYERS if is_bare else VarLayers(
                source=values, beside_inventory=beside, beside_playbook=playbook
            ),
            mark=_mark(file, self._lines[row], column, length) if file else None,
        )

    def with_folders(self) -> Iterable[str]:
        """Returns the devices that host_vars/ speak of."""
        return self._beside.keys()

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._rows

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    @override
    def __len__(self) -> int:
        return len(self._rows)

