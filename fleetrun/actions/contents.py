"""The operator's files as they travel: read, hashed and escaped once for a whole fleet."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from fleetrun.actions import trees
from fleetrun.contracts import FileReader
from fleetrun.errors import Mark, TemplateError
from fleetrun.model.steps import Upload
from fleetrun.model.values import TemplateText, Value

#: Largest content that travels in the program text, bytes. Above it a second
#: channel costs two round trips and saves the shell from quoting it.
INLINE_BYTES: Final = 48 * 1024

#: Files that are kept for the next device: 2,000 devices must not hold 2,000
#: copies of one image.
CACHE_BYTES: Final = 256 * 1024 * 1024

#: What tells one version of a file from another.
_Version: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file's content as arguments of the copy module."""

    args: Mapping[str, Value]
    upload: Upload | None = None


def content_of(raw: bytes) -> Content:
    """Returns how `raw` travels: inside the program text, or as an upload."""
    digest = hashlib.sha256(raw).hexdigest()
    # What Ansible returns as `checksum`; playbooks compare it with what stat says.
    sha1 = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
    args: dict[str, Value] = {"_sha256": digest, "_sha1": sha1}
    if len(raw) > INLINE_BYTES:
        args["_src_path"] = f".fleetrun/f/{digest}"
        return Content(args=args, upload=Upload(content=raw, sha256=digest))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if "\0" in text or (raw and not text):
        return Content(args={**args, "_content_b": printf_escapes(raw)})
    return Content(args={**args, "content": text})


def printf_escapes(raw: bytes) -> str:
    """Returns `raw` for printf %b: plain where it can be, octal elsewhere."""
    return "".join(map(_ESCAPES.__getitem__, raw))


_ESCAPES: Final = tuple(
    chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\0{byte:03o}" for byte in range(256)
)


class Contents:
    """Reads the operator's files; a file that was not changed is read once."""

    def __init__(self, files: FileReader, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._files = files
        self._room = cache_bytes
        self._known: OrderedDict[tuple[str, bool, object], tuple[int, Content]] = OrderedDict()
        self._templates: dict[tuple[str, _Version], TemplateText] = {}

    def find(self, name: str, folder: str, bases: tuple[str, ...]) -> str:
        """Returns the path of a file; see `contracts.FileReader`."""
        return self._files.find(name, folder, bases)

    def read(self, path: str, *, decrypt: bool = True) -> bytes:
        """Returns a file's bytes, unkept; raises InputError."""
        return self._files.read(path, decrypt=decrypt)

    def content(self, path: str, *, decrypt: bool = True) -> Content:
        """Returns a file as it travels; raises InputError."""
        return self._cached(
            (path, decrypt, _version(path)), lambda: self._files.read(path, decrypt=decrypt)
        )

    def tree(self, path: str, *, decrypt: bool = True, follow: bool = True) -> Content:
        """Returns a folder as it travels, as a tar archive; raises InputError."""
        entries = trees.entries_of(Path(path), follow=follow)
        return self._cached(
            (path, decrypt, trees.fingerprint(entries)),
            lambda: trees.archive(entries, self._files, decrypt=decrypt),
        )

    def _cached(self, key: tuple[str, bool, object], read: Callable[[], bytes]) -> Content:
        known = self._known.get(key) if key[2] is not None else None
        if known is not None:
            return known[1]
        raw = read()
        content = content_of(raw)
        if key[2] is not None:
            self._keep(key, len(raw), content)
        return content

    def template(self, path: str) -> TemplateText:
        """Returns the template in a file; raises InputError, TemplateError."""
        version = _version(path)
        known = self._templates.get((path, version)) if version else None
        if known is not None:
            return known
        try:
            source = self._files.read(path).decode("utf-8")
        except UnicodeDecodeError as error:
            raise TemplateError(
                f"template {path} is not UTF-8 (byte {error.start})", kind="template/value"
            ) from error
        template = TemplateText(source, Mark(file=path, line=1))
        if version:
            self._templates[path, version] = template
        return template

    def _keep(self, key: tuple[str, bool, object], size: int, content: Content) -> None:
        self._known[key] = (size, content)
        self._room -= size
        while self._room < 0 and self._known:
            _, (freed, _) = self._known.popitem(last=False)
            self._room += freed


def _version(path: str) -> _Version | None:
    """What changes when a file does; None when that cannot be told."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
