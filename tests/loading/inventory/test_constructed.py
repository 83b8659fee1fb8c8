"""Constructed inventories: what is wrong in them, and what -e and vars folders add.

What they make of a fleet is compared with Ansible in test_golden.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.errors import InputError
from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory

HOSTS = "[web]\ngw-1 site=berlin nr=9\ngw-2\n"


def load(folder: Path, text: str, **options: object) -> Inventory:
    """An inventory of two devices, and what `text` constructs of it."""
    (folder / "a.ini").write_text(HOSTS, encoding="utf-8")
    (folder / "b.yml").write_text("plugin: constructed\n" + text, encoding="utf-8")
    return load_inventory([str(folder / "a.ini"), str(folder / "b.yml")], **options)  # type: ignore[arg-type]  # by name


def test_a_strict_plan_stops_at_the_first_error_with_its_place(tmp_path: Path) -> None:
    """The device and the line of the expression are named."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, "strict: yes\ngroups:\n  berlin: site == 'berlin'\n")
    problem = caught.value.problems[0]
    assert "for `gw-2`" in problem.message
    assert "site" in problem.message
    assert problem.mark is not None
    assert problem.mark.line == 4


def test_what_fails_is_left_out_unless_the_plan_is_strict(tmp_path: Path) -> None:
    """The other devices are still grouped."""
    inventory = load(tmp_path, "groups:\n  berlin: site == 'berlin'\n")
    assert inventory.groups["berlin"].devices == ("gw-1",)


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        ("strct: yes\n", 2, "unknown key `strct`"),
        ("strict: maybe\n", 2, "must be yes or no"),
        ("groups: [a]\n", 2, "must be a mapping"),
        ("keyed_groups: {key: a}\n", 2, "must be a list"),
        ("keyed_groups:\n  - prefix: x\n", 3, "with a `key`"),
        ("keyed_groups:\n  - {key: site, prefx: x}\n", 3, "unknown key `prefx`"),
        ("keyed_groups:\n  - {key: site, default_value: x, trailing_separator: no}\n", 3,
         "exclude each other"),
        ("keyed_groups:\n  - key: nr\n", 3, "gives a int"),
        ("keyed_groups:\n  - {key: site, separator: '', parent_group: \"{{ site }}\"}\n", 3,
         "circle"),
    ],
)
def test_a_wrong_plan_is_an_error_at_its_line(
    text: str, line: int, wanted: str, tmp_path: Path
) -> None:
    """Nothing is constructed of half a plan."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    problem = caught.value.problems[0]
    assert wanted in problem.message
    assert problem.mark is not None
    assert problem.mark.line == line


def test_another_plugin_is_an_error_that_names_the_way_out(tmp_path: Path) -> None:
    """Inventories of clouds are programs here."""
    (tmp_path / "aws.yml").write_text("plugin: amazon.aws.aws_ec2\n", encoding="utf-8")
    with pytest.raises(InputError, match="aws_ec2") as caught:
        load_inventory([str(tmp_path / "aws.yml")])
    assert "executable script" in caught.value.hint


def test_extra_vars_count_when_they_are_asked_for(tmp_path: Path) -> None:
    """They beat the device's own, as everywhere."""
    extra = {"site": "rome"}
    text = "keyed_groups: [{key: site, separator: ''}]\n"
    assert "rome" not in load(tmp_path, text, extra_vars=extra).groups
    inventory = load(tmp_path, "use_extra_vars: yes\n" + text, extra_vars=extra)
    assert inventory.groups["rome"].devices == ("gw-1", "gw-2")


def test_a_group_that_a_later_source_defines_does_not_disturb(tmp_path: Path) -> None:
    """A mere mention waits for its definition, also across a constructed source."""
    (tmp_path / "0.ini").write_text("[top:children]\nlate\n[x]\nd\n", encoding="utf-8")
    (tmp_path / "1.yml").write_text(
        "plugin: constructed\ngroups: {xs: \"'x' in group_names\"}\n", encoding="utf-8"
    )
    (tmp_path / "2.ini").write_text("[late]\ne\n", encoding="utf-8")
    inventory = load_inventory([str(tmp_path)])
    assert inventory.groups["xs"].devices == ("d",)
    assert inventory.groups["top"].children == ("late",)
