"""Jinja's options for a template file, and the ``#jinja2:`` line that sets them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields, replace
from typing import Any

from fleetrun.errors import Mark, TemplateError

_HEADER = "#jinja2:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Jinja's options; the defaults are Ansible's."""

    trim_blocks: bool = True
    lstrip_blocks: bool = False
    keep_trailing_newline: bool = True
    variable_start_string: str = "{{"
    variable_end_string: str = "}}"
    block_start_string: str = "{%"
    block_end_string: str = "%}"
    comment_start_string: str = "{#"
    comment_end_string: str = "#}"
    line_statement_prefix: str | None = None
    line_comment_prefix: str | None = None
    newline_sequence: str = "\n"

    def as_arguments(self) -> dict[str, Any]:
        """Returns the options as jinja2's keyword arguments."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


#: For variables and arguments, where a trailing newline is put back afterwards.
INLINE = Options(keep_trailing_newline=False)


def read_header(text: str, options: Options, mark: Mark | None) -> tuple[str, Options]:
    """Returns `text` without its ``#jinja2:`` line, and the options it leaves.

    An empty comment stands in its place, so that lines keep their numbers.

    Raises TemplateError template/syntax for an option that is not known.
    """
    if not text.startswith(_HEADER):
        return text, options
    line, _, rest = text.partition("\n")
    settings: dict[str, Any] = {}
    for pair in line.removeprefix(_HEADER).split(","):
        name, has_value, value = pair.strip().partition(":")
        settings[name.strip()] = _value(name, value, mark) if has_value else None
    known = {field.name for field in fields(Options)}
    for name in settings:
        if name not in known:
            raise TemplateError(
                f"unknown option {name!r} in the #jinja2: line", kind="template/syntax",
                hint=f"options: {', '.join(sorted(known))}", mark=mark,
            )
    chosen = replace(options, **settings)
    # The plus keeps jinja2 from taking a line end behind the comment for its own.
    empty = f"{chosen.comment_start_string}\n+{chosen.comment_end_string}"
    return f"{empty}{rest}", chosen


def _value(name: str, text: str, mark: Mark | None) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError) as error:
        raise TemplateError(
            f"the #jinja2: line gives {name.strip()} no readable value: {text.strip()}",
            kind="template/syntax", hint="write True, False or a text in quotes", mark=mark,
        ) from error
