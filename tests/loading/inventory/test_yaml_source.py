"""YAML inventories: what golden cases cannot show, above all errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleetrun.errors import Problem
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import TemplateText

Load = Callable[[str, str], Inventory]
Problems = Callable[[str, str], tuple[Problem, ...]]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("- a\n", (1, 1), "a YAML inventory is a mapping of groups"),
        ("just text\n", (1, 1), "a YAML inventory is a mapping of groups"),
        ("plugin: aws_ec2\n", (1, 1), "the inventory plugin `aws_ec2` is not supported"),
        ("a:\n  host:\n    h:\n", (2, 3), "unknown key `host` in the group `a`"),
        ("a: [h]\n", (1, 4), "the group `a` must be a mapping of vars, children and hosts"),
        ("a:\n  hosts: [h1, h2]\n", (2, 10), "`hosts` must be a mapping, not a list or number"),
        ("a:\n  children: [b]\n", (2, 13), "`children` must be a mapping, not a list or number"),
        ("a:\n  hosts:\n    1:\n", (3, 5), "the name of a device must be text, not 1"),
        ("1:\n  hosts:\n", (1, 1), "the name of a group must be text, not 1"),
        ("a:\n  hosts:\n    h: [1]\n", (3, 8), "variables must be a mapping of names to values"),
        ("a:\n  vars: [1]\n", (2, 9), "variables must be a mapping of names to values"),
        ("a:\n  vars:\n    2: x\n", (3, 5), "the name of a variable must be text, not 2"),
        ("a:\n  hosts:\n    ../x:\n", (3, 5),
         "`../x` cannot be the name of a device: it holds `..`"),
        ("a:\n  hosts:\n    h[2:1]:\n", (3, 5),
         "`h[2:1]` names no device: the range [2:1] ends before it begins"),
        ("a:\n  hosts: h\n  hosts: g\n", (3, 3),
         "the key `hosts` stands twice in one mapping: lines 2 and 3"),
    ],
)
def test_tells_what_is_wrong_and_where(
    text: str, place: tuple[int, int], message: str, problems_of: Problems
) -> None:
    """A mistake gives one problem with line and column."""
    problems = problems_of("hosts.yml", text)
    marks = [p.mark for p in problems]
    assert [message] == [p.message for p in problems]
    assert [place] == [(mark.line, mark.column) for mark in marks if mark]


def test_an_unknown_key_comes_with_the_near_one(problems_of: Problems) -> None:
    """A slip of one letter must not lose a group's devices in silence."""
    problem = problems_of("hosts.yml", "a:\n  host:\n    h:\n")[0]
    assert (
        problem.label, problem.allowed
    ) == ("did you mean `hosts`?", ("vars", "children", "hosts"))


def test_collects_all_problems(problems_of: Problems) -> None:
    """One run of the loader finds every mistake of a file."""
    text = "a:\n  hosts: [x]\nb:\n  vars: 1\nc: 2\n"
    assert [p.mark.line for p in problems_of("hosts.yml", text) if p.mark] == [2, 4, 5]


def test_an_empty_file_is_an_empty_inventory(load: Load) -> None:
    """Nothing in it is nothing wrong."""
    assert load("hosts.yml", "# nothing yet\n").devices == {}


def test_reads_yaml_without_an_ending(load: Load) -> None:
    """Ansible does, so inventories named `hosts` are YAML at times."""
    assert list(load("hosts", "# fleet\n\nall:\n  hosts:\n    h1:\n").devices) == ["h1"]
    assert list(load("hosts", "---\nall: {hosts: {h1: {}}}\n").devices) == ["h1"]
    assert list(load("hosts", "[web]\nh1 a=b:\n").devices) == ["h1"]


def test_values_with_braces_are_templates(load: Load) -> None:
    """Text of the operator's file is rendered later; !unsafe text is not."""
    inventory = load(
        "hosts.yml", "all:\n  hosts:\n    h:\n      a: '{{ x }}'\n      b: !unsafe '{{ x }}'\n"
    )
    source = inventory.devices["h"].layers.source
    assert (
        isinstance(source["a"], TemplateText), isinstance(source["b"], TemplateText)
    ) == (True, False)


def test_devices_have_their_place(load: Load) -> None:
    """A device's mark is its key; in a very long mapping it is the mapping's."""
    mark = load("a.yml", "all:\n  hosts:\n    h1:\n    h2:\n").devices["h2"].mark
    assert mark is not None
    assert (mark.line, mark.column) == (4, 5)
    names = "".join(f"    d{number}:\n" for number in range(1500))
    mark = load("b.yml", f"all:\n  hosts:\n{names}").devices["d1499"].mark
    assert mark is not None
    assert (mark.line, mark.column) == (2, 3)


def test_a_circle_of_groups_is_an_error(problems_of: Problems) -> None:
    """Nesting a group in itself is found, with the way round."""
    text = "a:\n  children:\n    b:\n      children:\n        a:\n"
    problem = problems_of("hosts.yml", text)[0]
    assert problem.message == "groups contain each other in a circle: `a` -> `b` -> `a`"
