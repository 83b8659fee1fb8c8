"""Loops of every kind: what a task registers is what Ansible registers (rules 1, 3, 5, 49)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleetrun.actions.registry import CONTROLLER_ACTIONS
from fleetrun.app import make_templater
from fleetrun.loading.modules import load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.model.run import Invocation
from fleetrun.model.steps import Done
from fleetrun.planning.arguments import coerce
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.toolbox import DeviceVars, ProgramOptions, Toolbox

HERE = Path(__file__).parent / "golden" / "loops"
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
#: Messages differ; that both failed is compared.
WORDING = {"exception", "msg"}


@pytest.fixture(scope="module")
def outcome() -> tuple[dict[str, Any], list[str]]:
    """What the playbook's tasks register here, and the warnings."""
    library = load_library()
    templater = make_templater(Invocation(), str(HERE))
    play = PlaybookLoader(library, templater=templater).load(str(HERE / "playbook.yml")).plays[0]
    state = DeviceState()
    program = DeviceProgram(
        play, state=state, options=ProgramOptions(),
        toolbox=Toolbox(
            templater=templater, module=library.get, coerce=coerce, actions=CONTROLLER_ACTIONS
        ),
        device_vars=DeviceVars(
            play=play.vars, magic={
                "inventory_hostname": "localhost", "ansible_play_name": "localhost",
                "groups": {"all": [], "ungrouped": []},
            },
        ),
    )
    while not isinstance(program.next(), Done):
        pass
    return dict(state.dynamic), templater.warnings


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_loop_registers_what_ansible_registers(
    name: str, outcome: tuple[dict[str, Any], list[str]]
) -> None:
    """Items, counters, skips, failures and the whole have the same keys and values."""
    assert comparable(EXPECTED[name]) == comparable(outcome[0][name])


def test_a_hidden_loop_variable_is_warned_of(
    outcome: tuple[dict[str, Any], list[str]]
) -> None:
    """An item that hides a variable of the same name is named with its place."""
    warnings = [text for text in outcome[1] if "already in use" in text]
    assert [text.partition(": ")[2][:40] for text in warnings] == [
        "The loop variable 'item' is already in u"
    ]
    assert "playbook.yml:" in warnings[0]


def comparable(result: Any) -> Any:
    """A result without its wording when it failed, and without the folder's name."""
    if isinstance(result, list):
        return [comparable(item) for item in result]
    if not isinstance(result, dict):
        return result.replace(str(HERE), "HERE") if isinstance(result, str) else result
    failed = result.get("failed", False)
    hidden = WORDING if failed and "results" not in result else set()
    # A task that did not fail says so here only when somebody asked.
    kept = {
        key: comparable(value) for key, value in result.items()
        if key not in hidden | {"failed", "changed"}
    }
    return {**kept, "failed": failed, "changed": result.get("changed", False)}
