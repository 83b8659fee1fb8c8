"""What went wrong in a template, as one `TemplateError` that helps a person."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from jinja2.environment import Template
from jinja2.exceptions import SecurityError, TemplateSyntaxError

from fleetrun.errors import FleetrunError, Mark, TemplateError
from fleetrun.planning.filters import ABSENT_FILTERS
from fleetrun.planning.scope import PendingValueError, Scope
from fleetrun.planning.template_tests import ABSENT_TESTS
from fleetrun.planning.templates_values import BudgetError, Missing, UndefinedValueError

_UNKNOWN_NAME = re.compile(r"No (filter|test) named '([^']+)'")

_TAG = re.compile(r"\{\{|\{%")

#: Most keys that a hint lists.
_MAX_KEYS = 10


def undefined(
    marker: Missing, scope: Scope, known: Iterable[str], mark: Mark | None
) -> TemplateError:
    """Returns the error of using an undefined value."""
    hint = "" if marker.custom_hint else _hint(marker, scope, known)
    return TemplateError(marker.message, kind="template/undefined", hint=hint, mark=mark)


def _hint(marker: Missing, scope: Scope, known: Iterable[str]) -> str:
    if marker.is_variable:
        names = {*scope.known_names(), *known}
        hint = did_you_mean(marker.name, names)
        return hint or f"give it a value, or write {marker.path} | default('...')"
    if not isinstance(marker.holder, Mapping):
        kind = type(marker.holder).__name__
        return f"what it is looked up in is a {kind}"
    keys = _keys(marker.holder)
    hint = did_you_mean(marker.name, keys)
    more = ", ..." if len(keys) > _MAX_KEYS else ""
    return hint or f"there are: {', '.join(keys[:_MAX_KEYS])}{more}" if keys else "it is empty"


def _keys(holder: Mapping[object, object]) -> list[str]:
    try:
        return sorted(map(str, holder))
    except PendingValueError:
        return []


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Returns "did you mean `x`?" for the name nearest to `name`, or ""."""
    near = difflib.get_close_matches(str(name), list(names), n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def syntax(
    error: TemplateSyntaxError, text: str, tables: Mapping[str, Iterable[str]],
    mark: Mark | None, *, is_file: bool = False,
) -> TemplateError:
    """Returns the error of a text that is no template."""
    message = error.message or "this is not a template"
    if is_file and mark is not None:
        mark = Mark(file=mark.file, line=error.lineno)
    elif error.lineno > 1:
        message = f"{message} (line {error.lineno} of the text)"
    hint = unknown_name_hint(message, tables)
    if not hint and tables.get("expression") is not None and "{{" in text:
        hint = "a condition is an expression already: leave {{ }} out"
    return TemplateError(message, kind="template/syntax", hint=hint, mark=mark)


def no_bool(condition: str, value: bool, kind: str, mark: Mark | None) -> TemplateError:
    """Returns the error of a condition that is neither true nor false."""
    return TemplateError(
        f"Conditional result ({value}) was derived from value of type '{kind}'. "
        f"Conditionals must have a boolean result: {condition!r}", kind="template/type",
        hint="write `| bool`, `is truthy` or a comparison; without --strict this is a warning",
        mark=mark,
    )


def place(error: BaseException, text: str) -> Mark | None:
    """Returns where a template failed: its line when it is a file's, else its start."""
    mark: Mark | None = getattr(text, "mark", None)
    where = error.marker.place if isinstance(error, UndefinedValueError) else None
    step = None if where else error.__traceback__
    while step is not None:
        template = step.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template) and template.name:
            where = (template.name, template.get_corresponding_lineno(step.tb_lineno))
        step = step.tb_next
    if where is None:
        return mark
    path, line = where
    lines = text.split("\n") if mark is not None and mark.file == path else []
    tag = _TAG.search(lines[line - 1]) if line <= len(lines) else None
    return Mark(file=path, line=line, column=tag.start() + 1 if tag else 1)


def unknown_name_hint(message: str, tables: Mapping[str, Iterable[str]]) -> str:
    """Returns what to do about the unknown filter or test in `message`, or ""."""
    match = _UNKNOWN_NAME.search(message)
    if match is None:
        return ""
    kind, name = match.groups()
    short = name.rpartition(".")[2]
    absent = (ABSENT_FILTERS if kind == "filter" else ABSENT_TESTS).get(short, "")
    return absent or did_you_mean(short, tables.get(kind, ()))


def failure(
    error: BaseException, tables: Mapping[str, Iterable[str]], mark: Mark | None
) -> TemplateError:
    """Returns the error for anything else that a template ran into."""
    message = str(error) or type(error).__name__
    hint = ""
    kind = "template/value"
    match error:
        case BudgetError():
            kind = "template/budget"
            message = f"the template is too much work: {message}"
            hint = "a template is for text and short lists; loop over tasks instead"
        case MemoryError() | RecursionError():
            kind = "template/budget"
            message = "the template is nested too deep or makes too large a value"
        case SecurityError():
            hint = "templates may call harmless methods of data only"
        case TypeError():
            kind = "template/type"
        case FleetrunError():
            hint = error.hint
        case _:
            hint = unknown_name_hint(message, tables)
    return TemplateError(message, kind=kind, hint=hint, mark=mark)


def of_variable(error: TemplateError, name: str) -> TemplateError:
    """Returns `error`, saying which variable it came from."""
    return TemplateError(
        f"{error.message}, in the variable '{name}'",
        kind=error.kind, hint=error.hint, mark=error.mark,
    )


def loop(chain: Iterable[str], mark: Mark | None) -> TemplateError:
    """Returns the error of variables that need one another."""
    return TemplateError(
        f"variables need one another: {' -> '.join(chain)}", kind="template/loop",
        hint="give one of them a value of its own, or another name", mark=mark,
    )


__all__ = [
    "UndefinedValueError", "did_you_mean", "failure", "loop", "of_variable", "syntax",
    "undefined", "unknown_name_hint",
]
