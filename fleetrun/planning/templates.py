"""Rendering: from the operator's templates and expressions to values.

Only `TemplateText` is ever rendered. What comes out is plain data and is never
rendered again, whatever it looks like: a device's facts cannot become programs.
See docs/explanation/templates.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from jinja2.exceptions import TemplateNotFound, TemplateRuntimeError, TemplateSyntaxError
from jinja2.utils import missing

from fleetrun.errors import FleetrunError, Mark, TemplateError
from fleetrun.model.values import TemplateText, Value
from fleetrun.planning import templates_errors as errors
from fleetrun.planning.lookup_call import Lookup, TemplateFile
from fleetrun.planning.scope import Scope, ScopeView
from fleetrun.planning.templates_compile import (
    changes_values,
    parse_expression,
    parse_template,
)
from fleetrun.planning.templates_context import ScopeTemplate
from fleetrun.planning.templates_environment import CopyingSandbox, SandboxBase, SharingSandbox
from fleetrun.planning.templates_functions import VALUE_ERRORS, filters, guarded, tests, undef
from fleetrun.planning.templates_limits import counted_range
from fleetrun.planning.templates_lookups import Lookups
from fleetrun.planning.templates_options import INLINE, Options, read_header
from fleetrun.planning.templates_programs import (
    JinjaProgram,
    PathProgram,
    Program,
    keep,
    plain_path,
    trailing_newlines,
)
from fleetrun.planning.templates_values import (
    OMIT,
    PLAIN,
    Budget,
    BudgetError,
    Missing,
    UndefinedValueError,
    finish,
    holds_templates,
    omit_missing,
    render_deep,
)
from fleetrun.planning.templates_yaml import yaml_filters

__all__ = ["MAX_CHARS", "MAX_STEPS", "OMIT", "Templater", "holds_templates", "omit_missing"]

#: What one rendering may cost: a loop round is 1, a call 4, a macro 50.
#: All of it takes a second or two.
MAX_STEPS = 5_000_000
#: Characters that one rendering may put out.
MAX_CHARS = 16 * 1024 * 1024

#: How deep variables may need one another. Devices that need each other's
#: through hostvars have no scope in common that would tell a loop.
_MAX_NESTING = 40

_NONE: Mapping[str, Callable[..., Any]] = {}
_NO_NAMES: Mapping[str, str] = {}
_NO_LOOKUPS: Mapping[str, Lookup] = {}
_T = TypeVar("_T")
_FAILURES = (
    TemplateRuntimeError, BudgetError, FleetrunError, MemoryError, *VALUE_ERRORS,
)


class Templater:
    """Renders templates and evaluates conditions. One per engine, not thread-safe."""

    def __init__(  # noqa: PLR0913  # what a templater is made of, all by name
        self,
        *,
        extra_filters: Mapping[str, Callable[..., Any]] = _NONE,
        extra_tests: Mapping[str, Callable[..., Any]] = _NONE,
        extra_lookups: Mapping[str, Lookup] = _NO_LOOKUPS,
        extra_functions: Mapping[str, Callable[..., Any]] = _NONE,
        environment: Mapping[str, str] = _NO_NAMES,
        yaml_dump: Callable[..., str] | None = None,
        yaml_load: Callable[[str], Any] | None = None,
        yaml_load_all: Callable[[str], list[Any]] | None = None,
        template_file: TemplateFile | None = None,
        is_strict: bool = False,
        max_steps: int = MAX_STEPS,
        max_chars: int = MAX_CHARS,
    ) -> None:
        """Makes a templater.

        `environment` is what ``lookup('env', ...)`` sees. `yaml_dump` is called
        as ``yaml_dump(value, **options)`` with PyYAML's option names,
        `yaml_load` with one document, `yaml_load_all` with any number.
        `template_file` finds what a template includes. `is_strict` refuses
        conditions that are neither true nor false.
        """
        self.is_strict = is_strict
        self._template_file = template_file
        self._budget = Budget(max_steps=max_steps, max_chars=max_chars)
        yaml = yaml_filters(yaml_dump, yaml_load, yaml_load_all)
        self._filters = filters(self._budget, {**yaml, **extra_filters})
        self._tests = tests(self._budget, extra_tests)
        self._lookups = Lookups(
            self._budget, environment, extra_lookups, self, lambda text: self.warn(text, None)
        )
        self._globals = {
            **self._lookups.functions(), "undef": undef, "omit": OMIT,
            "range": counted_range(self._budget), "ansible_managed": "Ansible managed",
            **extra_functions,
        }
        self._sandboxes: dict[tuple[Options, bool, bool], SandboxBase] = {}
        self._programs: dict[str, Program] = {}
        self._expressions: dict[str, Program] = {}
        self._files: dict[tuple[str, str, Options], JinjaProgram] = {}
        #: Scopes that programs run against now, the innermost last.
        self._running: list[Scope] = []
        self._depth = 0
        self._nesting = 0
        #: Things the operator should know, each once (a condition that is no bool).
        self.warnings: list[str] = []

    def render(self, value: Value, scope: Scope) -> Value:
        """Returns `value` with every template in it rendered.

        What holds no template comes back as the same object. `OMIT` stays in
        the result; see `omit_missing`. Raises TemplateError, PendingValueError.
        """
        if value.__class__ in PLAIN:
            return value
        result: Value = self._whole(
            lambda: render_deep(value, lambda text: self._run(text, scope))
        )
        return result

    def evaluate(self, expression: str, scope: Scope) -> Value:
        """Returns the value of a bare expression, as ``when:`` has it.

        Raises TemplateError, PendingValueError.
        """
        result: Value = self._whole(lambda: self._evaluate(expression, scope))
        return result

    def test(self, conditions: Sequence[Value], scope: Scope) -> str | bool | None:
        """Returns None when all conditions hold, else the first that does not.

        A condition is an expression or a value; None counts as not given. One
        that is no bool counts as Python sees it and leaves a warning. Callers
        pass the operator's texts only: a text is evaluated.
        Raises TemplateError, PendingValueError.
        """
        for condition in conditions:
            if condition is None or condition is True:
                continue
            value: Value = condition
            if isinstance(condition, str):
                value = self.evaluate(condition, scope)
            if value.__class__ is not bool:
                self._note_no_bool(condition, value)
            if not value:
                return False if condition is False else str(condition)
        return None

    def render_text(self, text: TemplateText, scope: Scope, **options: Any) -> str:
        """Returns the text that a template file gives.

        `options` are those of `templates_options.Options`. A ``#jinja2:`` first
        line sets options, too, and is left out.
        Raises TemplateError, PendingValueError.
        """
        program = self._file(text, Options(**options))
        value = self._whole(lambda: self._run_program(program, text, scope))
        return "" if value is None else str(value)

    def loop_items(self, name: str, terms: Value, scope: Scope) -> list[Value]:
        """Returns what the lookup of a ``with_NAME`` finds for its rendered terms.

        Raises TemplateError, PendingValueError.
        """
        listed = tuple(terms) if isinstance(terms, (list, tuple)) else (terms,)

        def find() -> list[Value]:
            try:
                return list(finish(self._lookups.find(scope, name, listed, {}) or []))
            except UndefinedValueError as error:
                raise errors.undefined(error.marker, scope, self._globals, None) from error
            except _FAILURES as error:
                if isinstance(error, TemplateError):
                    raise
                raise errors.failure(error, self.tables, None) from error

        return self._whole(find)

    def add(
        self, *, filters: Mapping[str, Callable[..., Any]], tests: Mapping[str, Callable[..., Any]],
        lookups: Mapping[str, Lookup],
    ) -> None:
        """Adds filters, tests and lookups (a role's own); they beat those of the same name."""
        self._filters |= {
            name: guarded(name, "filter", call, self._budget) for name, call in filters.items()
        }
        self._tests |= {
            name: guarded(name, "test", call, self._budget) for name, call in tests.items()
        }
        self._lookups.add(lookups)
        for programs in (self._programs, self._expressions, self._files):
            programs.clear()

    def has_lookup(self, name: str) -> bool:
        """True when templates may call the lookup `name`."""
        return self._lookups.has(name)

    def variable(self, name: str, scope: Scope) -> Any:
        """Returns a variable's rendered value; a `Missing` when there is none."""
        sandbox = self._sandbox(INLINE)
        value = sandbox.force(sandbox.name(scope, name))
        return Missing(name=name) if value is missing else value

    def warn(self, message: str, mark: Mark | None) -> None:
        """Notes what the operator should know, once."""
        text = f"{mark}: {message}" if mark else message
        if text not in self.warnings:
            self.warnings.append(text)

    # -- what sandboxes ask for (Resolver) ------------------------------------

    def resolve(self, raw: Any, scope: Scope, name: str) -> Any:
        """Returns a variable's rendered value, or a `Missing` if it lacks something."""
        if raw.__class__ is TemplateText:
            return self._variable(raw, scope, name)
        known = scope.rendered.get(id(raw))
        if known is not None:
            return known[1]
        value = render_deep(raw, lambda text: self._variable(text, scope, name))
        if value is not raw:
            scope.rendered[id(raw)] = (raw, value)
        return value

    def view(self, scope: Scope) -> ScopeView:
        """Returns `scope` as a mapping of rendered values."""
        return ScopeView(scope, self.render)

    def other_file(self, name: str, parent: str, options: Options) -> ScopeTemplate:
        """Returns what a template includes, imports or extends; see `Resolver`."""
        scope = self._running[-1] if self._running else None
        find = self._template_file
        text = find(name, parent, scope.task if scope else None) if find else None
        if text is None:
            raise TemplateNotFound(name, f"there is no template file '{name}'")
        return self._file(text, options).template

    # -- inside -----------------------------------------------------------------

    def _whole(self, render: Callable[[], _T]) -> _T:
        """Runs `render` under one budget, also when it comes back here."""
        if self._depth == 0:
            self._budget.reset()
        self._depth += 1
        try:
            return render()
        finally:
            self._depth -= 1

    def _variable(self, text: TemplateText, scope: Scope, name: str) -> Any:
        key = id(text)
        known = scope.rendered.get(key)
        if known is not None:
            return known[1]
        if key in scope.active:
            chain = list(scope.active.values())
            raise errors.loop([*chain[list(scope.active).index(key):], name], text.mark)
        if self._nesting >= _MAX_NESTING:
            raise errors.loop([*scope.active.values(), name, "..."], text.mark)
        scope.active[key] = name
        self._nesting += 1
        try:
            value = self._run(text, scope)
        except TemplateError as error:
            named = errors.of_variable(error, name)
            if error.kind == "template/loop":
                raise
            if error.kind != "template/undefined":
                raise named from error
            value = Missing(name=name, error=named)
        finally:
            self._nesting -= 1
            del scope.active[key]
        scope.rendered[key] = (text, value)
        return value

    def _run(self, text: TemplateText, scope: Scope) -> Any:
        program = self._programs.get(text)
        if program is None:
            program = self._compile(text)
        return self._run_program(program, text, scope)

    def _evaluate(self, expression: str, scope: Scope) -> Any:
        program = self._expressions.get(expression)
        if program is None:
            program = self._compile_expression(expression)
        return self._run_program(program, expression, scope)

    def _run_program(self, program: Program, text: str, scope: Scope) -> Any:
        self._running.append(scope)
        try:
            return program.run(scope)
        except TemplateError:
            raise
        except UndefinedValueError as error:
            mark = errors.place(error, text)
            raise errors.undefined(error.marker, scope, self._globals, mark) from error
        except _FAILURES as error:
            raise errors.failure(error, self.tables, errors.place(error, text)) from error
        finally:
            self._running.pop()

    def _compile(self, text: TemplateText) -> Program:
        path = plain_path(text)
        program: Program
        if path:
            program = PathProgram(path, self._sandbox(INLINE))
        else:
            program = self._jinja(text, INLINE, text.mark, trailing_newlines(text))
        return keep(self._programs, str(text), program)

    def _compile_expression(self, expression: str) -> Program:
        text = expression.strip()
        mark = getattr(expression, "mark", None)
        if text.startswith("{{") and text.endswith("}}") and "}}" not in text[2:-2]:
            self.warn(f"leave {{{{ }}}} out of the condition {text!r}", mark)
            return keep(self._expressions, str(expression), self._jinja(text, INLINE, mark))
        sandbox = self._sandbox(INLINE)
        try:
            program = JinjaProgram(parse_expression(sandbox, text), sandbox)
        except TemplateSyntaxError as error:
            tables = {**self.tables, "expression": ()}
            raise errors.syntax(error, text, tables, mark) from error
        return keep(self._expressions, str(expression), program)

    def _file(self, text: TemplateText, options: Options) -> JinjaProgram:
        """The program of a template file; the same text at another place is another one."""
        key = (text, text.mark.file if text.mark else "", options)
        program = self._files.get(key)
        if program is None:
            body, options = read_header(text, options, text.mark)
            program = self._files[key] = self._jinja(body, options, text.mark, is_file=True)
        return program

    def _jinja(
        self, text: str, options: Options, mark: Mark | None, newlines: int = 0, *,
        is_file: bool = False,
    ) -> JinjaProgram:
        sandbox = self._sandbox(options)
        try:
            tree = parse_template(sandbox, text)
            if changes_values(tree):
                sandbox = self._sandbox(options, copies=True)
            path = mark.file if is_file and mark else None
            return JinjaProgram(tree, sandbox, newlines, path)
        except TemplateSyntaxError as error:
            raise errors.syntax(error, text, self.tables, mark, is_file=is_file) from error

    def _sandbox(self, options: Options, *, copies: bool = False) -> SandboxBase:
        # Equal options may be a file's: only playbooks' own texts are raw.
        is_inline = options is INLINE
        sandbox = self._sandboxes.get((options, is_inline, copies))
        if sandbox is None:
            kind = CopyingSandbox if copies else SharingSandbox
            sandbox = kind(
                self, self._budget, raw_strings=is_inline, **options.as_arguments()
            )
            sandbox.of_others = replace(options, keep_trailing_newline=False)
            sandbox.filters = self._filters
            sandbox.tests = self._tests
            sandbox.globals = {**sandbox.globals, **self._globals}
            # It draws on the global random numbers, and nobody needs it here.
            sandbox.globals.pop("lipsum", None)
            self._sandboxes[options, is_inline, copies] = sandbox
        return sandbox

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """Filters, tests and lookups by kind and name."""
        return {"filter": self._filters, "test": self._tests, "lookup": self._lookups.known}

    def _note_no_bool(self, condition: Value, value: Value) -> None:
        mark = getattr(condition, "mark", None)
        kind = type(value).__name__
        if self.is_strict:
            raise errors.no_bool(str(condition), bool(value), kind, mark)
        self.warn(
            f"the condition {str(condition)!r} gives a {kind}, not true or false: "
            "write `| bool`, `is truthy` or a comparison", mark,
        )
