"""How template text becomes Python code: jinja2's compiler with five changes.

- A name is looked up when it is *used*, not when its block begins: a template
  never fails, or waits, for a branch that it does not take.
- Results keep their Python type.
- Backslashes in texts inside ``{{ }}`` stand for themselves (Ansible's rule,
  so that ``regex_replace('(a)', '\\1')`` works); inside ``{% %}``, in conditions
  and in template files they escape, as in Python.
- Every loop round is paid for out of the budget.
- Templates that change a list or mapping (``x.append(1)``) are told apart:
  they get copies, the others may share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import nodes
from jinja2.compiler import Frame
from jinja2.environment import Environment
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Lexer, Token
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.parser import Parser
from typing_extensions import override

_MUTATORS = frozenset({
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove",
    "reverse", "setdefault", "sort", "update",
})

#: A backslash and what Python makes of it, and one that Python only warns about.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = frozenset("\n\\'\"abfnrtvxuUN01234567")


class TextLexer(Lexer):
    """A lexer that keeps the backslashes that escape nothing, as in ``'a\\d'``."""

    @override
    def wrap(
        self, stream: Iterable[tuple[int, str, str]], name: str | None = None,
        filename: str | None = None,
    ) -> Iterator[Token]:
        kept = (
            (lineno, kind, _ESCAPE.sub(_keep_unknown, text) if kind == "string" else text)
            for lineno, kind, text in stream
        )
        return super().wrap(kept, name, filename)


def _keep_unknown(match: re.Match[str]) -> str:
    return match[0] if match[1] in _KNOWN_ESCAPES else f"\\{match[0]}"


class RawTextLexer(TextLexer):
    """A lexer that takes texts inside ``{{ }}`` as they stand."""

    @override
    def wrap(
        self, stream: Iterable[tuple[int, str, str]], name: str | None = None,
        filename: str | None = None,
    ) -> Iterator[Token]:
        return super().wrap(_double_backslashes(stream), name, filename)


def _double_backslashes(
    stream: Iterable[tuple[int, str, str]],
) -> Iterator[tuple[int, str, str]]:
    is_raw = False
    for lineno, kind, text in stream:
        if kind == "variable_begin":
            is_raw = True
        elif kind == "variable_end":
            is_raw = False
        is_text = is_raw and kind == "string"
        yield lineno, kind, text.replace("\\", "\\\\") if is_text else text


class Generator(NativeCodeGenerator):
    """Writes the Python code of a template."""

    @override
    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:
        if node.ctx == "load":
            self._forced(node, frame)
        else:
            super().visit_Name(node, frame)

    @override
    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        self._forced(node, frame)

    @override
    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        if isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
        else:
            self._forced(node, frame)

    @override
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.join_text((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def _forced(self, node: nodes.Expr, frame: Frame) -> None:
        self.write("environment.force(")
        self._chain(node, frame)
        self.write(")")

    def _chain(self, node: nodes.Expr, frame: Frame) -> str:
        """Writes names, attributes and items without forcing; returns them as text."""
        if isinstance(node, nodes.Name):
            super().visit_Name(node, frame)
            return node.name
        if isinstance(node, nodes.Getattr):
            self.write("environment.attr(")
            path = f"{self._chain(node.node, frame)}.{node.attr}"
            self.write(f", {node.attr!r}, {path!r})")
            return path
        if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Slice):
            self.write("environment.item(")
            base = self._chain(node.node, frame)
            key = repr(node.arg.value) if isinstance(node.arg, nodes.Const) else "..."
            path = f"{base}[{key}]"
            self.write(", ")
            self.visit(node.arg, frame)
            self.write(f", {path!r})")
            return path
        self.visit(node, frame)
        return "(...)"

    # In a template file, an undefined value that is put out is told its line.

    @override
    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if self.name is not None:
            self.write(f"environment.at({self.name!r}, {node.lineno}, ")
        super()._output_child_pre(node, frame, finalize)

    @override
    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        super()._output_child_post(node, frame, finalize)
        if self.name is not None:
            self.write(")")

    @override
    def _output_const_repr(self, group: Iterable[Any]) -> str:
        parts = list(group)
        if len(parts) == 1:
            return repr(parts[0])
        return repr("".join("" if part is None else str(part) for part in parts))


def parse_template(environment: Environment, text: str) -> nodes.Template:
    """Returns the tree of a template, its loops counted."""
    return _prepared(environment.parse(text))


def parse_expression(environment: Environment, text: str) -> nodes.Template:
    """Returns the tree of a template that gives the value of a bare expression."""
    parser = Parser(environment, text, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError(
            f"there is more after the expression: {parser.stream.current.value!r}",
            parser.stream.current.lineno,
        )
    output = nodes.Output([expression], lineno=1)
    tree = nodes.Template([output], lineno=1)
    tree.set_environment(environment)
    return _prepared(tree)


def changes_values(tree: nodes.Template) -> bool:
    """True when the template calls a method that changes a list or mapping."""
    return any(
        isinstance(call.node, nodes.Getattr) and call.node.attr in _MUTATORS
        for call in tree.find_all(nodes.Call)
    )


def _prepared(tree: nodes.Template) -> nodes.Template:
    for loop in tree.find_all(nodes.For):
        counted = nodes.EnvironmentAttribute("counted", lineno=loop.lineno)
        loop.iter = nodes.Call(counted, [loop.iter], [], None, None, lineno=loop.lineno)
        if tree.environment is not None:
            loop.iter.set_environment(tree.environment)
    return tree
