"""Arguments of modules: names, groups, and Ansible's coercions."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetrun.model.module import ArgSpec, ArgType, ModuleSpec
from fleetrun.model.values import SecretText
from fleetrun.planning.arguments import ArgumentError, check_names, coerce, parse_free_form


def spec(*args: ArgSpec, **fields: Any) -> ModuleSpec:
    """A module with these arguments."""
    return ModuleSpec(
        name="box", family="", summary="", args={arg.name: arg for arg in args}, **fields
    )


def one(type_: ArgType, value: Any, **fields: Any) -> Any:
    """What `value` becomes as an argument of that type."""
    return coerce(spec(ArgSpec(name="x", type=type_, **fields)), {"x": value})["x"]


def complaint(type_: ArgType, value: Any, **fields: Any) -> str:
    """Why `value` is refused."""
    with pytest.raises(ArgumentError) as caught:
        one(type_, value, **fields)
    assert caught.value.kind == "module/bad-arguments"
    return caught.value.message


PATH = ArgSpec(name="path", aliases=("dest", "name"), required=True)
STATE = ArgSpec(name="state", choices=("present", "absent"), default="present")
COMMAND = spec(
    ArgSpec(name="cmd"), ArgSpec(name="argv", type=ArgType.LIST), ArgSpec(name="chdir"),
    ArgSpec(name="creates"), free_form=True,
)


def test_unknown_names_come_with_the_closest_one() -> None:
    """check_names gives the bad names in order, each with a suggestion or nothing."""
    found = check_names(spec(PATH, STATE), ["stat", "dest", "zzz"])
    assert [("stat", "state"), ("zzz", "")] == found


def test_own_arguments_are_unknown_to_users() -> None:
    """Names that start with an underscore are the controller's."""
    own = spec(ArgSpec(name="_content_b"), PATH)
    assert [("_content_b", "")] == check_names(own, ["_content_b"])


def test_free_text_is_known_where_it_is_allowed() -> None:
    """_raw_params is a name of free-form modules only."""
    assert check_names(COMMAND, ["_raw_params"]) == []
    assert [("_raw_params", "")] == check_names(spec(PATH), ["_raw_params"])


def test_any_name_is_known_where_all_are() -> None:
    """A spec with the argument * takes every name and keeps the values as they are."""
    facts = spec(ArgSpec(name="*", type=ArgType.RAW), ArgSpec(name="cacheable", type=ArgType.BOOL))
    assert check_names(facts, ["whatever"]) == []
    assert {"a": [1], "cacheable": True} == coerce(facts, {"a": [1], "cacheable": "yes"})


def test_aliases_defaults_and_nulls() -> None:
    """An alias becomes the name, null counts as omitted, defaults are filled."""
    coerced = coerce(spec(PATH, STATE), {"dest": "/x", "state": None})
    assert {"path": "/x", "state": "present"} == coerced


def test_the_name_beats_its_alias() -> None:
    """Both given: the argument's own name counts, in any order."""
    assert coerce(spec(PATH), {"path": "a", "dest": "b"})["path"] == "a"
    assert coerce(spec(PATH), {"dest": "b", "path": "a"})["path"] == "a"


@pytest.mark.parametrize(
    ("fields", "args", "message"),
    [
        ({}, {}, "box needs `path`"),
        ({}, {"path": "a", "stat": 1}, "box has no argument `stat` (did you mean `state`?)"),
        ({}, {"path": "a", "x": 1, "y": 2}, "box has no arguments `x`, `y`"),
        ({"exclusive": (("path", "state"),)}, {"path": "a", "state": "absent"},
         "box takes only one of `path` and `state`"),
        ({}, {"path": "a", "state": "abset"},
         "box: `state` must be one of present, absent; it is 'abset'"),
    ],
)
def test_groups_and_choices(fields: dict[str, Any], args: dict[str, Any], message: str) -> None:
    """Missing, unknown, exclusive and wrong arguments are named."""
    with pytest.raises(ArgumentError) as caught:
        coerce(spec(PATH, STATE, **fields), args)
    assert message == caught.value.message


def test_one_of_exclusive_arguments_may_be_given() -> None:
    """Exclusive means at most one."""
    module = spec(PATH, STATE, exclusive=(("path", "state"),))
    assert coerce(module, {"path": "a"})["path"] == "a"


def test_one_of_a_group_must_be_given() -> None:
    """A default does not count as given."""
    module = spec(ArgSpec(name="src"), ArgSpec(name="content"), one_of=(("src", "content"),))
    with pytest.raises(ArgumentError, match="box needs one of `src`, `content`"):
        coerce(module, {})
    assert coerce(module, {"content": ""}) == {"content": ""}


@pytest.mark.parametrize("word", ["yes", "On", "TRUE", "t", "y", 1, 1.0, True, " true "])
def test_words_for_true(word: object) -> None:
    """Ansible's words for yes."""
    assert one(ArgType.BOOL, word) is True


@pytest.mark.parametrize("word", ["no", "Off", "FALSE", "f", "n", 0, 0.0, False])
def test_words_for_false(word: object) -> None:
    """Ansible's words for no."""
    assert one(ArgType.BOOL, word) is False


@pytest.mark.parametrize(
    ("type_", "value", "result"),
    [
        (ArgType.INT, "42", 42), (ArgType.INT, 42.0, 42), (ArgType.INT, "3.0", 3),
        (ArgType.INT, " 7 ", 7), (ArgType.FLOAT, "1.5", 1.5), (ArgType.FLOAT, 2, 2.0),
        (ArgType.STR, 1, "1"), (ArgType.STR, True, "True"), (ArgType.STR, 1.5, "1.5"),
        (ArgType.STR, {"a": [1, "ü"]}, '{"a": [1, "ü"]}'), (ArgType.STR, b"\xff", b"\xff"),
        (ArgType.STR, [b"a", MappingProxyType({"b": (1,)})], '["a", {"b": [1]}]'),
        (ArgType.PATH, "~/x", "~/x"),
        (ArgType.LIST, "a, b,c", ["a", "b", "c"]), (ArgType.LIST, "", []), (ArgType.LIST, 5, ["5"]),
        (ArgType.LIST, ("a", 1), ["a", "1"]),
        (ArgType.DICT, {"a": 1}, {"a": 1}), (ArgType.DICT, '{"a": 1}', {"a": 1}),
        (ArgType.DICT, "a=1, b='x y'", {"a": "1", "b": "x y"}),
        (ArgType.RAW, [1, None], [1, None]),
        (ArgType.MODE, "644", "0644"), (ArgType.MODE, "0o755", "0755"),
        (ArgType.MODE, "4755", "4755"),
        (ArgType.MODE, "u=rwX,go=rX", "u=rwX,go=rX"), (ArgType.MODE, "preserve", "preserve"),
        (ArgType.MODE, "a+x", "a+x"), (ArgType.MODE, "g=u", "g=u"), (ArgType.MODE, 0, "0000"),
    ],
)
def test_coercions(type_: ArgType, value: object, result: object) -> None:
    """Each type takes what Ansible takes."""
    assert result == one(type_, value)


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        (ArgType.BOOL, "perhaps", "must be yes or no: 'perhaps'"),
        (ArgType.BOOL, 2, "must be yes or no: 2"),
        (ArgType.INT, "1.5", "must be a whole number"),
        (ArgType.INT, True, "must be a whole number"),
        (ArgType.INT, "x", "must be a whole number"), (ArgType.INT, [1], "must be a whole number"),
        (ArgType.FLOAT, "nan", "must be a number"),
        (ArgType.FLOAT, float("inf"), "must be a number"),
        (ArgType.PATH, "", "is an empty path"), (ArgType.PATH, "a\0b", "NUL character"),
        (ArgType.LIST, {"a": 1}, "must be a list"), (ArgType.LIST, True, "must be a list"),
        (ArgType.DICT, [1], "must be a mapping"), (ArgType.DICT, "a b", "must be a mapping, JSON"),
        (ArgType.DICT, "{a", "is not valid JSON"), (ArgType.DICT, "a='b", "never closed"),
        (ArgType.MODE, "rw", "must be a file mode"), (ArgType.MODE, "0999", "must be a file mode"),
        (ArgType.MODE, [1], "must be a file mode"), (ArgType.MODE, True, "must be a file mode"),
        (ArgType.MODE, "77777", "must be a file mode"),
    ],
)
def test_misfits(type_: ArgType, value: object, message: str) -> None:
    """What fits no type is refused with the value."""
    assert message in complaint(type_, value)


@pytest.mark.parametrize("mode", [
    0o644, 0o755, 0o600, 0o700, 0o640, 0o750, 0o777, 0o1777, 0o2775, 0o4755,
])
def test_octal_numbers_mean_what_was_written(mode: int) -> None:
    """YAML gives 0644 as the number 420: that is mode 0644."""
    assert f"{mode:04o}" == one(ArgType.MODE, mode)


@pytest.mark.parametrize("mode", [
    644, 755, 600, 700, 777, 640, 750, 664, 775, 400, 440, 500, 1777, 99999, -1,
])
def test_decimal_numbers_are_refused(mode: int) -> None:
    """644 without a zero is the number 01204: nobody means that."""
    assert "quote it" in complaint(ArgType.MODE, mode)


def test_elements_of_lists_are_coerced() -> None:
    """A list of numbers is one after coercion."""
    assert one(ArgType.LIST, "1,2", elements=ArgType.INT) == [1, 2]
    assert "must be a whole number" in complaint(ArgType.LIST, ["x"], elements=ArgType.INT)


def test_each_element_must_be_a_choice() -> None:
    """Choices of a list are those of its elements."""
    assert one(ArgType.LIST, "a,b", choices=("a", "b")) == ["a", "b"]
    assert "it is 'c'" in complaint(ArgType.LIST, "a,c", choices=("a", "b"))
    assert one(ArgType.DICT, {"a": 1}, choices=("a", "b")) == {"a": 1}
    assert "it is 'c'" in complaint(ArgType.DICT, {"a": 1, "c": 2}, choices=("a", "b"))


def test_secret_values_are_never_shown() -> None:
    """Neither a misfit nor a success gives a secret away."""
    assert "hunter2" not in complaint(ArgType.INT, "hunter2", secret=True)
    assert isinstance(one(ArgType.STR, SecretText("hunter2")), SecretText)


def test_long_values_are_cut_in_messages() -> None:
    """A message stays readable whatever it was given."""
    assert len(complaint(ArgType.INT, "x" * 500)) < 140


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("ls -l", {"_raw_params": "ls -l"}),
        ("ls  -l  creates=/x   y", {"_raw_params": "ls  -l   y", "creates": "/x"}),
        ('chdir="/a b" make CC=gcc', {"_raw_params": "make CC=gcc", "chdir": "/a b"}),
        ("echo {{ a | default('x y') }} creates={{ b }}",
         {"_raw_params": "echo {{ a | default('x y') }}", "creates": "{{ b }}"}),
        ("cmd=1 env", {"_raw_params": "cmd=1 env"}),
        ("echo 'a  b' \"c\\\"d\"", {"_raw_params": "echo 'a  b' \"c\\\"d\""}),
        ("echo one\n  two", {"_raw_params": "echo one\n  two"}),
        ("creates=/x \\\n  ls", {"creates": "/x", "_raw_params": "ls"}),
        ("", {}),
    ],
)
def test_free_text(text: str, result: dict[str, str]) -> None:
    """Known words are taken out of free text; the rest is kept exactly."""
    assert result == parse_free_form(COMMAND, text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("path=/x state=absent", {"path": "/x", "state": "absent"}),
        ('path="a b"  state=\'x\'', {"path": "a b", "state": "x"}),
        ("path=a\\nb", {"path": "a\nb"}), (r"path=\x41\u00fc\101", {"path": "AüA"}),
        (r'path="say \"x\""', {"path": 'say "x"'}),
        ("path={{ x }}/{{ y | d('a b') }} state={% if z %}a{% endif %}",
         {"path": "{{ x }}/{{ y | d('a b') }}", "state": "{% if z %}a{% endif %}"}),
        ('path="{{ x["k e y"] }}"', {"path": '{{ x["k e y"] }}'}),
        ("path={{ '{{ a b }}' }}", {"path": "{{ '{{ a b }}' }}"}),
        ("other=1", {"other": "1"}), ("path=", {"path": ""}), ("path=a=b", {"path": "a=b"}),
    ],
)
def test_pairs(text: str, result: dict[str, str]) -> None:
    """k=v words; names are judged later, so that the error can point at them."""
    assert result == parse_free_form(spec(PATH, STATE), text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path='a", "never closed"), ('path="a', "never closed"), ("path={{ a", "}} is missing"),
        ("path=a b", "expected name=value, found: b"), ("path={% a", "%} is missing"),
    ],
)
def test_bad_pairs(text: str, message: str) -> None:
    """Words without a name, and quotes and braces that stay open, are errors."""
    with pytest.raises(ArgumentError) as caught:
        parse_free_form(spec(PATH), text)
    assert message in caught.value.message


@given(st.text(max_size=60))
def test_free_text_is_kept_or_refused(text: str) -> None:
    """Any text is either taken or a clear error; without options nothing of it is lost."""
    try:
        found = parse_free_form(COMMAND, text)
    except ArgumentError:
        return
    if set(found) <= {"_raw_params"}:
        raw = str(found.get("_raw_params", ""))
        assert raw in text
        assert text.replace("\\\n", "").split() == raw.replace("\\\n", "").split()


@given(st.sampled_from([*ArgType]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5,
))
def test_any_value_is_coerced_or_refused(type_: ArgType, value: Any) -> None:
    """No value whatever raises anything but ArgumentError."""
    module = spec(ArgSpec(name="x", type=type_))
    try:
        coerced = coerce(module, {"x": value})
    except ArgumentError:
        return
    again = coerce(module, coerced)
    assert repr(coerced) == repr(again)
