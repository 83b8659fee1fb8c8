"""Scopes: precedence, laziness, pending names, views."""

from __future__ import annotations

import pytest

from fleetrun.model.values import TemplateText
from fleetrun.planning.scope import ABSENT, PendingValueError, Scope, ScopeView
from fleetrun.planning.templates import Templater


def test_the_first_layer_that_has_a_name_wins() -> None:
    """Layers stand highest first; None is a value like others."""
    scope = Scope([{"a": 1, "n": None}, {"a": 2, "b": 3, "n": 4}])
    assert tuple(scope.find(name) for name in ("a", "b", "n", "c")) == (1, 3, None, ABSENT)
    assert scope.names() == ["a", "b", "n"]
    assert repr(ABSENT) == "ABSENT"


def test_push_puts_layers_on_top_and_leaves_the_scope_alone() -> None:
    """A loop item covers a variable in the new scope only."""
    base = Scope([{"item": "base"}])
    top = base.push({"item": 1}, {"item": 2, "x": 3})
    assert (base.find("item"), top.find("item"), top.find("x")) == ("base", 1, 3)


def test_a_pushed_scope_renders_variables_anew() -> None:
    """A variable that uses the loop item changes with it."""
    templater, text = Templater(), TemplateText("{{ path }}")
    base = Scope([{"path": TemplateText("/opt/{{ item | default('none') }}")}])
    assert [
        templater.render(text, scope)
        for scope in (base, base.push({"item": "a"}), base.push({"item": "b"}))
    ] == ["/opt/none", "/opt/a", "/opt/b"]


def test_a_variable_is_rendered_once_in_a_scope() -> None:
    """What was rendered is kept for the life of the scope."""
    calls = []

    def count(value: str) -> str:
        calls.append(value)
        return value

    scope = Scope([{
        "a": TemplateText("{{ 'x' | count }}"), "d": {"k": TemplateText("{{ 'y' | count }}")},
    }])
    templater = Templater(extra_filters={"count": count})
    text = TemplateText("{{ a }}{{ a }}{{ d }}{{ d.k }}{{ d | length }}")
    assert templater.render(text, scope) == "xx{'k': 'y'}y1"
    assert calls != []
    assert len(calls) == len(set(calls))


def test_names_that_may_still_come_make_the_list_of_names_pending() -> None:
    """Nobody reads a list of names that is not whole."""
    scope = Scope([{"a": 1}], pending={"vars"}.__contains__)
    with pytest.raises(PendingValueError) as caught:
        scope.names()
    assert (caught.value.name, scope.known_names()) == ("vars", ["a"])


def test_pending_beats_an_older_value_and_goes_along_with_push() -> None:
    """A name whose new value is on its way is not read from a lower layer."""
    scope = Scope([{"r": "old"}], pending={"r"}.__contains__).push({"x": 1})
    view = ScopeView(scope, Templater().render)
    assert (scope.is_pending("r"), scope.is_pending("x")) == (True, False)
    for use in (lambda: view["r"], lambda: "r" in view):
        with pytest.raises(PendingValueError):
            use()


def test_a_view_gives_rendered_values() -> None:
    """A view is a mapping of what templates would see."""
    scope = Scope([{"a": TemplateText("{{ b }}!"), "b": "{{ plain }}"}])
    view = ScopeView(scope, Templater().render)
    assert dict(view) == {"a": "{{ plain }}!", "b": "{{ plain }}"}
    assert (len(view), "a" in view, "c" in view, 5 in view) == (2, True, False, False)
    with pytest.raises(KeyError):
        view["c"]


def test_vars_looks_names_up_that_are_made_of_others() -> None:
    """`vars['prefix_' + x]` is Ansible's way of indirect lookup."""
    scope = Scope([{"port_web": TemplateText("{{ base + 80 }}"), "base": 8000, "kind": "web"}])
    render = Templater().render
    assert render(TemplateText("{{ vars['port_' ~ kind] }}"), scope) == 8080
    assert render(TemplateText("{{ vars.port_web }}"), scope) == 8080
    assert render(TemplateText("{{ vars.get('port_web') }}"), scope) == 8080
    assert render(TemplateText("{{ vars.nope.x | default('d') }}"), scope) == "d"
    assert render(TemplateText("{{ vars | list }}"), scope) == ["base", "kind", "port_web"]
    assert render(TemplateText("{{ [vars] | map(attribute='kind') | first }}"), scope) == "web"
