"""A small module library and a loader for playbooks written in tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleetrun.errors import InputError, Problem
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.model.module import ArgSpec, ArgType, ModuleKind, ModuleSpec
from fleetrun.model.playbook import Playbook


def _spec(name: str, *args: ArgSpec, **more: object) -> ModuleSpec:
    return ModuleSpec(
        name=name, family="test", summary=name, args={arg.name: arg for arg in args}, **more
    )


def _arg(name: str, type_: ArgType = ArgType.STR, **more: object) -> ArgSpec:
    return ArgSpec(name=name, type=type_, **more)


SPECS = (
    _spec("ping"),
    _spec("setup"),
    _spec("debug", _arg("msg", ArgType.RAW), _arg("var"), kind=ModuleKind.CONTROLLER),
    _spec(
        "assert", _arg("that", ArgType.RAW, required=True), _arg("fail_msg", aliases=("msg",)),
        kind=ModuleKind.CONTROLLER,
    ),
    _spec("set_fact", _arg("*", ArgType.RAW), kind=ModuleKind.CONTROLLER),
    _spec("meta", kind=ModuleKind.CONTROLLER, free_form=True),
    _spec("include_tasks", _arg("file"), kind=ModuleKind.INCLUDE, free_form=True),
    _spec(
        "command", _arg("cmd"), _arg("argv", ArgType.LIST), _arg("chdir", ArgType.PATH),
        _arg("creates", ArgType.PATH), _arg("expand_argument_vars", ArgType.BOOL),
        free_form=True, idempotent=False,
        exclusive=(("cmd", "argv", "_raw_params"),), one_of=(("cmd", "argv", "_raw_params"),),
    ),
    _spec("shell", _arg("cmd"), _arg("chdir", ArgType.PATH), free_form=True, idempotent=False),
    _spec(
        "copy", _arg("src", ArgType.PATH), _arg("content"),
        _arg("dest", ArgType.PATH, required=True), _arg("mode", ArgType.MODE), _arg("owner"),
        exclusive=(("src", "content"),), one_of=(("src", "content"),), kind=ModuleKind.PREPARED,
    ),
    _spec(
        "file", _arg("path", ArgType.PATH, required=True, aliases=("dest", "name")),
        _arg("state", choices=("file", "directory", "absent")), _arg("mode", ArgType.MODE),
        _arg("recurse", ArgType.BOOL),
    ),
    _spec(
        "package", _arg("name", ArgType.LIST, required=True),
        _arg("state", default="present", choices=("present", "absent", "latest")),
    ),
    _spec(
        "service", _arg("name", required=True), _arg("enabled", ArgType.BOOL),
        _arg("state", choices=("started", "stopped", "restarted")),
    ),
)


class Library:
    """A `ModuleLookup` of the specs above."""

    def get(self, name: str) -> ModuleSpec | None:
        return next((spec for spec in SPECS if spec.name == name), None)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(spec.name for spec in SPECS))


@dataclass
class Workshop:
    """Writes files below a folder and loads playbooks from it."""

    root: Path
    loader: PlaybookLoader = field(default_factory=lambda: PlaybookLoader(Library()))

    @staticmethod
    def fresh_loader() -> PlaybookLoader:
        return PlaybookLoader(Library())

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, text: str) -> Playbook:
        """Loads `text` as site.yml, with a fresh loader, as each run does."""
        self.loader = self.fresh_loader()
        return self.loader.load(str(self.write("site.yml", text)))

    def load_tasks(self, text: str) -> Playbook:
        """Loads a list of tasks as those of one play."""
        lines = ["- hosts: all", "  tasks:", *("    " + line for line in text.splitlines())]
        return self.load("\n".join(lines) + "\n")

    def problems(self, load: Callable[[str], Playbook], text: str) -> tuple[Problem, ...]:
        with pytest.raises(InputError) as caught:
            load(text)
        return caught.value.problems

    def task_problem(self, text: str) -> Problem:
        """The one problem of a list of tasks; its line counts within `text`."""
        (problem,) = self.problems(self.load_tasks, text)
        return problem

    def play_problem(self, text: str) -> Problem:
        """The one problem of a playbook."""
        (problem,) = self.problems(self.load, text)
        return problem


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """An empty folder with a loader."""
    return Workshop(root=tmp_path)
