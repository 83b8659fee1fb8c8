"""Walks plays, blocks and tasks, and asks the rules."""

from __future__ import annotations

from typing import Final

from fleetrun.loading.fields import Field
from fleetrun.loading.lint import rules
from fleetrun.loading.lint.task import LintTask, lint_task
from fleetrun.loading.modules import ModuleLibrary
from fleetrun.loading.schema import KEYWORDS, Level

_SECTIONS: Final = ("pre_tasks", "tasks", "post_tasks")
_PARTS: Final = ("block", "rescue", "always")


def play_warnings(play: Field, library: ModuleLibrary) -> None:
    """Notes what will bite in one play."""
    if not isinstance(play.value, dict):
        return
    keys = {str(child.pointer[-1]): child for child in play.children()}
    rules.surroundings(keys)
    rules.canary(keys)
    is_staged = "serial" in keys or "rollout" in keys
    becomes = "become" in keys
    for section in _SECTIONS:
        if section in keys:
            task_list_warnings(keys[section], library, becomes=becomes, is_staged=is_staged)
    if "handlers" in keys:
        task_list_warnings(keys["handlers"], library, becomes=becomes, is_handlers=True)


def task_list_warnings(
    tasks: Field, library: ModuleLibrary, *, becomes: bool = False, is_staged: bool = False,
    is_handlers: bool = False,
) -> None:
    """Notes what will bite in a list of tasks and in the blocks among them."""
    for one in tasks.children() if isinstance(tasks.value, list) else []:
        if not isinstance(one.value, dict):
            continue
        keys = {str(child.pointer[-1]): child for child in one.children()}
        rules.surroundings(keys)
        here = becomes or "become" in keys
        for part in _PARTS:
            if part in keys:
                task_list_warnings(keys[part], library, becomes=here, is_staged=is_staged)
        if "block" in keys:
            rules.conditions(keys)
            continue
        task = lint_task(one, keys, library, frozenset(KEYWORDS[Level.HANDLER]))
        if task is not None:
            _ask(task, becomes=here, is_staged=is_staged, is_handler=is_handlers)


def _ask(task: LintTask, *, becomes: bool, is_staged: bool, is_handler: bool) -> None:
    rules.conditions(task.keys)
    rules.loops(task.keys)
    rules.ignored(task)
    rules.arguments(task)
    rules.free_form(task)
    rules.hidden_module(task)
    rules.commands(task)
    rules.secrets(task)
    if not becomes and "become_user" in task.keys:
        rules.no_become(task)
    if is_staged:
        rules.latest(task)
    if is_handler and not {"name", "listen"} & task.keys.keys():
        rules.unnamed_handler(task)
