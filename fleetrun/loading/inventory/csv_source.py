"""CSV inventories: one device per row, the source for very large fleets.

The header is required. `name` is the device; `groups` holds its groups,
separated by ``;``; every other column is a variable, kept as text, and an empty
cell is a variable that is not set. Lines that start with ``#`` are comments.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fleetrun.errors import Mark
from fleetrun.loading.inventory.build import MAX_PROBLEMS, InventoryBuilder
from fleetrun.loading.inventory.groups import UNGROUPED
from fleetrun.loading.inventory.names import shown
from fleetrun.loading.inventory.textfile import is_sealed_file, note_bad_encoding, read_text
from fleetrun.loading.vault.values import secret
from fleetrun.loading.yamlfile import as_operator_text
from fleetrun.model.values import NO_VARS, Value, Vars

NAME, GROUPS = "name", "groups"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: A column with more different cells (an address) shares no text between rows.
_MAX_SHARED = 4096


def load_csv(builder: InventoryBuilder, path: Path) -> None:
    """Adds the devices of a CSV file; everything wrong goes to the builder's problems."""
    try:
        if is_sealed_file(path):
            text = read_text(builder, path)
            if text is not None:
                _read(builder, path, io.StringIO(text, newline=""), is_secret=True)
            return
        with path.open("r", encoding="utf-8-sig", newline="") as file:
            _read(builder, path, file)
    except UnicodeDecodeError:
        _find_bad_byte(builder, path)
    except OSError as exc:
        builder.problem("input/unreadable-file", f"cannot read {path}: {exc.strerror}")


def _read(
    builder: InventoryBuilder, path: Path, file: IO[str], *, is_secret: bool = False
) -> None:
    reader = _CsvReader(builder, str(path), is_secret=is_secret)
    rows = csv.reader(file, skipinitialspace=True, strict=True)
    try:
        header = next((row for row in rows if row and not row[0].startswith("#")), None)
        if reader.take_header(header, rows.line_num):
            reader.take_rows(_numbered(rows))
    except csv.Error as exc:
        builder.problem(
            "input/csv-syntax", f"this is not valid CSV: {exc}",
            Mark(file=str(path), line=max(1, rows.line_num)),
            hint="a cell with a comma or a quote stands in quotes, and a quote in it is doubled",
        )


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line that each starts in; a quoted cell may span lines."""
    line_num = getattr(rows, "line_num", 0)
    for row in rows:
        yield line_num + 1, row
        line_num = getattr(rows, "line_num", 0)


def _find_bad_byte(builder: InventoryBuilder, path: Path) -> None:
    content = path.read_bytes()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        note_bad_encoding(builder, path, content[: exc.start], content[exc.start])


class _CsvReader:
    """Reads one file."""

    def __init__(self, builder: InventoryBuilder, file: str, *, is_secret: bool) -> None:
        self._builder = builder
        self._is_secret = is_secret
        self._file = file
        self._width = 0
        self._name_at = 0
        self._groups_at = -1
        #: Position, variable and texts already seen, of each variable's column.
        self._columns: list[tuple[int, str, dict[str, str]]] = []
        #: Line of each device.
        self._lines: dict[str, int] = {}
        #: Groups of each different text in the column `groups`.
        self._group_cells: dict[str, tuple[str, ...]] = {}

    def take_header(self, header: list[str] | None, line: int) -> bool:
        """Learns the columns; False after noting what is wrong with them."""
        mark = Mark(file=self._file, line=max(1, line))
        names = [cell.strip() for cell in header or []]
        if NAME not in names:
            self._no_name_column(names, mark)
            return False
        before = len(self._builder.problems)
        for position, name in enumerate(names):
            self._check_column(name, names.index(name) != position, mark)
        self._width = len(names)
        self._name_at = names.index(NAME)
        self._groups_at = names.index(GROUPS) if GROUPS in names else -1
        self._columns = [
            (position, name, {}) for position, name in enumerate(names)
            if name not in (NAME, GROUPS)
        ]
        return len(self._builder.problems) == before

    def _no_name_column(self, names: list[str], mark: Mark) -> None:
        hint = "the first line names the columns: name,ansible_host,groups"
        if len(names) == 1 and (sign := next((s for s in ";\t|" if s in names[0]), "")):
            hint = f"separate the columns by commas, not by {sign!r}"
        self._builder.problem(
            "input/csv-header", "the header has no column `name`", mark, hint=hint
        )

    def _check_column(self, name: str, is_repeated: bool, mark: Mark) -> None:
        if is_repeated:
            self._builder.problem(
                "input/csv-header", f"the column `{shown(name)}` stands twice in the header", mark
            )
        elif not _VARIABLE.match(name):
            better = re.sub(r"\W", "_", name, flags=re.ASCII)
            hint = f"call it `{better}`" if _VARIABLE.match(better) else "give it a name"
            self._builder.problem(
                "input/csv-header", f"the column `{shown(name)}` cannot be a variable", mark,
                hint=hint,
            )

    def take_rows(self, rows: Iterator[tuple[int, list[str]]]) -> None:
        """Adds the devices."""
        for line, row in rows:
            if not row or row[0].startswith("#"):
                continue
            mark = Mark(file=self._file, line=line)
            if len(row) != self._width:
                self._wrong_width(row, mark)
                if len(self._builder.problems) > MAX_PROBLEMS:
                    return
                continue
            self._take_row(row, mark)

    def _take_row(self, row: list[str], mark: Mark) -> None:
        builder = self._builder
        name = row[self._name_at].strip()
        first = self._lines.setdefault(name, mark.line)
        if first != mark.line:
            builder.problem(
                "input/duplicate-device",
                f"the device `{shown(name)}` stands twice: lines {first} and {mark.line}",
                mark, label=f"first in line {first}",
                hint="one row per device; put all its groups into the column `groups`",
            )
            return
        cell = row[self._groups_at] if self._groups_at >= 0 else ""
        groups = self._group_cells.get(cell)
        if groups is None:
            groups = self._group_cells[cell] = self._define_groups(cell, mark)
        values = self._values(row, mark)
        if self._is_secret:
            values = {column: secret(cell) for column, cell in values.items()}
        builder.add_device(name, groups, values, mark)

    def _values(self, row: list[str], mark: Mark) -> Vars:
        values: dict[str, Value] = {}
        for position, name, seen in self._columns:
            cell = row[position]
            if not cell:
                continue
            if "{" in cell:
                values[name] = as_operator_text(cell, mark)
            elif len(seen) < _MAX_SHARED:
                values[name] = seen.setdefault(cell, cell)
            else:
                values[name] = seen.get(cell, cell)
        return values or NO_VARS

    def _define_groups(self, cell: str, mark: Mark) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(filter(None, map(str.strip, cell.split(";")))))
        for name in names:
            self._builder.define_group(name, mark)
        return names or (UNGROUPED,)

    def _wrong_width(self, row: list[str], mark: Mark) -> None:
        self._builder.problem(
            "input/csv-row", f"the row has {len(row)} cells, the header has {self._width}", mark,
            hint="put a cell that holds a comma in quotes; leave a cell empty to set nothing",
        )
