"""Text of inventory files, read with a limit and clear errors."""

from __future__ import annotations

from pathlib import Path

from fleetrun.errors import InputError, Mark
from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.folders import is_regular_file
from fleetrun.loading.vault import HEADER, is_sealed, open_text

MAX_BYTES = 256 << 20


def read_text(builder: InventoryBuilder, path: Path) -> str | None:
    """The text of a UTF-8 file, decrypted; None after noting why it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as exc:
        builder.problem("input/unreadable-file", f"cannot read {path}: {exc.strerror}")
        return None
    if len(content) > MAX_BYTES:
        builder.problem("input/too-large", f"{path} is larger than {MAX_BYTES >> 20} MiB")
        return None
    if is_sealed(content):
        opened = open_source(builder, path, content)
        if opened is None:
            return None
        content = opened
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        note_bad_encoding(builder, path, content[: exc.start], content[exc.start])
        return None


def open_source(builder: InventoryBuilder, path: Path, content: bytes) -> bytes | None:
    """What an encrypted inventory holds; None after noting why it cannot be opened."""
    builder.is_reproducible = False  # what it says must not be kept
    try:
        return open_text(content, str(path))
    except InputError as exc:
        builder.problems += exc.problems
        return None


def is_sealed_file(path: Path) -> bool:
    """True for a regular file that is encrypted; False also when it cannot be read.

    The bytes of a pipe come only once.
    """
    if not is_regular_file(path):
        return False
    try:
        with path.open("rb") as file:
            return is_sealed(file.read(len(HEADER)))
    except OSError:
        return False


def note_bad_encoding(builder: InventoryBuilder, path: Path, before: bytes, byte: int) -> None:
    """Notes a file that is no UTF-8, with the place of its first bad byte."""
    line = before.count(b"\n") + 1
    column = len(before) - before.rfind(b"\n")
    builder.problem(
        "input/encoding", f"this is not UTF-8 text (byte 0x{byte:02x})",
        Mark(file=str(path), line=line, column=column), hint="save the file as UTF-8",
    )
