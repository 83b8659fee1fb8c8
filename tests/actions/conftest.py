"""What the controller's halves of modules are given: files, and a task's context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fleetrun.actions.registry import preparers
from fleetrun.errors import Mark
from fleetrun.loading.files import OperatorFiles
from fleetrun.model.playbook import Task
from fleetrun.model.values import Value
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater
from fleetrun.planning.toolbox import ActionContext, Prepared


@pytest.fixture
def make_context(tmp_path: Path):
    """Returns a function that makes the context of a task whose playbook is in tmp_path."""

    def make(module: str, /, **variables: Value) -> ActionContext:
        task = Task(
            id="0.tasks.0", module=module, mark=Mark(file="play.yml", line=1),
            base_dir=str(tmp_path), search_dirs=(str(tmp_path),),
        )
        return ActionContext(task=task, scope=Scope([variables]), templater=Templater())

    return make


@pytest.fixture
def prepare(make_context):
    """Returns a function that completes a module's arguments."""
    known = preparers(OperatorFiles())

    def run(module: str, args: Mapping[str, Value], /, **variables: Value) -> Prepared:
        return known[module](args, make_context(module, **variables))

    return run
