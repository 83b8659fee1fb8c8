"""INI inventories: [group], [group:children], [group:vars], and host lines.

Read as Ansible reads them: a host line is split like a shell line and may name
a range and a port; values are Python literals where they are some (`literals`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from fleetrun.errors import Mark, Problem
from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.groups import UNGROUPED
from fleetrun.loading.inventory.hostpattern import HostPatternError, expand, split_port
from fleetrun.loading.inventory.literals import typed
from fleetrun.loading.inventory.names import shown
from fleetrun.loading.inventory.textfile import is_sealed_file, read_text
from fleetrun.loading.vault.values import secret
from fleetrun.model.values import NO_VARS, Value, Vars

_SECTION = re.compile(r"\[(?P<name>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:#.*)?\Z")
#: ``[2001:db8::5]:2200``, a host line that starts like a section.
_ADDRESS = re.compile(r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*\](?::\d+)?(?:\s|\Z)")
_CHILD = re.compile(r"(?P<name>[^:\]\s]+)\s*(?:#.*)?\Z")
_NEEDS_SHLEX = re.compile(r"[\"'\\#]")
_HOSTS, _CHILDREN, _VARS = "hosts", "children", "vars"


def load_ini(builder: InventoryBuilder, path: Path) -> None:
    """Adds what an INI file says; everything wrong goes to the builder's problems."""
    is_secret = is_sealed_file(path)
    text = read_text(builder, path)
    if text is not None:
        _IniReader(builder, str(path), is_secret=is_secret).read(text)


def load_host_list(builder: InventoryBuilder, source: str) -> None:
    """Adds the devices of a list such as ``gw-1,gw-2:2222,`` to `ungrouped`."""
    reader = _IniReader(builder, source if len(source) <= 60 else source[:57] + "...")
    column = 1
    for part in source.split(","):
        if part.strip():
            reader.add_devices(part.strip(), NO_VARS, reader.mark(1, column, len(part)))
        column += len(part) + 1


class _IniReader:
    """Reads one file; remembers the section that it is in."""

    def __init__(
        self, builder: InventoryBuilder, file: str, *, is_secret: bool = False
    ) -> None:
        self._builder = builder
        self._is_secret = is_secret
        self._file = file
        self._group = UNGROUPED
        self._kind = _HOSTS

    def mark(self, line: int, column: int = 1, length: int = 1) -> Mark:
        """A place in this file."""
        return Mark(file=self._file, line=line, column=column, length=max(1, length))

    def read(self, text: str) -> None:
        """Takes every line."""
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.strip()
            if not line or line[0] in "#;":
                continue
            mark = self.mark(number, raw.index(line[0]) + 1, len(line))
            if line[0] == "[" and not _ADDRESS.match(line):
                self._section(line, mark)
            elif self._kind == _HOSTS:
                self._host_line(line, mark)
            elif self._kind == _CHILDREN:
                self._child_line(line, mark)
            elif self._kind == _VARS:
                self._vars_line(line, mark)

    def _section(self, line: str, mark: Mark) -> None:
        found = _SECTION.match(line)
        if found is None:
            self._kind = ""  # what follows belongs to nothing that is known
            self._builder.problem(
                "input/inventory-syntax", f"`{shown(line)}` is not a section", mark,
                hint="write [group], [group:children] or [group:vars], without spaces",
            )
            return
        self._group = found["name"]
        self._kind = found["kind"] or _HOSTS
        if self._kind not in (_HOSTS, _CHILDREN, _VARS):
            self._builder.problems.append(Problem(
                kind="input/inventory-syntax", message=f"unknown kind of section `{self._kind}`",
                mark=mark, allowed=(_HOSTS, _CHILDREN, _VARS),
            ))
            self._kind = ""
        elif self._kind == _VARS:
            self._builder.set_group_vars(self._group, NO_VARS, mark, is_definition=False)
        else:
            self._builder.define_group(self._group, mark)

    def _child_line(self, line: str, mark: Mark) -> None:
        found = _CHILD.match(line)
        if found is None:
            self._builder.problem(
                "input/inventory-syntax",
                f"expected the name of one group, not `{shown(line)}`", mark,
            )
            return
        self._builder.add_child(self._group, found["name"], mark, is_definition=False)

    def _typed(self, text: str, mark: Mark) -> Value:
        value = typed(text, mark)
        return secret(value) if self._is_secret else value

    def _vars_line(self, line: str, mark: Mark) -> None:
        name, is_pair, value = line.partition("=")
        name = name.strip()
        if not is_pair or not name:
            self._builder.problem(
                "input/inventory-syntax", f"expected name=value, not `{shown(line)}`", mark,
                hint=f"this is the section [{self._group}:vars]",
            )
            return
        values = {name: self._typed(value.strip(), mark)}
        self._builder.set_group_vars(self._group, values, mark, is_definition=False)

    def _host_line(self, line: str, mark: Mark) -> None:
        words = self._split(line, mark)
        if not words:
            return
        pattern = words[0]
        if pattern == "---" or (len(words) == 1 and pattern.endswith(":")):
            self._builder.problem(
                "input/inventory-syntax", f"`{pattern}` is no device; is this a YAML file?", mark,
                hint="give a YAML inventory the ending .yml",
            )
            return
        values = self._inline_vars(words[1:], mark)
        self.add_devices(pattern, values, mark, width=len(pattern))

    def _split(self, line: str, mark: Mark) -> list[str]:
        if not _NEEDS_SHLEX.search(line):
            return line.split()
        try:
            return shlex.split(line, comments=True)
        except ValueError as exc:
            self._builder.problem(
                "input/inventory-syntax", f"cannot split this line: {exc}".lower(), mark,
                hint="close the quote, or put a backslash before a quote that is part of the text",
            )
            return []

    def _inline_vars(self, words: list[str], mark: Mark) -> Vars:
        values: dict[str, Value] = {}
        for word in words:
            name, is_pair, value = word.partition("=")
            if is_pair and name:
                values[name] = self._typed(value, mark)
                continue
            self._builder.problem(
                "input/inventory-syntax",
                f"expected name=value after the device, not `{shown(word)}`", mark,
                hint="put a value with spaces in quotes; write one device per line",
            )
        return values or NO_VARS

    def add_devices(self, pattern: str, values: Vars, mark: Mark, *, width: int = 0) -> None:
        """Adds the devices that `pattern` stands for to the current group."""
        try:
            names, port = _devices(pattern)
        except HostPatternError as exc:
            self._builder.problem(
                "input/device-name", f"`{shown(pattern)}` names no device: {exc}", mark
            )
            return
        if port is not None:
            values = {"ansible_port": port, **values}
        place = self.mark(mark.line, mark.column, width or mark.length)
        groups = (self._group,)
        for name in names:
            self._builder.add_device(name, groups, values, place)


def _devices(pattern: str) -> tuple[Iterator[str], int | None]:
    host, port = split_port(pattern)
    return iter(expand(host)), port
