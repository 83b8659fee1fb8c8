"""Reads YAML files: plain values, positions of everything, clear errors.

PyYAML's C parser gives events; nodes are made of them here, one at a time and
without recursion, so that depth, size and aliases have a budget before any
value exists. No class of PyYAML ever constructs a value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import yaml

from fleetrun.errors import InputError, Mark, Problem
from fleetrun.loading.vault import is_sealed, open_text
from fleetrun.loading.yamlvalues import Node, NodeKind, ValueBuilder, as_operator_text

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "YamlDocument", "as_operator_text", "read_yaml"]

MAX_BYTES = 16 << 20
#: Levels of nesting, aliases expanded.
MAX_DEPTH = 64
#: Nodes of a file, aliases expanded; `_TEXT_PER_NODE` characters of text count as one more.
MAX_NODES = 1_000_000
_TEXT_PER_NODE = 256

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What YAML counts as a line end (YAML 1.1, "line break characters").
_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)

Pointer = tuple[str | int, ...]


class YamlDocument:
    """A YAML file: its values, and where each of them stands.

    Attributes:
        file: Path as given, for marks.
        text: The file's text.
        sha256: Hex digest of the file's bytes.
        documents: Value of each document in the file; may be empty.
        is_secret: It was encrypted.
    """

    def __init__(self, file: str, content: bytes, *, trusted: bool) -> None:
        self.file = file
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.is_secret = trusted and is_sealed(content)
        self.text = _decode(file, open_text(content, file) if self.is_secret else content)
        self._roots = _compose_all(file, self.text)
        builder = ValueBuilder(
            file, _LINE_ENDS.split(self.text), trusted=trusted,
            # A list is a playbook or tasks: hiding their words would hide every report.
            is_secret=self.is_secret and any(root.kind is NodeKind.MAPPING for root in self._roots),
        )
        self.documents: tuple[object, ...] = tuple(builder.build(root) for root in self._roots)
        if builder.problems:
            raise InputError(builder.problems)

    @property
    def value(self) -> object:
        """Value of the first document; None when the file is empty."""
        return self.documents[0] if self.documents else None

    def mark(self, pointer: Pointer = (), *, document: int = 0) -> Mark:
        """Position of the value at `pointer`, or of the last part that exists."""
        nodes = [value for _, value in self._walk(pointer, document)]
        return nodes[-1].mark(self.file) if nodes else Mark(file=self.file, line=1)

    def key_mark(self, pointer: Pointer, *, document: int = 0) -> Mark:
        """Position of the key at `pointer` in its mapping; of a list's element itself."""
        nodes = [key for key, _ in self._walk(pointer, document)]
        return nodes[-1].mark(self.file) if nodes else Mark(file=self.file, line=1)

    def source(self, pointer: Pointer, *, document: int = 0) -> str | None:
        """The unquoted text at `pointer` as it is written; None for anything else.

        Tells `0644` from `420` and `NO` from `false` where text was expected.
        """
        found = list(self._walk(pointer, document))
        if len(found) != len(pointer) + 1 or not found[-1][1].is_plain:
            return None
        return found[-1][1].text

    def _walk(self, pointer: Pointer, document: int) -> Iterator[tuple[Node, Node]]:
        """Key node and value node of each part of `pointer`, the root first."""
        if document >= len(self._roots):
            return
        node = self._roots[document]
        yield node, node
        for part in pointer:
            found = _child(node, part)
            if found is None:
                return
            yield found
            node = found[1]


def read_yaml(path: Path, *, trusted: bool = True, text: str | None = None) -> YamlDocument:
    """Reads a YAML file, or `text` in its place.

    Text with ``{{``, ``{%`` or ``{#`` becomes a `TemplateText` when `trusted`;
    `!unsafe` values never do. Only trusted text is decrypted. Raises InputError for
    anything that is wrong, always with a mark when the file could be read; never
    anything else.
    """
    content = _read(path) if text is None else text.encode("utf-8", "surrogatepass")
    if len(content) > MAX_BYTES:
        raise _error(
            "input/too-large", f"{path} is larger than {MAX_BYTES >> 20} MiB",
            Mark(file=str(path), line=1), hint="split the file; large inventories load from CSV",
        )
    return YamlDocument(str(path), content, trusted=trusted)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as exc:
        raise _error("input/missing-file", f"there is no file {path}") from exc
    except (OSError, ValueError) as exc:
        reason = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        raise _error("input/unreadable-file", f"cannot read {path}: {reason}") from exc


def _decode(file: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = content[: exc.start].decode("utf-8", "replace")
        raise _error(
            "input/encoding", f"this is not UTF-8 text (byte 0x{content[exc.start]:02x})",
            _mark_at_end_of(file, before), hint="save the file as UTF-8",
        ) from exc
    bad = _UNPRINTABLE.search(text)
    if bad:
        raise _error(
            "input/encoding", f"the control character U+{ord(bad[0]):04X} may not stand here",
            _mark_at_end_of(file, text[: bad.start()]),
            hint="remove it, or write it as an escape in double quotes",
        )
    return text


def _mark_at_end_of(file: str, before: str) -> Mark:
    lines = _LINE_ENDS.split(before)
    return Mark(file=file, line=len(lines), column=len(lines[-1]) + 1)


def _compose_all(file: str, text: str) -> list[Node]:
    composer = _Composer(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except yaml.YAMLError as exc:
        _refuse_if_too_deep(file, text, exc)
        raise _syntax_error(file, text, exc) from exc
    return composer.roots


def _refuse_if_too_deep(file: str, text: str, exc: yaml.YAMLError) -> None:
    """Raises the error of a text that libyaml, since 0.2.6, refuses for its depth.

    Its scanner reads ahead, so it gives up before the first event is there and
    far behind the place. The part before is read again by the slower parser,
    which has no limit of its own.
    """
    if not isinstance(exc, yaml.MarkedYAMLError) or "nesting depth" not in (exc.problem or ""):
        return
    index = getattr(exc.problem_mark, "index", None)
    composer = _Composer(file)
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text[:index], Loader=yaml.SafeLoader):
            composer.take(event)


class _Composer:
    """Makes nodes of parser events, within the budgets."""

    def __init__(self, file: str) -> None:
        self.roots: list[Node] = []
        self._file = file
        self._open: list[tuple[Node, str | None]] = []
        self._anchors: dict[str, Node] = {}
        self._weight = 0

    def take(self, event: yaml.Event) -> None:
        """Takes the next event."""
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
            self._add(node, node)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            node, anchor = self._open.pop()
            if anchor is not None:
                self._anchors[anchor] = node
            self._add(node, node)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, event.anchor or "")
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        line, column = _position(event.start_mark)
        end_line, end_column = _position(event.end_mark)
        node = Node(NodeKind.SCALAR, event.tag, line, column)
        node.text = event.value
        node.is_plain = event.implicit[0]
        if end_line == line:
            node.length = max(1, end_column - column)
        node.weight += len(node.text) // _TEXT_PER_NODE
        return node

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        kind = NodeKind.MAPPING if is_mapping else NodeKind.SEQUENCE
        node = Node(kind, event.tag, *_position(event.start_mark))
        if len(self._open) >= MAX_DEPTH:
            self._refuse_depth(node)
        if event.anchor is not None:
            # An alias inside would be endless; known again at the collection's end.
            self._anchors.pop(event.anchor, None)
        self._open.append((node, event.anchor))

    def _alias(self, event: yaml.AliasEvent, name: str) -> None:
        place = Node(NodeKind.SCALAR, None, *_position(event.start_mark))
        place.length = len(name) + 1
        if any(anchor == name for _, anchor in self._open):
            raise _error(
                "input/yaml-alias", f"the alias `*{name}` stands inside its own anchor",
                place.mark(self._file), hint="an alias must point at something finished before it",
            )
        target = self._anchors.get(name)
        if target is None:
            raise _error(
                "input/yaml-alias", f"there is no anchor `&{name}` before this alias",
                place.mark(self._file), hint="anchors hold within one document of a file; "
                "quote the text if it is not meant as an alias",
            )
        if len(self._open) + target.height > MAX_DEPTH + 1:
            self._refuse_depth(place)
        self._add(target, place)

    def _add(self, node: Node, place: Node) -> None:
        self._weight += node.weight if place is not node or node.kind is NodeKind.SCALAR else 1
        if self._weight > MAX_NODES:
            raise _error(
                "input/yaml-budget", f"more than {MAX_NODES} values, aliases expanded",
                place.mark(self._file), hint="use fewer aliases, or split the file",
            )
        if not self._open:
            self.roots.append(node)
            return
        parent = self._open[-1][0]
        parent.children.append(node)
        parent.weight += node.weight
        parent.height = max(parent.height, node.height + 1)

    def _refuse_depth(self, node: Node) -> None:
        raise _error(
            "input/yaml-depth", f"nested deeper than {MAX_DEPTH} levels", node.mark(self._file),
            hint="flatten this structure",
        )


class _Place(Protocol):
    """A mark of PyYAML's pure or C parser."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


def _position(mark: _Place | None) -> tuple[int, int]:
    """Line and column from 0 (a parser may leave the mark out)."""
    return (mark.line, mark.column) if mark is not None else (0, 0)


def _child(node: Node, part: str | int) -> tuple[Node, Node] | None:
    if node.kind is NodeKind.SEQUENCE:
        if isinstance(part, int) and 0 <= part < len(node.children):
            return node.children[part], node.children[part]
        return None
    if node.kind is NodeKind.SCALAR:
        return None
    merges: list[Node] = []
    for key, value in node.pairs():
        if key.is_merge_key:
            merges = value.children if value.kind is NodeKind.SEQUENCE else [value]
        elif key.built == part and isinstance(key.built, bool) == isinstance(part, bool):
            return key, value
    found = (_child(merge, part) for merge in merges if merge.kind is NodeKind.MAPPING)
    return next((pair for pair in found if pair is not None), None)


def _syntax_error(file: str, text: str, exc: yaml.YAMLError) -> InputError:
    mark = Mark(file=file, line=1)
    line = ""
    what = str(exc)
    if isinstance(exc, yaml.MarkedYAMLError):
        what = ": ".join(part for part in (exc.context, exc.problem) if part)
        place = exc.problem_mark or exc.context_mark
        if place is not None:
            mark = Mark(file=file, line=place.line + 1, column=place.column + 1)
            lines = _LINE_ENDS.split(text)
            line = lines[place.line] if place.line < len(lines) else ""
    return _error("input/yaml-syntax", f"this is not valid YAML: {what}", mark, hint=_advice(line))


def _advice(line: str) -> str:
    """What most probably went wrong in a line that YAML cannot read."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "the line is indented with a tab; YAML allows only spaces"
    if re.search(r"[:\-]\s+\{\{", line):
        return 'a value that starts with a template must stand in quotes: "{{ ... }}"'
    if re.search(r"^[^'\"#]*:\s[^'\"#]*:\s", line):
        return "put the value in quotes, as it holds a colon followed by a space"
    if re.search(r":\s+[@`%&*]", line):
        return "put the value in quotes, as it starts with a sign that YAML uses itself"
    return "look at this line and the one above: indentation, quotes, brackets"


def _error(kind: str, message: str, mark: Mark | None = None, *, hint: str = "") -> InputError:
    return InputError([Problem(kind=kind, message=message, mark=mark, hint=hint)])


def dump_yaml(value: object, **options: Any) -> str:
    """Returns `value` as YAML; `options` are PyYAML's, unknown ones raise TypeError."""
    options.setdefault("allow_unicode", True)
    options.setdefault("width", 1_000_000)
    # Ansible writes with libyaml where it is; the other one ends bare values with "...".
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(value, Dumper=dumper, **options))


def load_yaml_text(text: str) -> Any:
    """Returns one YAML document as plain data, for the filter; raises InputError."""
    return read_yaml(Path("from_yaml"), trusted=False, text=text).value


def load_all_yaml_text(text: str) -> list[Any]:
    """Returns all YAML documents in a text as plain data; raises InputError."""
    return list(read_yaml(Path("from_yaml_all"), trusted=False, text=text).documents)
