"""Text of inventory files, read with a limit and clear errors."""

from __future__ import annotations

from pathlib import Path

from fleetrun.errors import Mark
from fleetrun.loading.inventory.build import InventoryBuilder

MAX_BYTES = 256 << 20


def read_text(builder: InventoryBuilder, path: Path) -> str | None:
    """The text of a UTF-8 file; None after noting why it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as exc:
        builder.problem("input/unreadable-file", f"cannot read {path}: {exc.strerror}")
        return None
    if len(content) > MAX_BYTES:
        builder.problem("input/too-large", f"{path} is larger than {MAX_BYTES >> 20} MiB")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        note_bad_encoding(builder, path, content[: exc.start], content[exc.start])
        return None


def note_bad_encoding(builder: InventoryBuilder, path: Path, before: bytes, byte: int) -> None:
    """Notes a file that is no UTF-8, with the place of its first bad byte."""
    line = before.count(b"\n") + 1
    column = len(before) - before.rfind(b"\n")
    builder.problem(
        "input/encoding", f"this is not UTF-8 text (byte 0x{byte:02x})",
        Mark(file=str(path), line=line, column=column), hint="save the file as UTF-8",
    )
