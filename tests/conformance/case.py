"""The cases of this folder, each in a form that can be written out and run.

A case is a folder below cases/, or a named entry of a YAML file below plays/ with::

    name:
      tasks: |            # the tasks of a play over all devices without facts;
      playbook: |         # or all of playbook.yml
      play: |             # more keywords of the play of `tasks`
      hosts: 2            # h1, h2 … (1), or all of the inventory under `inventory`
      files: {path: text} # more files
      args: [...]         # more options
      ignore: [key]       # keys of results that are not compared, beside the usual ones
      differs: words      # how fleetrun differs, as written in the docs' table

What was recorded of the entries of plays/NAME.yml is in plays/NAME.json.
"""

from __future__ import annotations

import functools
import json
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
PLAY = "- hosts: all\n  gather_facts: false\n"
#: What an entry may have.
KEYS = frozenset({
    "tasks", "playbook", "play", "hosts", "inventory", "files", "args", "ignore", "differs"
})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One small playbook with what it needs."""

    name: str
    #: The file below plays/ that it is from; None for a folder of its own.
    area: str | None
    args: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()
    #: How fleetrun differs, in the words of the docs; None where it must not.
    differs: str | None = None
    #: What an entry says of its files.
    entry: dict[str, Any]

    @property
    def id(self) -> str:
        """A name that no other case has."""
        return f"{self.area}-{self.name}" if self.area else self.name

    @property
    def record(self) -> Path:
        """The file that the expectation is in."""
        if self.area:
            return HERE / "plays" / f"{self.area}.json"
        return HERE / "cases" / self.name / "expected.json"

    def write(self, folder: Path) -> None:
        """Writes the case into `folder`, which must not exist."""
        if not self.area:
            shutil.copytree(HERE / "cases" / self.name, folder)
            return
        folder.mkdir()
        for name, text in self._files():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if text.startswith("#!"):
                path.chmod(0o755)

    def _files(self) -> Iterator[tuple[str, str]]:
        names = [f"h{number + 1}" for number in range(self.entry.get("hosts", 1))]
        hosts = "".join(f"{name} ansible_connection=local\n" for name in names)
        yield "inventory", self.entry.get("inventory", hosts)
        yield from self.entry.get("files", {}).items()
        if "playbook" in self.entry:
            yield "playbook.yml", self.entry["playbook"]
        else:
            play = textwrap.indent(self.entry.get("play", ""), "  ")
            tasks = textwrap.indent(self.entry["tasks"], "    ")
            yield "playbook.yml", f"{PLAY}{play}  tasks:\n{tasks}"


def folders() -> list[Case]:
    """The cases in folders of their own, sorted by name."""
    found = []
    for path in sorted((HERE / "cases").glob("*/playbook.yml")):
        args = path.parent / "args.json"
        more = json.loads(args.read_text("utf-8")) if args.exists() else []
        found.append(Case(name=path.parent.name, area=None, args=tuple(more), entry={}))
    return found


def entries() -> list[Case]:
    """The entries of the files below plays/, sorted by file, in their order."""
    found = []
    for path in sorted((HERE / "plays").glob("*.yml")):
        for name, entry in yaml.load(path.read_text("utf-8"), yaml.CSafeLoader).items():
            if unknown := entry.keys() - KEYS:
                raise ValueError(f"{path.name}: {name}: unknown {sorted(unknown)}")
            found.append(Case(
                name=name, area=path.stem, args=tuple(entry.get("args", ())), entry=entry,
                ignore=frozenset(entry.get("ignore", ())), differs=entry.get("differs"),
            ))
    return found


def all_cases() -> list[Case]:
    """Every case."""
    return [*folders(), *entries()]


@functools.lru_cache
def recorded(path: Path) -> dict[str, Any]:
    """What a file of expectations holds."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def expected(case: Case, who: str = "ansible") -> dict[str, Any]:
    """What was recorded of `case`: of `ansible`, or of `fleetrun` where that differs."""
    whole = recorded(case.record)
    return whole[case.name][who] if case.area else whole
