"""YAML nodes and the values that they stand for.

Scalars resolve as in YAML 1.1 under PyYAML (and so under Ansible): ``yes`` is
true, ``0644`` is the octal number 420, ``1e3`` is text because it has no dot.
Two rules of YAML 1.1 surprise everybody and are left out: ``22:22`` is text
(no base 60) and ``2026-01-01`` is text (no dates).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from enum import Enum

from fleetrun.errors import Mark, Problem
from fleetrun.loading.vault import VaultError
from fleetrun.loading.vault.values import SEALED_KEY, UNSAFE_KEY, VAULT_TAGS, hidden, opened
from fleetrun.model.values import TemplateText

_YAML = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **dict.fromkeys(["yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
}
_FIRST_OF_NUMBER = frozenset("-+0123456789.")
_INT = re.compile(
    r"[-+]?(?:0b(?P<bin>[01_]+)|0x(?P<hex>[0-9a-fA-F_]+)|0(?P<oct>[0-7_]+)|0|[1-9][0-9_]*)\Z"
)
_FLOAT = re.compile(
    r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_TEMPLATE = re.compile(r"\{[{%#]")

#: What a plain or tagged scalar becomes.
Scalar = None | bool | int | float | str | bytes


class NodeKind(Enum):
    """Kinds of YAML nodes."""

    SCALAR = "scalar"
    SEQUENCE = "sequence"
    MAPPING = "mapping"


class Node:
    """A YAML node and where it stands (positions count from 0)."""

    __slots__ = (
        "built", "children", "column", "height", "is_plain", "kind", "length", "line", "tag",
        "text", "weight",
    )

    def __init__(self, kind: NodeKind, tag: str | None, line: int, column: int) -> None:
        self.kind = kind
        self.tag = tag
        self.line = line
        self.column = column
        self.length = 1
        self.text = ""
        #: Unquoted, so that its type is resolved from the text.
        self.is_plain = False
        #: Elements; of a mapping key, value, key, value and so on
        self.children: list[Node] = []
        #: Number of nodes, aliases expanded; long text counts as several.
        self.weight = 1
        #: Levels of nesting below and including this node.
        self.height = 1
        #: The finished value, so that aliases share it.
        self.built: object = None

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Keys and values of a mapping, in file order."""
        children = iter(self.children)
        return zip(children, children, strict=True)

    @property
    def is_merge_key(self) -> bool:
        """True for an unquoted ``<<``."""
        return self.is_plain and self.tag is None and self.text == "<<"

    def mark(self, file: str) -> Mark:
        """Position of this node, from 1."""
        return Mark(file=file, line=self.line + 1, column=self.column + 1, length=self.length)


def resolve_plain(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBER:
        return text
    number = _to_int(text)
    if number is not None:
        return number
    if _FLOAT.match(text):
        return _to_float(text)
    return text


def _to_int(text: str) -> int | None:
    """None when `text` is not an integer, or is longer than Python takes."""
    found = _INT.match(text)
    if found is None:
        return None
    digits, base = text.lstrip("+-"), 10
    for name, candidate in (("bin", 2), ("hex", 16), ("oct", 8)):
        if found[name] is not None:
            digits, base = found[name], candidate
    try:
        number = int(digits.replace("_", "") or ("0" if base == 8 else ""), base)
    except ValueError:
        return None
    return -number if text[0] == "-" else number


def _to_float(text: str) -> float:
    plain = text.replace("_", "").lower()
    if plain.endswith((".inf", ".nan")):
        return float(plain.replace(".", ""))
    return float(plain)


def as_operator_text(text: str, mark: Mark | None = None) -> str:
    """`text` as a `TemplateText` when it holds ``{{``, ``{%`` or ``{#``, else as it is."""
    if "{" in text and _TEMPLATE.search(text):
        return TemplateText(text, mark)
    return text


class ValueBuilder:
    """Turns nodes into plain Python values and collects what is wrong with them."""

    def __init__(
        self, file: str, lines: list[str], *, trusted: bool, is_secret: bool = False
    ) -> None:
        """Makes a builder; with `is_secret` every text is a secret (an encrypted file's)."""
        self._file = file
        self._lines = lines
        self._trusted = trusted
        self._is_secret = is_secret
        self.problems: list[Problem] = []

    def build(self, node: Node, *, trusted: bool | None = None) -> object:
        """The value of `node`; after problems were found it is of no use."""
        trusted = self._trusted if trusted is None else trusted
        if node.built is not None and trusted == self._trusted:
            return node.built
        trusted = trusted and node.tag != "!unsafe"
        if node.tag is not None and not self._is_tag_fit(node):
            return None
        built = self._build(node, trusted=trusted)
        if trusted == self._trusted:
            node.built = built
        return built

    def _build(self, node: Node, *, trusted: bool) -> object:
        if node.kind is NodeKind.SCALAR:
            return self._scalar(node, trusted=trusted)
        if node.kind is NodeKind.SEQUENCE:
            return [self.build(child, trusted=trusted) for child in node.children]
        return self._mapping(node, trusted=trusted)

    def _problem(
        self, node: Node, kind: str, message: str, *, label: str = "", hint: str = ""
    ) -> None:
        mark = node.mark(self._file)
        self.problems.append(
            Problem(kind=kind, message=message, mark=mark, label=label, hint=hint)
        )

    def _is_tag_fit(self, node: Node) -> bool:
        tag = node.tag or ""
        fits = {
            NodeKind.SCALAR: {"!", "!unsafe", *VAULT_TAGS, *(_YAML + t for t in _SCALAR_TAGS)},
            NodeKind.SEQUENCE: {"!", "!unsafe", _YAML + "seq"},
            NodeKind.MAPPING: {"!", "!unsafe", _YAML + "map"},
        }
        if tag in VAULT_TAGS and not self._trusted:
            fits = {}  # a device's text must not have anything decrypted
        if tag in fits.get(node.kind, ()):
            return True
        shown = "!!" + tag.removeprefix(_YAML) if tag.startswith(_YAML) else tag
        self._problem(
            node, "input/yaml-tag", f"unknown YAML tag `{shown}` on a {node.kind.value}",
            hint="only plain data and the tags !unsafe and !vault may stand here; remove the tag",
        )
        return False

    def _scalar(self, node: Node, *, trusted: bool) -> Scalar:
        if node.tag is None or node.tag in {"!", "!unsafe", _YAML + "str"}:
            if node.is_plain and node.tag is None:
                value = resolve_plain(node.text)
                if not isinstance(value, str):
                    if self._is_secret and type(value) in {int, float}:
                        hidden(node.text)  # as text, or in a result; 4 digits may be a PIN
                    return value
            text: str = node.text
            if trusted and "{" in text:
                text = as_operator_text(text, node.mark(self._file))
            return hidden(text) if self._is_secret else text
        if node.tag in VAULT_TAGS:
            return self._sealed(node.text, node)
        return self._tagged_scalar(node, node.tag.removeprefix(_YAML))

    def _tagged_scalar(self, node: Node, tag: str) -> Scalar:
        if tag == "binary":
            return self._binary(node)
        value = resolve_plain(node.text)
        if tag == "float" and type(value) is int and abs(value) < 1 << 1000:
            return float(value)
        wanted = {"int": int, "float": float, "bool": bool, "null": type(None)}[tag]
        if type(value) is not wanted:
            shown = node.text if len(node.text) < 60 else node.text[:57] + "..."
            self._problem(node, "input/yaml-value", f"`{shown}` is not a YAML {tag}")
        return value

    def _sealed(self, text: str, node: Node) -> str:
        """What an encrypted value holds: a secret, and never a template."""
        try:
            return opened(text)
        except VaultError as exc:
            self.problems.append(exc.problem("this value", node.mark(self._file)))
            return ""

    def _binary(self, node: Node) -> bytes:
        try:
            return base64.b64decode("".join(node.text.split()), validate=True)
        except ValueError:  # binascii.Error, and characters that are not ASCII
            self._problem(node, "input/yaml-value", "this is not base64 text")
            return b""

    def _mapping(self, node: Node, *, trusted: bool) -> object:
        own: dict[object, object] = {}
        first: dict[object, Node] = {}
        merged: dict[object, object] = {}
        for key_node, value_node in node.pairs():
            key = "<<" if key_node.is_merge_key else self._key(key_node, trusted=trusted)
            if key is _NO_KEY:
                continue
            key_node.built = key
            index = ("<<",) if key_node.is_merge_key else key
            if index in first:
                self._duplicate(key_node, first[index])
                continue
            first[index] = key_node
            if key_node.is_merge_key:
                merged = self._merge(value_node, trusted=trusted)
            else:
                own[key] = self.build(value_node, trusted=trusted)
        if self._trusted and own.keys() == {SEALED_KEY} and isinstance(own[SEALED_KEY], str):
            return self._sealed(own[SEALED_KEY], node)
        if self._trusted and own.keys() == {UNSAFE_KEY} and isinstance(own[UNSAFE_KEY], str):
            return str(own[UNSAFE_KEY])
        return {**merged, **own} if merged else own

    def _key(self, node: Node, *, trusted: bool) -> object:
        if node.kind is NodeKind.SCALAR:
            is_secret, self._is_secret = self._is_secret, False  # a name is none
            try:
                return self.build(node, trusted=trusted)
            finally:
                self._is_secret = is_secret
        line = self._lines[node.line] if node.line < len(self._lines) else ""
        template = line[max(0, node.column - 1):]
        if not template.startswith("{{"):
            self._problem(
                node, "input/yaml-key", f"a {node.kind.value} cannot be a key",
                hint="write a plain word as the key",
            )
            return _NO_KEY
        length = template.find("}}") + 2 if "}}" in template else 2
        mark = Mark(file=self._file, line=node.line + 1, column=node.column, length=length)
        self.problems.append(Problem(
            kind="input/unquoted-template", message="a template must stand in quotes", mark=mark,
            label="YAML reads these braces as a mapping",
            hint='write the whole value in quotes: "{{ ... }}"',
        ))
        return _NO_KEY

    def _duplicate(self, node: Node, first: Node) -> None:
        hint = f"keep one of the two; the first is in line {first.line + 1}"
        if node.is_merge_key:
            hint = "write one merge key with a list: `<<: [*first, *second]`"
        self._problem(
            node, "input/duplicate-key",
            f"the key `{node.text}` stands twice in one mapping: "
            f"lines {first.line + 1} and {node.line + 1}",
            label=f"first in line {first.line + 1}", hint=hint,
        )

    def _merge(self, node: Node, *, trusted: bool) -> dict[object, object]:
        parts = node.children if node.kind is NodeKind.SEQUENCE else [node]
        merged: dict[object, object] = {}
        for part in reversed(parts):  # the first of the list wins
            if part.kind is not NodeKind.MAPPING:
                self._problem(
                    part, "input/yaml-merge", "`<<` needs a mapping or a list of mappings",
                    hint="point it at an anchor of a mapping: `<<: *name`",
                )
                continue
            built = self.build(part, trusted=trusted)
            if isinstance(built, dict):
                merged.update(built)
        return merged


_NO_KEY = object()
_SCALAR_TAGS = ("str", "int", "float", "bool", "null", "binary")
