"""ini_file: what the controller makes of `section_has_values`."""

from __future__ import annotations

import pytest

from fleetrun.planning.arguments import ArgumentError


def test_arguments_without_conditions_stay_as_they_are(prepare) -> None:
    """Nothing is added where nothing is asked for."""
    args = {"path": "f", "section": "s"}
    assert prepare("ini_file", args).args == args


def test_conditions_become_lines(prepare) -> None:
    """Each is its option, the number of its values, and these."""
    wanted = [
        {"option": "name", "value": "a"}, {"option": "port", "values": [1, "2"]},
        {"option": "bare"}, {"option": "one", "values": "x"},
    ]
    found = prepare("ini_file", {"path": "f", "section_has_values": wanted})
    assert found.args == {
        "path": "f", "_conditions": "\nname\n1\na\nport\n2\n1\n2\nbare\n0\none\n1\nx",
    }


@pytest.mark.parametrize("wanted", [["name"], [{"value": "a"}], [{"option": "a", "valu": "b"}],
                                    [{"option": "a\nb"}], [{"option": "a", "value": "b\nc"}]])
def test_other_conditions_are_refused(wanted, prepare) -> None:
    """A condition that the device would read as another stops the task."""
    with pytest.raises(ArgumentError, match="section_has_values"):
        prepare("ini_file", {"path": "f", "section_has_values": wanted})
