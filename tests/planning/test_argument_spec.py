"""Arguments of roles are judged as Ansible does, in its words."""

from __future__ import annotations

import pytest

from fleetrun.planning.argument_spec import HIDDEN, check_arguments


def option(**said) -> dict:
    return {"o": said}


@pytest.mark.parametrize(
    ("options", "values", "errors"),
    [
        (option(required=True), {}, ["missing required arguments: o"]),
        (option(required=True), {"o": None}, []),
        (option(type="int"), {"o": "12"}, []),
        (option(type="int"), {"o": "abc"},
         ["argument 'o' is of type str and we were unable to convert to int: "
          "\"'abc'\" cannot be converted to an int"]),
        (option(type="int"), {"o": 1.5},
         ["argument 'o' is of type float and we were unable to convert to int: "
          '"1.5" cannot be converted to an int']),
        (option(type="int"), {"o": None}, []),
        (option(type="float"), {"o": "x"},
         ["argument 'o' is of type str and we were unable to convert to float: "
          "<class 'str'> cannot be converted to a float"]),
        (option(type="bool"), {"o": "YES"}, []),
        (option(type="list"), {"o": {"a": 1}},
         ["argument 'o' is of type dict and we were unable to convert to list: "
          "<class 'dict'> cannot be converted to a list"]),
        (option(type="list", elements="int"), {"o": "1,2"}, []),
        (option(type="list", elements="int"), {"o": [1, "b"]},
         ["Elements value for option 'o' is of type str and we were unable to convert to int: "
          "\"'b'\" cannot be converted to an int"]),
        (option(type="dict"), {"o": "a=1, b=2"}, []),
        (option(type="dict"), {"o": "a"},
         ["argument 'o' is of type str and we were unable to convert to dict: "
          "dictionary requested, could not parse JSON or key=value"]),
        (option(type="bytes"), {"o": "1K"}, []),
        (option(type="bytes"), {"o": "1Q"},
         ["argument 'o' is of type str and we were unable to convert to bytes: "
          "<class 'str'> cannot be converted to a Byte value"]),
        (option(type="bits"), {"o": "1Mb"}, []),
        (option(choices=["a", "b"]), {"o": "c"}, ["value of o must be one of: a, b, got: c"]),
        (option(type="list", choices=["a", "b"]), {"o": ["a", "c"]},
         ["value of o must be one or more of: a, b. Got no match for: c"]),
        (option(choices=["a"], no_log=True), {"o": "secret"},
         [f"value of o must be one of: a, got: {HIDDEN}"]),
        (option(type="dict", options={"n": {"required": True}}), {"o": {}},
         ["missing required arguments: n found in o"]),
        (option(type="dict", options={"n": {}}), {"o": {"m": 1}},
         ["o.m. Supported parameters include: n."]),
        (option(type="list", elements="dict", options={"n": {"type": "dict", "options": {
            "k": {"choices": [1]}}}}), {"o": [{"n": {"k": 2}}]},
         ["value of k must be one of: 1, got: 2 found in o -> n"]),
    ],
)
def test_what_is_wrong_is_said_as_ansible_says_it(
    options: dict, values: dict, errors: list[str]
) -> None:
    """One sentence for each mistake, none for what can be converted."""
    assert check_arguments(options, values) == errors


@pytest.mark.parametrize(
    ("rules", "value", "error"),
    [
        ({"mutually_exclusive": [["a", "b"]]}, {"a": "1", "b": "2"},
         "parameters are mutually exclusive: a|b found in o"),
        ({"required_together": [["a", "b"]]}, {"a": "1"},
         "parameters are required together: a, b found in o"),
        ({"required_one_of": [["a", "b"]]}, {},
         "one of the following is required: a, b found in o"),
        ({"required_if": [["a", "x", ["b", "c"]]]}, {"a": "x", "b": "1"},
         "a is x but all of the following are missing: c found in o"),
        ({"required_if": [["a", "x", ["b", "c"], True]]}, {"a": "x"},
         "a is x but any of the following are missing: b, c found in o"),
        ({"required_by": {"a": ["b"]}}, {"a": "1"},
         "missing parameter(s) required by 'a': b found in o"),
    ],
)
def test_relations_between_suboptions_are_checked(rules: dict, value: dict, error: str) -> None:
    """Groups that exclude, need or imply each other."""
    spec = {"type": "dict", "options": {"a": {}, "b": {}, "c": {}}, **rules}

    assert check_arguments({"o": spec}, {"o": value}) == [error]


def test_aliases_stand_for_the_option() -> None:
    """A value under an alias is judged as the option's own."""
    spec = {"o": {"type": "dict", "options": {"name": {"required": True, "aliases": ["n"]}}}}

    assert check_arguments(spec, {"o": {"n": "x"}}) == []
