"""Template files that use one another, and what an error in one of them says."""

from __future__ import annotations

from typing import Any

import pytest

from fleetrun.errors import Mark, TemplateError
from fleetrun.model.playbook import Task
from fleetrun.model.values import TemplateText
from fleetrun.planning.scope import PendingValueError, Scope
from fleetrun.planning.templates import Templater

HOSTILE = "{{ lookup('pipe', 'id') }}{% include 'leaf' %}"

FILES = {
    "inc": "inc {{ name }} {{ local | default('-') }} {% include 'leaf' %}\n",
    "leaf": "leaf\n",
    "macros": "{% macro hello(x) %}hello {{ x }} {{ name | default('nobody') }}{% endmacro %}",
    "base": "base {% block a %}base a{% endblock %} {% block b %}base b{% endblock %}",
    "child": "{% extends 'base' %}{% block a %}child {{ name }}, {{ super() }}{% endblock %}",
    "grows": "{% do things.append(3) %}{{ things }}",
    "bad": "ok\n  y {{ nope }}\n",
    "worse": "ok\n\n{% for x in nope %}{% endfor %}\n",
    "broken": "ok\n{% if %}\n",
    "itself": "{% include 'itself' %}",
}


def find(name: str, parent: str, task: Task | None) -> TemplateText | None:
    """Files of the test, all in one folder."""
    del parent, task
    return TemplateText(FILES[name], Mark(file=f"/t/{name}", line=1)) if name in FILES else None


def render(text: str, **variables: Any) -> str:
    """What a file with this text gives."""
    templater = Templater(template_file=find)
    return templater.render_text(
        TemplateText(text, Mark(file="/t/main", line=1)), Scope([{"name": "n", **variables}])
    )


def error_of(text: str, **variables: Any) -> TemplateError:
    """What is wrong with a file of this text."""
    with pytest.raises(TemplateError) as caught:
        render(text, **variables)
    return caught.value


@pytest.mark.parametrize(("text", "expected"), [
    ("{% set local = 'L' %}{% include 'inc' %}|", "inc n L leaf|"),
    ("{% include 'inc' without context %}|", "template/undefined"),
    ("{% include 'nope' ignore missing %}|", "|"),
    ("{% include ['nope', 'leaf'] %}|", "leaf|"),
    ("{% set f = 'leaf' %}{% include f %}|", "leaf|"),
    ("{% import 'macros' as m %}{{ m.hello(1) }}", "hello 1 nobody"),
    ("{% import 'macros' as m with context %}{{ m.hello(1) }}", "hello 1 n"),
    ("{% from 'macros' import hello as h %}{{ h(name) }}", "hello n nobody"),
    ("{% extends 'base' %}{% block b %}own{% endblock %}", "base base a own"),
    ("{% include 'child' %}", "base child n, base a base b"),
    ("{% for i in [1, 2] %}{% include 'leaf' %}{{ i }}{% endfor %}", "leaf1leaf2"),
    ("{% include 'grows' %}{{ things }}", "[1, 2, 3][1, 2]"),
    ("#jinja2: trim_blocks: False\n{% if true %}\nx{% endif %}", "\nx"),
    ("#jinja2: lstrip_blocks: True\n\n  {% if true %}\nx{% endif %}", "\nx"),
])
def test_files_use_one_another_as_in_jinja(text: str, expected: str) -> None:
    """Names pass on, the last line end of an included file does not, changes stay inside."""
    if expected.startswith("template/"):
        assert error_of(text, things=[1, 2]).kind == expected
    else:
        assert render(text, things=[1, 2]) == expected


@pytest.mark.parametrize(("text", "mark"), [
    ("a\n b {{ nope }}", "/t/main:2:4"),
    ("#jinja2: trim_blocks: True\na\n b {{ nope.x }}", "/t/main:3:4"),
    ("a\n{{ [1] | combine({}) }}", "/t/main:2:1"),
    ("\n\n{% if nope %}{% endif %}", "/t/main:3:1"),
    ("{% if x %}\n{% endif %}\n{{ 1 + }}", "/t/main:3:1"),
    ("a\n{% include 'bad' %}", "/t/bad:2:1"),
    ("a\n{% include 'worse' %}", "/t/worse:3:1"),
    ("a\n{% include 'broken' %}", "/t/broken:2:1"),
    ("a\n{% include 'nope' %}", "/t/main:2:1"),
])
def test_an_error_names_the_line_of_its_file(text: str, mark: str) -> None:
    """Also when the file was reached through another one."""
    assert mark == str(error_of(text).mark)


def test_a_file_that_includes_itself_ends() -> None:
    """Without end would be no end."""
    assert error_of("{% include 'itself' %}").kind == "template/budget"


def test_values_from_devices_stay_text_in_included_files() -> None:
    """An include renders its own text only, and its name is no template."""
    assert HOSTILE in render("{% include 'inc' %}", name=HOSTILE)
    assert error_of("{% include name %}", name=HOSTILE).kind == "template/value"


def test_a_pending_value_travels_out_of_an_included_file() -> None:
    """`ignore missing` and blocks do not swallow it."""
    scope = Scope([{}], pending={"name"}.__contains__)
    for text in ("{% include 'inc' ignore missing %}", "{% extends 'child' %}"):
        with pytest.raises(PendingValueError):
            Templater(template_file=find).render_text(TemplateText(text), scope)


def test_without_files_from_outside_nothing_is_included() -> None:
    """The pure room reads no disk."""
    with pytest.raises(TemplateError, match="no template file 'leaf'"):
        Templater().render_text(TemplateText("{% include 'leaf' %}"), Scope([{}]))
