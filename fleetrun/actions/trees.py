"""The operator's folders as they travel: one archive, made once for a whole fleet."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fleetrun.contracts import FileReader
from fleetrun.errors import InputError, Problem

#: What tells one version of a folder from another: each name with its kind, rights,
#: size, time and number.
Fingerprint = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something below a folder."""

    name: str
    path: Path
    status: os.stat_result
    is_link: bool = False


def entries_of(folder: Path, *, follow: bool) -> list[Entry]:
    """Returns all that is below `folder`, folders before what they hold, by name.

    With `follow` links count as what they point at; a link that leads nowhere or
    back to a folder it lies in raises InputError.
    """
    return list(_walk(folder, "", follow=follow, above=(folder.resolve(),)))


def fingerprint(entries: list[Entry]) -> Fingerprint:
    """Returns what changes when one of the entries does."""
    return tuple(
        (entry.name, entry.status.st_mode, entry.status.st_size, entry.status.st_mtime_ns,
         entry.status.st_ino)
        for entry in entries
    )


def archive(entries: list[Entry], files: FileReader, *, decrypt: bool) -> bytes:
    """Returns the entries as a tar archive, the same for the same contents.

    It is of GNU's format, which every tar understands. Raises InputError.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.mode = entry.status.st_mode & 0o7777
            content = b""
            if entry.is_link:
                info.type, info.linkname = tarfile.SYMTYPE, str(entry.path.readlink())
            elif entry.path.is_dir():
                info.type = tarfile.DIRTYPE
            else:
                content = files.read(str(entry.path), decrypt=decrypt)
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def _walk(folder: Path, prefix: str, *, follow: bool, above: tuple[Path, ...]) -> Iterator[Entry]:
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.name}"
        if path.is_symlink() and not follow:
            yield Entry(name=name, path=path, status=path.lstat(), is_link=True)
            continue
        try:
            status = path.stat()
        except OSError as error:
            raise _unreadable(path, str(error.strerror)) from error
        if path.is_dir():
            real = path.resolve()
            if real in above:
                raise _unreadable(path, "it is a link to a folder that it lies in")
            yield Entry(name=name, path=path, status=status)
            yield from _walk(path, f"{name}/", follow=follow, above=(*above, real))
        elif path.is_file():
            yield Entry(name=name, path=path, status=status)


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError([Problem(
        kind="input/unreadable-file", message=f"cannot read {path}: {reason}",
        hint="local_follow: false copies links as links",
    )])
