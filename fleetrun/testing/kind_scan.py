"""Finds every error kind in the source: what errors.md must have a sentence for.

A kind is a constant ``prefix/words``; the few others that look like one are listed.
Where a kind is put together (``f"lost/{kind}"``), its last part is followed to where
it is chosen: an assignment, the argument of a call, or the first part of the tuples
that a function returns.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, TypeGuard

import fleetrun
from fleetrun.loading.modules import modules_folder

_KIND: Final = re.compile(r"[a-z]+/[a-z]+(?:-[a-z]+)*")
_FAMILY: Final = re.compile(r"[a-z]+/")
_WORD: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
#: `fr_fail "message" module/kind`: the last word of a command in sh.
_SH_KIND: Final = re.compile(r"\s((?:module|task)/[a-z]+(?:-[a-z]+)*)\b")
#: Constants that only look like a kind.
_NO_KINDS: Final = frozenset({
    "application/json", "application/x-www-form-urlencoded", "application/octet-stream",
    "fs/etc", "lab/bad-update", "usr/local", "yes/no"})
#: Tells about kinds, raises none.
_NOT_SCANNED: Final = "testing"

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def error_kinds() -> frozenset[str]:
    """Returns every error kind that the source can give."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _sources()]
    found: set[str] = set()
    for tree in trees:
        found |= {text for text in _texts(tree) if _KIND.fullmatch(text)}
        found |= set(_JoinedKinds(tree).kinds())
    for path in modules_folder().rglob("*.sh"):
        found |= set(_SH_KIND.findall(path.read_text(encoding="utf-8")))
    return frozenset(found) - _NO_KINDS


def _sources() -> Iterator[Path]:
    package = Path(fleetrun.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] != _NOT_SCANNED:
            yield path


def _words_in(tree: ast.AST) -> Iterator[str]:
    return (text for text in _texts(tree) if _WORD.fullmatch(text))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


class _JoinedKinds:
    """The kinds that one source file puts together of a prefix and a word."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions = {
            node.name: node for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    def kinds(self) -> Iterator[str]:
        """Yields them; raises ValueError where a word cannot be followed."""
        for function in self._functions.values():
            for prefix, variable in _joins(function):
                words = set(self._words_of(variable, function))
                if not words:
                    raise ValueError(f"{function.name}: no words for {prefix}{{{variable}}}")
                yield from (f"{prefix}{word}" for word in words)

    def _words_of(self, variable: str, function: _Function) -> Iterator[str]:
        parameters = [argument.arg for argument in function.args.args]
        if variable in parameters:
            yield from self._words_of_calls(function.name, parameters.index(variable))
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                yield from self._words_of_assignment(variable, node)

    def _words_of_calls(self, name: str, index: int) -> Iterator[str]:
        for caller in self._functions.values():
            for node in ast.walk(caller):
                if not _is_call_of(node, name):
                    continue
                argument = node.args[index]
                if isinstance(argument, ast.Name):
                    yield from self._words_of(argument.id, caller)
                else:
                    yield from _words_in(argument)

    def _words_of_assignment(
        self, variable: str, node: ast.Assign
    ) -> Iterator[str]:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == variable:
            yield from _words_in(node.value)
        elif isinstance(target, ast.Tuple) and _is_name(target.elts[0], variable):
            for source in self._functions.values():
                if _is_call_of(node.value, source.name):
                    yield from _first_words(source)


def _joins(function: _Function) -> Iterator[tuple[str, str]]:
    """Yields prefix and variable of every ``f"prefix/{variable}"``."""
    for node in ast.walk(function):
        if not isinstance(node, ast.JoinedStr) or len(node.values) != 2:
            continue
        head, tail = node.values
        if (
            isinstance(head, ast.Constant) and _FAMILY.fullmatch(str(head.value))
            and isinstance(tail, ast.FormattedValue) and isinstance(tail.value, ast.Name)
        ):
            yield str(head.value), tail.value.id


def _is_call_of(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and _is_name(node.func, name)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _first_words(function: _Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Constant):
            yield from _words_in(node.elts[0])
