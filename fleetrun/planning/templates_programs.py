"""A compiled template: a plain name, or what jinja2 made of the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, cast

from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.utils import missing

from fleetrun.planning.scope import Scope
from fleetrun.planning.templates_context import Names, ScopeTemplate
from fleetrun.planning.templates_environment import SandboxBase
from fleetrun.planning.templates_values import Missing, finish

_PLAIN_PATH = re.compile(r"\{\{-?\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*-?\}\}", re.ASCII)
#: Compiled texts kept. Ones that differ by device would otherwise fill the memory.
_MAX_PROGRAMS = 20_000
_NOT_NAMES = frozenset({
    "and", "false", "False", "if", "else", "in", "is", "none", "None", "not", "or", "self",
    "true", "True",
})


class Program(Protocol):
    """A template, ready to run against any scope."""

    def run(self, scope: Scope) -> Any:
        """Returns the finished result."""
        ...


class PathProgram:
    """``{{ name.attribute }}``: most templates are this, and need no jinja2."""

    __slots__ = ("_attributes", "_environment", "_name")

    def __init__(self, path: str, environment: SandboxBase) -> None:
        self._name, *attributes = path.split(".")
        self._environment = environment
        self._attributes = [
            (attribute, ".".join([self._name, *attributes[: index + 1]]))
            for index, attribute in enumerate(attributes)
        ]

    def run(self, scope: Scope) -> Any:
        """Returns the finished value of the path."""
        environment = self._environment
        value = environment.name(scope, self._name)
        if value is missing:
            value = Missing(name=self._name)
        for attribute, path in self._attributes:
            value = environment.attr(value, attribute, path)
        return finish(environment.force(value))


class JinjaProgram:
    """Any other template or expression."""

    __slots__ = ("_blocks", "_environment", "_newlines", "_root", "template")

    def __init__(
        self, tree: nodes.Template, environment: SandboxBase, newlines: int = 0,
        path: str | None = None,
    ) -> None:
        """Compiles a template; `path` is its file's, for what it includes and for errors."""
        tree.set_environment(environment)
        code = environment.compile(tree, path)
        #: What another template gets that includes this one.
        self.template = cast("ScopeTemplate", ScopeTemplate.from_code(environment, code, {}))
        self._root: Callable[[Context], Iterator[Any]] = self.template.root_render_func
        self._blocks: Mapping[str, Any] = self.template.blocks
        self._environment = environment
        #: Newlines that a text result must end with, as the template does.
        self._newlines = newlines

    def run(self, scope: Scope) -> Any:
        """Returns the finished result."""
        environment = self._environment
        names = Names(environment, scope)
        if self._blocks:
            names.blocks = {name: [block] for name, block in self._blocks.items()}
        value = finish(environment.concat(self._root(names)))
        if self._newlines and isinstance(value, str):
            value += "\n" * (self._newlines - trailing_newlines(value))
        return value


def plain_path(text: str) -> str:
    """Returns "a.b" when the template is ``{{ a.b }}``, else ""."""
    match = _PLAIN_PATH.fullmatch(text)
    return match[1] if match and match[1].partition(".")[0] not in _NOT_NAMES else ""


def trailing_newlines(text: str) -> int:
    """Returns how many newlines `text` ends with."""
    return len(text) - len(text.rstrip("\n"))


def keep(programs: dict[str, Program], text: str, program: Program) -> Program:
    """Returns `program`, kept under its text for the next time."""
    if len(programs) >= _MAX_PROGRAMS:
        programs.clear()
    programs[text] = program
    return program
