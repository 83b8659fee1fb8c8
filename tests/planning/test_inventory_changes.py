"""Devices and groups that plays add."""

from __future__ import annotations

from fleetrun.model.inventory import Device, Group, Inventory
from fleetrun.planning.inventory_changes import grow


def inventory():
    """One device in no group."""
    return Inventory(
        devices={"d1": Device(name="d1")},
        groups={
            "all": Group(name="all", depth=0),
            "ungrouped": Group(name="ungrouped", devices=("d1",)),
        },
    )


def host(name, groups=(), **variables):
    return ("d1", {"add_host": {
        "host_name": name, "groups": list(groups), "host_vars": variables,
    }})


def test_a_device_comes_with_its_groups_and_variables():
    """Groups that are missing are made; the order is that of the tasks."""
    grown = grow(inventory(), [host("n1", ["web", "new"], colour="red"), host("n2")])
    assert ["d1", "n1", "n2"] == list(grown.devices)
    assert (("new", "web"), {"colour": "red"}) == (
        grown.devices["n1"].groups, grown.devices["n1"].layers.source
    )
    assert ("n1",) == grown.groups["web"].devices
    assert ("d1", "n2") == grown.groups["ungrouped"].devices


def test_a_known_device_gets_more_groups_and_variables():
    """Nothing that it had is lost."""
    once = grow(inventory(), [host("d1", ["a"], x=1)])
    twice = grow(once, [host("d1", ["b"], y=2), host("d1", ["b"])])
    assert ("a", "b") == twice.devices["d1"].groups
    assert {"x": 1, "y": 2} == twice.devices["d1"].layers.source
    assert () == twice.groups["ungrouped"].devices


def test_a_group_of_group_by_stands_below_its_parents():
    """The device is then in the parents, too; `all` is above everything anyway."""
    grown = grow(inventory(), [("d1", {"add_group": "k", "parent_groups": ["all", "top", "k"]})])
    assert ("k", "top") == grown.devices["d1"].groups
    assert (("k",), ("top",), 2) == (
        grown.groups["top"].children, grown.groups["k"].parents, grown.groups["k"].depth
    )


def test_the_inventory_that_was_given_stays_as_it_is():
    """Devices that run look at the old one until they meet."""
    before = inventory()
    grow(before, [host("n1", ["web"])])
    assert (["d1"], 2) == (list(before.devices), len(before.groups))
