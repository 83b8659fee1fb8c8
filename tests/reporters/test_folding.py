"""Identical outputs as one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.reporters.folding import Fold, fold, show_folds, show_names


def shown(outputs: list[tuple[str, str]], width: int = 100) -> str:
    return show_folds(fold(outputs), width=width)


def test_shows_short_outputs_on_one_line() -> None:
    """The majority needs no names, the others have them."""
    outputs = [(f"d{number}", "6.1.21\n") for number in range(498)]
    outputs[7:7] = [("gw-07", "5.10"), ("gw-31", "5.10")]
    assert shown(outputs) == "498 devices: 6.1.21 · 2 devices: 5.10 (gw-07, gw-31)"


def test_names_the_devices_of_a_small_fleet() -> None:
    """Up to five devices are named even when all agree."""
    assert shown([("a", "x"), ("b", "x")]) == "2 devices: x (a, b)"


def test_gives_long_outputs_a_line_each() -> None:
    """What does not fit side by side stands one below the other."""
    assert shown([("a", "x" * 30), ("b", "y" * 30)], width=60) == (
        f"1 device: {'x' * 30} (a)\n1 device: {'y' * 30} (b)"
    )


def test_gives_outputs_of_many_lines_a_block() -> None:
    """Each distinct output has a header, and hostile bytes stay bytes."""
    outputs = [("a", "one\ntwo"), ("b", "\x1b[2J"), ("c", "one\ntwo\n"), ("d", "")]
    assert shown(outputs) == (
        "── 2 devices: a, c\none\ntwo\n── 1 device: b\n\\x1b[2J\n── 1 device: d\n(no output)"
    )


def test_cuts_long_lists_of_names() -> None:
    """Five names, then how many more."""
    names = [f"n{number}" for number in range(1007)]
    assert show_names(names) == "n0, n1, n2, n3, n4, … (+1,002)"


def test_shows_nothing_for_nothing() -> None:
    """No outputs, no text."""
    assert shown([]) == ""


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.sampled_from(("a", "b", "c\nd", "")))))
def test_every_device_is_in_exactly_one_fold(outputs: list[tuple[str, str]]) -> None:
    """Folding loses and invents no device, and the largest comes first."""
    folds = fold(outputs)
    assert sorted(name for each in folds for name in each.devices) == sorted(
        name for name, _ in outputs
    )
    sizes = [len(each.devices) for each in folds]
    assert sizes == sorted(sizes, reverse=True)
    assert all(isinstance(each, Fold) for each in folds)
