"""Rendering: types, laziness, undefined values, budgets, and what is never rendered."""

from __future__ import annotations

import base64
import contextlib
import copy
import pickle
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from fleetrun.errors import Mark, TemplateError, UsageError
from fleetrun.model.values import Expression, SecretText, TemplateText
from fleetrun.planning.scope import PendingValueError, Scope
from fleetrun.planning.templates import OMIT, Templater, holds_templates, omit_missing

HOSTILE = "{{ lookup('pipe', 'id') }}{% for i in range(10**9) %}{% endfor %}"


def raw(value: Any) -> Any:
    """Makes the operator's templates of all texts with braces, as the loader does."""
    if isinstance(value, str):
        return TemplateText(value) if "{{" in value or "{%" in value else value
    if isinstance(value, dict):
        return {key: raw(item) for key, item in value.items()}
    return [raw(item) for item in value] if isinstance(value, list) else value


def render(text: str, variables: Mapping[str, Any] | None = None, **layer: Any) -> Any:
    """Renders one template with operator's variables."""
    scope = Scope([raw({**(variables or {}), **layer})])
    return Templater().render(TemplateText(text), scope)


def error_of(act: Callable[[], object]) -> TemplateError:
    """Returns the TemplateError that `act` raises."""
    with pytest.raises(TemplateError) as caught:
        act()
    return caught.value


# -- identity and types ---------------------------------------------------------


def test_constant_values_come_back_as_the_same_object() -> None:
    """Arguments without templates cost no copy."""
    args = {"path": "/a", "list": [1, {"b": None}], "expression": Expression("a == 1")}
    assert args is Templater().render(args, Scope([{}]))


def test_only_what_holds_a_template_is_copied() -> None:
    """The parts without templates stay shared, the original stays as it was."""
    same = [1, 2]
    args = {"a": TemplateText("{{ x }}"), "b": same}
    result = Templater().render(args, Scope([{"x": 5}]))
    assert result == {"a": 5, "b": [1, 2]}
    assert same is result["b"]
    assert args["a"] == "{{ x }}"


def test_tuples_of_the_model_become_lists() -> None:
    """Templates see lists, as in Ansible, whatever the model keeps."""
    scope = Scope([{"hosts": ("a", "b")}])
    assert Templater().render(TemplateText("{{ hosts + ['c'] }}"), scope) == ["a", "b", "c"]


def test_conditions_inside_arguments_are_left_alone() -> None:
    """An Expression (assert.that) is evaluated by `test`, never rendered."""
    that = Expression("'{{' in text")
    assert that is Templater().render([that], Scope([{}]))[0]


# -- what is never rendered -------------------------------------------------------


@pytest.mark.parametrize("template", [
    "{{ fact }}",
    "{{ facts.name }}",
    "{{ facts['name'] }}",
    "{{ vars['fact'] }}",
    "{{ vars.fact }}",
    "{{ lookup('vars', 'fact') }}",
    "{{ query('vars', 'fact') | first }}",
    "{{ alias }}",
    "{{ alias_of_alias }}",
    "{{ [fact] | map('string') | first }}",
    "{{ [facts] | map(attribute='name') | first }}",
    "{{ ['name'] | map('extract', facts) | first }}",
    "{{ fact | regex_replace('^', '') }}",
    "{{ 'X' | regex_replace('X', halves[0]) }}{{ halves[1] }}",
    "{{ halves[0] ~ halves[1] }}",
    "{{ halves[0] + halves[1] }}",
    "{{ halves | join }}",
    "{{ '%s%s' | format(halves[0], halves[1]) }}",
    "{{ '{}{}'.format(halves[0], halves[1]) }}",
    "{{ halves[0] }}{{ halves[1] }}",
    "{% set x = fact %}{{ x }}",
    "{% for x in [fact] %}{{ x }}{% endfor %}",
    "{{ nope | default(fact) }}",
    "{{ encoded | b64decode }}",
    "{{ (quoted | from_json).x }}",
    "{{ {'a': fact} | combine({}) | dict2items | map(attribute='value') | first }}",
    "{{ true | ternary(fact, '') }}",
])
def test_text_from_devices_is_never_rendered(template: str) -> None:
    """A fact full of template syntax stays that text, whichever way it takes."""
    cut = len(HOSTILE) // 2
    scope = Scope([
        {"alias": TemplateText("{{ fact }}"), "alias_of_alias": TemplateText("{{ alias }}")},
        {
            "fact": HOSTILE, "facts": {"name": HOSTILE}, "halves": [HOSTILE[:cut], HOSTILE[cut:]],
            "encoded": base64.b64encode(HOSTILE.encode()).decode(),
            "quoted": '{"x": "' + HOSTILE + '"}',
        },
    ])
    templater = Templater()
    result = templater.render(TemplateText(template), scope)
    assert result == HOSTILE
    assert str is type(result)
    assert templater.render(result, scope) == HOSTILE
    assert templater.render({"x": result}, scope)["x"] == HOSTILE


def test_a_text_result_is_no_condition() -> None:
    """A fact that reads like a condition is a true text, not evaluated."""
    templater = Templater()
    scope = Scope([{"fact": "1 == 2", "evil": "lookup('env', 'HOME')"}])
    assert templater.test([Expression("fact"), Expression("{{ evil }}")], scope) is None


def test_a_template_from_a_device_in_a_file_stays_text() -> None:
    """Template files put facts in as they are."""
    text = TemplateText("name={{ fact }}\n")
    result = Templater().render_text(text, Scope([{"fact": HOSTILE}]))
    assert f"name={HOSTILE}\n" == result


@pytest.mark.parametrize("template", [
    "{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ ''.__class__.__mro__ }}",
    "{{ lookup.__globals__ }}", "{{ '{0.__class__}'.format('') }}",
    "{{ ('' | attr('__class__')).x }}", "{{ vars._scope.layers }}", "{{ hostvars._render }}",
    "{{ cycler.__init__.__globals__ }}",
])
def test_the_sandbox_keeps_python_out_of_reach(template: str) -> None:
    """No template gets from data to the interpreter."""
    assert error_of(lambda: render(template, {"hostvars": {}})).kind in {
        "template/value", "template/undefined",
    }


# -- undefined ---------------------------------------------------------------------


def test_an_undefined_variable_names_itself_its_place_and_a_near_name() -> None:
    """The error says what, where, and what was probably meant."""
    mark = Mark(file="site.yml", line=7, column=12)
    error = error_of(
        lambda: Templater().render(
            TemplateText("x {{ pakage_name }}", mark), Scope([{"package_name": "a"}])
        )
    )
    assert ("template/undefined", "'pakage_name' is undefined", mark) == (
        error.kind, error.message, error.mark,
    )
    assert error.hint == "did you mean `package_name`?"


@pytest.mark.parametrize(("template", "message", "hint"), [
    ("{{ result.stdot }}", "'result.stdot' is undefined", "did you mean `stdout`?"),
    ("{{ result['stdot'] }}", "'result['stdot']' is undefined", "did you mean `stdout`?"),
    ("{{ result.zzz }}", "'result.zzz' is undefined", "there are: rc, stdout"),
    ("{{ result.rc.x.y }}", "'result.rc.x' is undefined", "what it is looked up in is a int"),
    ("{{ result.nope.deeper }}", "'result.nope' is undefined", "there are: rc, stdout"),
    ("{% for i in [result] %}{{ i.nope }}{% endfor %}", "'i.nope' is undefined",
     "there are: rc, stdout"),
    ("{{ undef('set me') }}", "set me", ""),
])
def test_an_undefined_part_says_what_there_is(template: str, message: str, hint: str) -> None:
    """The error names the whole path and the keys that exist."""
    error = error_of(lambda: render(template, result={"rc": 0, "stdout": ""}))
    assert (message, hint) == (error.message, error.hint)


def test_an_undefined_variable_inside_variables_names_the_chain() -> None:
    """What a variable lacks is said with the variables that led to it."""
    mark = Mark(file="group_vars/all.yml", line=3)
    scope = Scope([{"a": TemplateText("{{ b }}"), "b": TemplateText("{{ nope }}", mark)}])
    error = error_of(lambda: Templater().render(TemplateText("{{ a }}"), scope))
    assert error.message == "'nope' is undefined, in the variable 'b', in the variable 'a'"
    assert mark == error.mark


def test_an_unused_undefined_variable_does_no_harm() -> None:
    """Branches that are not taken are not looked up."""
    variables = {"d": {"bad": "{{ nope }}", "good": 1}, "x": "{{ nope }}"}
    assert render("{{ d.good if true else x }}", variables) == 1
    assert render("{{ d.good if true else nope.deeper }}", variables) == 1


# -- recursion ---------------------------------------------------------------------


def test_variables_that_need_one_another_are_an_error_that_names_them() -> None:
    """A loop of variables ends at once and shows the chain."""
    error = error_of(lambda: render("{{ a }}", a="{{ b }}", b="{{ c.d }}", c={"d": "{{ a }}"}))
    assert (
        error.kind, error.message,
    ) == ("template/loop", "variables need one another: a -> b -> c.d -> a")


def test_a_scope_works_on_after_a_loop_error() -> None:
    """The chain is forgotten when the error leaves."""
    scope = Scope([raw({"a": "{{ a }}", "b": 1})])
    templater = Templater()
    for _ in range(2):
        assert error_of(
            lambda: templater.render(TemplateText("{{ a }}"), scope)
        ).kind == "template/loop"
    assert templater.render(TemplateText("{{ b }}"), scope) == 1


def test_a_mapping_may_refer_to_its_own_parts() -> None:
    """Only the part that is used is rendered."""
    assert render("{{ c.path }}", c={"base": "/opt", "path": "{{ c.base }}/app"}) == "/opt/app"


# -- pending -----------------------------------------------------------------------


def pending_scope(**known: Any) -> Scope:
    """A scope in which `later` is still to come."""
    return Scope([raw(known), {"later": {"rc": "old"}}], pending={"later", "vars"}.__contains__)


@pytest.mark.parametrize("template", [
    "{{ later }}", "{{ later.rc }}", "{{ later['rc'] }}", "{{ later is defined }}",
    "{{ later.rc is defined }}", "{{ later | default('x') }}", "{{ later.a.b | default('x') }}",
    "{{ alias }}", "{{ alias | default('x') }}", "{{ alias is undefined }}", "{{ deep.x.y }}",
    "{{ vars['later'] }}", "{{ lookup('vars', 'later', default='x') }}", "{{ vars | length }}",
    "{{ lookup('varnames', '.') }}", "{{ 'later' in vars }}", "{{ [later] }}", "a {{ later }}",
    "{% if later %}{% endif %}", "{% for x in later %}{% endfor %}", "{% set x = later %}",
    "{{ later is none }}", "{{ later == 1 }}", "{{ 'x' | ternary(later, 1) }}",
    "{{ [1] | map('default', later) | list }}", "{{ later.append(1) }}",
])
def test_a_pending_value_travels_out_of_every_template(template: str) -> None:
    """Nothing in a template takes a value that is not known yet for undefined."""
    scope = pending_scope(alias="{{ later.rc }}", deep={"x": {"y": "{{ later }}"}})
    with pytest.raises(PendingValueError) as caught:
        Templater().render(TemplateText(template), scope)
    assert caught.value.name in {"later", "vars"}


def test_a_pending_value_names_itself() -> None:
    """The caller learns which value to wait for."""
    with pytest.raises(PendingValueError) as caught:
        Templater().test([Expression("later is succeeded")], pending_scope())
    assert caught.value.name == "later"


@pytest.mark.parametrize("template", [
    "{{ 1 if true else later }}", "{{ 1 if x is defined or later }}", "{{ deep.a }}",
    "{% if false %}{{ later }}{% endif %}{{ 1 }}",
])
def test_a_pending_value_that_is_not_used_is_not_waited_for(template: str) -> None:
    """Independent tasks can be sent together."""
    scope = pending_scope(x=1, deep={"a": 1, "b": "{{ later }}"})
    assert Templater().render(TemplateText(template), scope) == 1


# -- omit ----------------------------------------------------------------------------


def test_omit_is_taken_out_at_any_depth() -> None:
    """omit removes the argument, the key or the item it stands for (rule 30)."""
    args = raw({"mode": "{{ m | default(omit) }}", "list": ["{{ omit }}", {"k": "{{ omit }}"}]})
    rendered = Templater().render(args, Scope([{}]))
    assert OMIT is rendered["mode"]
    assert omit_missing(rendered) == {"list": [{}]}


def test_arguments_without_omit_are_not_copied() -> None:
    """omit_missing gives the same object back when there is nothing to do."""
    args = {"a": [1, {"b": 2}], "t": (1, 2)}
    assert args is omit_missing(args)


def test_omit_has_no_place_inside_a_text() -> None:
    """Concatenating omit is an error, not a strange file name."""
    assert error_of(lambda: render("{{ 'a' ~ omit }}")).kind == "template/type"


# -- conditions ------------------------------------------------------------------------


def test_the_first_false_condition_is_named() -> None:
    """All conditions must hold; the text of the first that does not comes back."""
    templater, scope = Templater(), Scope([{"x": 1}])
    assert templater.test([True, Expression("x == 1"), None], scope) is None
    assert templater.test([Expression("x == 1"), Expression("x > 1"), False], scope) == "x > 1"
    assert templater.test([False], scope) is False


def test_later_conditions_are_not_evaluated_after_a_false_one() -> None:
    """The guard idiom works: x is defined, then x.y."""
    conditions = [Expression("x is defined"), Expression("x.y == 1")]
    assert Templater().test(conditions, Scope([{}])) == "x is defined"


def test_a_condition_that_is_no_bool_counts_and_warns_once() -> None:
    """Ansible's old rule, with a warning that says where."""
    templater = Templater()
    condition = Expression("name", Mark(file="p.yml", line=4))
    for _ in range(2):
        assert templater.test([condition], Scope([{"name": "false"}])) is None
    assert templater.test([condition], Scope([{"name": ""}])) == "name"
    assert templater.warnings == [
        "p.yml:4:1: the condition 'name' gives a str, not true or false: "
        "write `| bool`, `is truthy` or a comparison",
    ]


def test_braces_around_a_whole_condition_are_forgiven_with_a_warning() -> None:
    """`when: "{{ x }}"` is common and means x."""
    templater = Templater()
    assert templater.test([Expression("{{ x }}")], Scope([{"x": True}])) is None
    assert templater.warnings == ["leave {{ }} out of the condition '{{ x }}'"]


def test_braces_inside_a_condition_are_an_error_with_advice() -> None:
    """`when: x == {{ y }}` says how to write it."""
    error = error_of(lambda: Templater().test([Expression("x == {{ y }}")], Scope([{}])))
    assert (
        error.kind, error.hint,
    ) == ("template/syntax", "a condition is an expression already: leave {{ }} out")


def test_an_undefined_name_in_a_condition_is_an_error() -> None:
    """An undefined name is not quietly false."""
    mark = Mark(file="p.yml", line=9)
    error = error_of(lambda: Templater().test([Expression("nope", mark)], Scope([{}])))
    assert ("template/undefined", mark) == (error.kind, error.mark)


# -- syntax ------------------------------------------------------------------------------


@pytest.mark.parametrize(("template", "hint"), [
    ("{{ x | regex_replce('a') }}", "did you mean `regex_replace`?"),
    ("{{ [x] | map('uper') | list }}", "did you mean `upper`?"),
    ("{{ x is chnged }}", "did you mean `changed`?"),
    ("{{ x | expanduser }}", "templates read no disk: write the path out"),
    ("{{ x | ansible.utils.ipaddrs }}", "did you mean `ipaddr`?"),
    ("{{ x is file }}", "tests read no disk: use the stat module and its result"),
])
def test_an_unknown_filter_or_test_gets_advice(template: str, hint: str) -> None:
    """A near name, or the reason why it is not there."""
    assert hint == error_of(lambda: render(template, x="a")).hint


@pytest.mark.parametrize("template", ["{{ x", "{% if x %}", "{{ 1 + }}", "{% include %}"])
def test_a_broken_template_is_a_syntax_error(template: str) -> None:
    """Broken templates have their own kind."""
    assert error_of(lambda: render(template, x=1)).kind == "template/syntax"


def test_without_lookups_from_outside_there_is_no_io() -> None:
    """Rendering starts no program and reads no file."""
    error = error_of(lambda: render("{{ lookup('pipe', 'id') }}"))
    assert (error.kind, "no lookup 'pipe'" in error.message) == ("template/value", True)


# -- budget --------------------------------------------------------------------------------


@pytest.mark.parametrize("template", [
    "{% for i in range(10**9) %}{% endfor %}",
    "{{ range(10**8) | max }}", "{{ range(10**8) | shuffle }}", "{{ [range(10**8)] | flatten }}",
    "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}",
    "{% for i in range(10**9) %}{{ i }}{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ 'x' * 10**10 }}", "{{ [1] * 10**10 }}", "{{ 10 ** (10 ** 10) }}", "{{ 'x'.ljust(10**10) }}",
    "{{ 'x' | center(10**10) }}", "{{ '%1000000000d' % 1 }}", "{{ '%*d' % (10**10, 1) }}",
    "{{ '{:1000000000}'.format(1) }}", "{{ '{:{w}}'.format(1, w=10**10) }}",
    "{{ '%1000000000d' | format(1) }}", "{{ 'x' | indent(10**10, true) }}",
    "{{ [1] | batch(10**10, 'x') }}",
    "{% set ns = namespace(x='xxxxxxxx') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}"
    "{% endfor %}{{ ns.x | length }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}"
    "{% endfor %}",
    "{% set ns = namespace(x='aa') %}{% for i in range(99) %}"
    "{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}",
    "{% set ns = namespace(x='aa') %}{% for i in range(99) %}"
    "{% set ns.x = ns.x | replace('a', ns.x) %}{% endfor %}",
    "{% set ns = namespace(x=9) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "{{ query('sequence', 'count=1000000000') }}",
    "{% set x %}{% for i in range(1000000) %}aaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endset %}",
])
def test_an_endless_template_ends_in_its_budget(template: str) -> None:
    """Loops, recursion, huge texts and numbers end in one clear error."""
    templater = Templater(max_steps=100_000, max_chars=200_000)
    error = error_of(lambda: templater.render(TemplateText(template), Scope([{}])))
    assert error.kind == "template/budget"


def test_the_budget_refuses_a_billion_rounds_unless_told_otherwise() -> None:
    """Nobody has to set a budget."""
    error = error_of(lambda: render("{% for i in range(10**9) %}{% endfor %}"))
    assert error.kind == "template/budget"
    assert "over 16,777,216 characters" in error_of(lambda: render("{{ 'x' * 10**8 }}")).message


def test_the_budget_is_fresh_for_every_rendering() -> None:
    """Many small renderings do not add up."""
    templater = Templater(max_steps=100)
    text = TemplateText("{% for i in range(60) %}x{% endfor %}")
    assert [templater.render(text, Scope([{}])) for _ in range(3)] == ["x" * 60] * 3


def test_variables_inside_share_the_budget_of_the_whole() -> None:
    """A template cannot hide its work in its variables."""
    templater = Templater(max_steps=100)
    loop = TemplateText("{% for i in range(60) %}x{% endfor %}")
    scope = Scope([{"a": loop, "b": TemplateText(str(loop) + "y")}])
    assert error_of(
        lambda: templater.render(TemplateText("{{ a }}{{ b }}"), scope)
    ).kind == "template/budget"


# -- changing values -------------------------------------------------------------------------


def test_a_template_may_build_lists_but_not_change_variables() -> None:
    """`append` works on what the template sees, never on what devices share."""
    shared = {"names": ["a"], "deep": {"list": [1]}}
    templater, scope = Templater(), Scope([shared])
    text = "{{ names.append('b') }}{{ deep.list.append(2) }}{{ names + deep.list }}"
    assert templater.render(TemplateText(text), scope) == ["a", "b", 1, 2]
    assert shared == {"names": ["a"], "deep": {"list": [1]}}
    assert templater.render(TemplateText("{{ names }}"), scope) == ["a"]


@pytest.mark.parametrize("template", [
    "{{ (names | attr('append'))('b') }}", "{{ vars['names'].append('b') }}x",
    "{% for x in [names] %}{{ x.append('b') }}{% endfor %}x",
])
def test_no_way_leads_to_changing_what_is_shared(template: str) -> None:
    """Whether it is refused or works on a copy, the variable stays."""
    shared = {"names": ["a"]}
    with contextlib.suppress(TemplateError):
        Templater().render(TemplateText(template), Scope([shared]))
    assert shared == {"names": ["a"]}


# -- files -------------------------------------------------------------------------------------


def test_template_files_keep_their_last_newline_and_trim_blocks() -> None:
    """Ansible's options for the template module."""
    text = TemplateText("{% for i in l %}\n - {{ i }}\n{% endfor %}\nend\n")
    scope = Scope([{"l": [1, 2]}])
    assert Templater().render_text(text, scope) == " - 1\n - 2\nend\n"
    assert Templater().render_text(text, scope, trim_blocks=False) == "\n - 1\n\n - 2\n\nend\n"


def test_lstrip_blocks_removes_the_space_before_a_block() -> None:
    """lstrip_blocks is off unless asked for."""
    text = TemplateText("  {% if true %}\nx\n  {% endif %}\n")
    assert Templater().render_text(text, Scope([{}])) == "  x\n  "
    assert Templater().render_text(text, Scope([{}]), lstrip_blocks=True) == "x\n"


def test_the_jinja2_line_sets_options_and_is_left_out() -> None:
    """The header line of a template file is honoured."""
    text = TemplateText("#jinja2: variable_start_string:'[%', variable_end_string:'%]', "
                        "trim_blocks: False\n[% x %] {{ x }}\n")
    assert Templater().render_text(text, Scope([{"x": 1}])) == "1 {{ x }}\n"


@pytest.mark.parametrize("header", ["#jinja2: nope:1\n", "#jinja2: trim_blocks:[\n"])
def test_a_wrong_jinja2_line_is_a_syntax_error(header: str) -> None:
    """Unknown options and unreadable values do not pass silently."""
    error = error_of(lambda: Templater().render_text(TemplateText(header), Scope([{}])))
    assert error.kind == "template/syntax"


def test_backslashes_escape_in_files_and_not_in_arguments() -> None:
    """Ansible's rule: texts inside {{ }} of a playbook are raw, files are not."""
    text = TemplateText(r"{{ 'a\tb' }}")
    assert Templater().render(text, Scope([{}])) == r"a\tb"
    assert Templater().render_text(text, Scope([{}])) == "a\tb"


def test_a_file_that_gives_nothing_is_empty() -> None:
    """No None is written to a device."""
    assert Templater().render_text(TemplateText("{% if false %}x{% endif %}"), Scope([{}])) == ""


# -- the rest ------------------------------------------------------------------------------------


def test_a_secret_stays_a_secret_inside_a_text() -> None:
    """A text with a secret in it must reach no sink either."""
    scope = Scope([{"pw": SecretText("s3cret")}])
    for template in ("{{ pw }}", "user:{{ pw }}@db", "{{ 'user:' ~ pw }}"):
        result = Templater().render(TemplateText(template), scope)
        assert SecretText is type(result)


def test_a_method_without_call_is_an_error() -> None:
    """`{{ d.items }}` is a mistake, not data."""
    error = error_of(lambda: render("{{ d.items }}", d={"a": 1}))
    assert (error.kind, "items()" in error.message) == ("template/type", True)


def test_a_filter_that_fails_is_named() -> None:
    """The error says which filter could not do what."""
    error = error_of(lambda: render("{{ 1 | combine({}) }}"))
    assert error.message == "the filter 'combine' failed: combine needs mappings, got a int"


def test_extra_filters_lookups_and_the_environment_come_from_outside() -> None:
    """What needs the world is handed in."""
    templater = Templater(
        extra_filters={"shout": lambda text: text.upper() + "!"},
        extra_tests={"tiny": lambda number: number < 3},
        extra_lookups={"file": lambda call: [f"content of {path}" for path in call.terms]},
        extra_functions={"now": lambda: "today"}, environment={"HOME": HOSTILE},
    )
    scope = Scope([{}])
    assert templater.render(
        [TemplateText(text) for text in (
            "{{ 'a' | shout }}", "{{ 1 is tiny }}", "{{ lookup('file', 'x') }}", "{{ now() }}",
            "{{ lookup('env', 'HOME') }}",
        )], scope,
    ) == ["A!", True, "content of x", "today", HOSTILE]


def test_yaml_filters_need_a_yaml_library_from_outside() -> None:
    """Without one they say so."""
    for text in ("{{ {} | to_nice_yaml }}", "{{ 'a' | from_yaml }}"):
        error = error_of(lambda text=text: render(text))
        assert "is not available here" in error.message


def test_holds_templates_tells_constant_arguments() -> None:
    """A caller can find out once what never needs rendering."""
    assert [
        holds_templates(value) for value in (
            {"a": [TemplateText("{{ x }}")]}, TemplateText("{{ x }}"), {"a": ["{{ x }}"]},
            Expression("x"),
        )
    ] == [True, True, False, False]


def test_random_choices_repeat_for_a_device_and_differ_between_devices() -> None:
    """Without a seed the run and the device decide: resume gives the same."""
    def roll(run: str, device: str) -> Any:
        scope = Scope([{"fleetrun_run": run, "inventory_hostname": device}])
        text = TemplateText("{{ 1000000 | random }}")
        return Templater().render(text, scope)

    assert roll("r1", "gw-1") == roll("r1", "gw-1")
    assert len({roll("r1", "gw-1"), roll("r1", "gw-2"), roll("r2", "gw-1"),
                     roll("r2", "gw-2")}) == 4


def test_the_compiled_templates_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that differ by device are forgotten again."""
    monkeypatch.setattr("fleetrun.planning.templates_programs._MAX_PROGRAMS", 10)
    templater = Templater()
    for number in range(50):
        templater.render(TemplateText(f"{number}{{{{ 1 }}}}"), Scope([{}]))
        templater.evaluate(f"{number} + 1", Scope([{}]))
    assert (len(templater._programs) <= 10, len(templater._expressions) <= 10) == (True, True)


@pytest.mark.parametrize(("template", "expected"), [
    ("{% for i in [1, 2] %}{{ lookup('vars', 'x') }}{{ i }}{% endfor %}", "v1v2"),
    ("{% block b %}x{{ x }}{% endblock %}", "xv"),
    ("{% block b scoped %}{{ x }}{% endblock %}-{{ self.b() }}", "v-v"),
    ("{{ '{a}'.format_map({'a': x}) }}", "v"),
    ("{{ 3 * x }}{{ x * 2 }}", "vvvvv"),
    ("{{ [1, 2] | reverse | length }}", 2),
    ("{% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is iterable else x }}{% endfor %}",
     "123"),
    ("{% for i in numbers() %}{{ i }}{% if loop.last %}!{% endif %}{% endfor %}", "012!"),
    ("{% with y = x %}{{ y }}{% endwith %}", "v"),
    ("{% call(u) m() %}{{ u }}{{ x }}{% endcall %}", "1v"),
    ("{{ proxy.a }}{{ proxy }}", "v{'a': 'v'}"),
    ("{{ proxy | combine({'b': 1}) }}", {"a": "v", "b": 1}),
])
def test_every_part_of_the_language_sees_the_scope(template: str, expected: Any) -> None:
    """Loops, blocks, macros and methods work on lazy variables."""
    templater = Templater(extra_functions={"numbers": lambda: iter(range(3))})
    scope = Scope([{"x": "v", "proxy": MappingProxyType({"a": TemplateText("{{ x }}")})}])
    macro = "{% macro m() %}{{ caller(1) }}{% endmacro %}" if "call(" in template else ""
    assert templater.render(TemplateText(macro + template), scope) == expected


@pytest.mark.parametrize("template", [
    "{{ l[nope] }}", "{{ 'abc'.startswith(nope) }}", "{{ lookup('vars', nope) }}",
    "{{ lookup('items', nope) }}", "{{ range(nope) }}", "{{ nope + 1 }}", "{{ 1 < nope }}",
    "{{ -nope }}", "{{ nope() }}", "{{ nope.x() }}", "{{ 'a' ~ nope }}", "{{ nope in l }}",
    "{{ l | join(nope) }}", "{{ l[0:nope] }}", "{{ '%s' % nope }}", "{{ '%s' | format(nope) }}",
    "{{ '{}'.format(nope) }}", "{{ [nope] ~ '' }}", "{{ '%s' % [nope] }}", "{{ nope is none }}",
    "{{ nope is changed }}", "{{ not nope }}", "{{ lookup('vars', 'nope') }}",
])
def test_no_use_of_an_undefined_value_passes(template: str) -> None:
    """An undefined value does not turn into a text, a number or false."""
    error = error_of(lambda: render(template, l=[1]))
    assert (error.kind, "nope" in error.message) == ("template/undefined", True)


def test_a_mandatory_variable_that_is_missing_fails_with_its_message() -> None:
    """mandatory passes what is there, and names or explains what is not."""
    assert render("{{ x | mandatory }}", x=1) == 1
    assert "'d.x' is not defined" in error_of(
        lambda: render("{{ d.x | mandatory }}", d={})
    ).message
    assert error_of(lambda: render("{{ nope | mandatory('set it') }}")).message == "set it"


def test_a_syntax_error_further_down_says_the_line() -> None:
    """Long templates say where they are broken."""
    assert "line 3 of the text" in error_of(lambda: render("a\nb\n{{ 1 + }}\n")).message


def test_more_after_a_condition_is_a_syntax_error() -> None:
    """Half a condition is not silently taken for the whole."""
    error = error_of(lambda: Templater().evaluate("x y", Scope([{}])))
    assert (error.kind, "more after the expression" in error.message) == ("template/syntax", True)


def test_a_yaml_error_from_outside_is_a_template_error() -> None:
    """An error of the YAML library keeps its advice."""
    def load(text: str) -> Any:
        raise UsageError(f"bad {text}", kind="input/yaml", hint="mend it")

    templater = Templater(yaml_load=load)
    error = error_of(lambda: templater.render(TemplateText("{{ 'x' | from_yaml }}"), Scope([{}])))
    assert (error.kind, error.message, error.hint) == ("template/value", "bad x", "mend it")


def test_an_unknown_key_of_vars_does_not_wait_for_all_names() -> None:
    """A hint is not worth a round trip."""
    scope = Scope([{}], pending={"vars"}.__contains__)
    view = Templater().view(scope)
    error = error_of(lambda: Templater().render(
        TemplateText("{{ v.nope }}"), Scope([{"v": view}])
    ))
    assert (error.kind, error.hint) == ("template/undefined", "it is empty")


def test_omit_stays_itself_when_copied() -> None:
    """OMIT is told by identity, also in another process."""
    assert copy.deepcopy(OMIT) is OMIT
    assert pickle.loads(pickle.dumps(OMIT)) is OMIT
    assert repr(OMIT) == "OMIT"


def test_an_inline_if_without_else_gives_nothing() -> None:
    """As in Ansible: `"x{{ '-v' if verbose }}"` is just x."""
    assert render("x{{ '-v' if false }}") == "x"
    assert render("{{ ('a' if false) | default('e') }}") == "e"
