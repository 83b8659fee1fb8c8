"""assemble: fragments of the controller put together, as the device would."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fleetrun.actions.contents import Contents
from fleetrun.actions.files import with_content
from fleetrun.errors import InputError, Problem
from fleetrun.model.values import Value
from fleetrun.planning.arguments import ArgumentError
from fleetrun.planning.toolbox import ActionContext, Prepared

_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f",
            b"v": b"\v", b"\\": b"\\", b"'": b"'", b'"': b'"', b"\n": b""}


class AssemblePreparer:
    """assemble: reads the fragments unless they are on the device."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with what the device needs; raises InputError, ArgumentError."""
        delimiter = _delimiter(str(args.get("delimiter") or ""))
        if args.get("remote_src") is not False:
            text = delimiter.decode("utf-8", "surrogateescape")
            return Prepared(args={**args, "_delimiter": text})
        folder = Path(self._contents.find(str(args["src"]), "files", context.task.search_dirs))
        if not folder.is_dir():
            raise InputError([Problem(
                kind="input/missing-file", message=f"Source ({folder}) is not a directory",
            )])
        fragments = [self._contents.read(str(path)) for path in _fragments(folder, args)]
        return with_content(args, _joined(fragments, delimiter))


def _fragments(folder: Path, args: Mapping[str, Value]) -> Iterator[Path]:
    """Files of the folder that are asked for, by name."""
    try:
        wanted = re.compile(str(args.get("regexp") or ""))
    except re.error as error:
        raise ArgumentError(f"assemble: Invalid Regexp ({error})") from error
    for path in sorted(folder.iterdir()):
        hidden = args.get("ignore_hidden") is True and path.name.startswith(".")
        if path.is_file() and not hidden and wanted.search(path.name):
            yield path


def _joined(fragments: list[bytes], delimiter: bytes) -> bytes:
    parts: list[bytes] = []
    for index, fragment in enumerate(fragments):
        if index:
            parts += [b"" if fragments[index - 1].endswith(b"\n") else b"\n", delimiter]
        parts.append(fragment)
    return b"".join(parts)


def _delimiter(text: str) -> bytes:
    """The delimiter with its escapes replaced, and a newline at its end."""
    raw = _ESCAPE.sub(_unescaped, text.encode("utf-8", "surrogateescape"))
    return raw if not raw or raw.endswith(b"\n") else raw + b"\n"


def _unescaped(found: re.Match[bytes]) -> bytes:
    name = found.group(1)
    if name[:1] == b"x" and len(name) == 3:
        return bytes([int(name[1:], 16)])
    if name.isdigit() and name < b"8":
        return bytes([int(name, 8) & 255])
    return _LETTERS.get(name, b"\\" + name)
