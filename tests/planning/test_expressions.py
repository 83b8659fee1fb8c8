"""Several hundred expressions: values, types and errors are those of ansible-core 2.19.

golden/record_expressions.py made the recordings; Ansible itself is not needed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleetrun.app import make_templater
from fleetrun.errors import TemplateError
from fleetrun.model.run import Invocation
from fleetrun.model.values import TemplateText
from fleetrun.planning.scope import Scope

HERE = Path(__file__).parent / "golden" / "expressions"
WORLD = HERE / "world"
RECORDED = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("*.json"))
}
GROUPS = [(name, number) for name, groups in RECORDED.items() for number in range(len(groups))]
TEMPLATER = make_templater(Invocation(), str(WORLD))


def outcome(text: str, variables: dict[str, Any]) -> tuple[str, Any]:
    """("value", what the expression gives) or ("error", its kind)."""
    try:
        value = TEMPLATER.render(TemplateText(text), Scope([raw(variables)]))
    except TemplateError as error:
        return "error", error.kind
    return "value", value


def raw(value: Any) -> Any:
    """Makes the operator's templates of all texts with braces, as the loader does."""
    if isinstance(value, str):
        return TemplateText(value) if "{{" in value or "{%" in value else value
    if isinstance(value, dict):
        return {key: raw(item) for key, item in value.items()}
    return [raw(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("name", "number"), GROUPS)
def test_values_are_those_of_ansible(name: str, number: int) -> None:
    """Every recorded expression gives the same value of the same type."""
    group = RECORDED[name][number]
    different = {}
    for text, expected in group["values"]:
        actual = outcome(text, group["vars"])
        plain = json.loads(json.dumps(expected).replace("@WORLD@", str(WORLD)))
        # A password is a text that no sink shows.
        is_same = actual == ("value", plain) and isinstance(actual[1], type(plain))
        if not is_same or isinstance(plain, bool) is not isinstance(actual[1], bool):
            different[text] = (plain, actual)
    assert different == {}


@pytest.mark.parametrize(("name", "number"), GROUPS)
def test_errors_are_where_ansible_has_them(name: str, number: int) -> None:
    """What Ansible refuses is refused, with a TemplateError."""
    group = RECORDED[name][number]
    accepted = {
        text: actual for text in group["errors"]
        if (actual := outcome(text, group["vars"]))[0] == "value"
    }
    assert accepted == {}


def test_the_recordings_are_whole() -> None:
    """Nobody emptied them."""
    count = sum(
        len(group["values"]) + len(group["errors"])
        for groups in RECORDED.values() for group in groups
    )
    assert count > 550
