"""The import rule: which room of the house may know which other.

errors <- model <- {planning, remote, contracts} are pure. Adapters (loading,
transport, journal, reporters, actions, bastion) import pure code and never
each other; the engine imports pure code; `app` joins them, and the command
line and the daemon sit on `app`. One third-party library per place.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
MAX_LINES: Final = 400

PURE: Final = {"errors", "model", "planning", "remote", "contracts"}
ADAPTERS: Final = {"loading", "transport", "journal", "reporters", "actions", "bastion"}

#: room -> rooms that it may import, beside itself. A room that is not here is
#: a violation: say where it stands before you build it.
MAY_IMPORT: Final[Mapping[str, set[str]]] = {
    "errors": set(),
    "model": {"errors"},
    "contracts": {"errors", "model"},
    "planning": {"errors", "model"},
    "remote": {"errors", "model"},
    # Kill switches for crash tests; does nothing unless it is asked to.
    "failpoints": {"errors"},
    "config": {"errors", "model", "contracts"},
    **{adapter: PURE | {"failpoints"} for adapter in ADAPTERS},
    "engine": PURE | {"failpoints"},
    "backends": PURE | {"engine"},
    "ui": PURE,
    # Nothing but tests imports it, so it may look at everything.
    "testing": PURE | ADAPTERS | {
        "app", "engine", "backends", "cli", "planfile", "failpoints", "config",
    },
    "lab": PURE | {"bastion"},
    "app": PURE | ADAPTERS | {"engine", "backends", "ui", "config", "failpoints"},
    # Part of the composition: what `plan -o` writes and `apply` reads.
    "planfile": PURE | ADAPTERS | {"app", "engine"},
    "daemon": PURE | {"app", "config", "failpoints"},
    "cli": PURE | {"app", "planfile", "daemon", "config", "failpoints"},
}

#: (file, what it imports) that the table above forbids, with the reason.
EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("planning/templates_functions.py", "random"):
        "Ansible's `random` filter with a seed must choose as Ansible does",
    ("cli/lab.py", "fleetrun.lab"): "the verb `lab`",
    ("cli/demo.py", "fleetrun.lab"): "the verb `demo`",
    ("cli/doctor.py", "fleetrun.lab"): "`doctor` says whether the lab can run here",
}

#: What pure code may use of the standard library: no IO, clock or chance.
PURE_STDLIB: Final = {
    "__future__", "abc", "ast", "base64", "binascii", "bisect", "codecs", "collections",
    "contextlib", "copy", "dataclasses", "datetime", "decimal", "difflib", "enum", "fnmatch",
    "fractions", "functools", "hashlib", "heapq", "hmac", "html", "ipaddress", "itertools",
    "json", "keyword", "math", "ntpath", "operator", "posixpath", "re", "shlex", "statistics",
    "string", "struct", "textwrap", "types", "typing", "unicodedata", "urllib.parse", "uuid",
    "zlib",
}
#: Calls that read a clock, draw a chance or touch the outside, by their last names.
IMPURE_CALLS: Final = re.compile(
    r"^(open|print|input|exec|eval|breakpoint|__import__|Random|SystemRandom"
    r"|(datetime|date)\.(now|utcnow|today)|uuid\.uuid[14])$"
)

#: third-party library -> files that may import it.
LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    "asyncssh": ("transport/*", "bastion/*", "lab/*"),
    # The command line's reference is made from its click commands.
    "click": ("cli/*", "testing/docs_cli.py"),
    "cryptography": ("loading/vault/*",),
    "distributed": ("backends/dask.py",),
    "dns": ("actions/lookups/names.py",),
    "jinja2": ("planning/templates*.py",),
    "jmespath": ("planning/filters/json_query.py",),
    "networkx": ("planning/graph.py",),
    "psycopg": ("journal/postgres*",),
    "pytest": ("testing/*",),
    "tqdm": ("reporters/progress.py",),
    "typing_extensions": ("*",),
    "yaml": ("loading/yamlfile.py",),
}
DISTRIBUTIONS: Final = {
    "yaml": "pyyaml", "dns": "dnspython", "typing_extensions": "typing-extensions",
}


def sources() -> dict[str, str]:
    """Text of every Python file, by its path below fleetrun/."""
    package = ROOT / "fleetrun"
    return {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def room_of(path: str) -> str:
    """The package or top-level module that `path` is in."""
    return path.partition("/")[0].removesuffix(".py")


def imports(path: str, tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported anywhere in a file, also lazily."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = ["fleetrun", *path.split("/")][: -node.level]
                base = ".".join([*parents, *([base] if base else [])])
            is_package = base in {"fleetrun", "urllib"}
            yield from (f"{base}.{alias.name}" if is_package else base for alias in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith(
            ("__import__", "import_module")
        ):
            names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            yield from (name for name in names if isinstance(name, str))


def dotted(node: ast.expr) -> str:
    """The last two names of a call's target: "date.today" of x.date.today()."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value).split('.')[-1]}.{node.attr}"
    return ""


def violations(files: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """(file, import or call) -> what is wrong with it."""
    found: dict[tuple[str, str], str] = {}
    for path, text in files.items():
        if path == "__init__.py":
            continue
        tree = ast.parse(text)
        if len(text.splitlines()) > MAX_LINES:
            found[path, "length"] = f"has more than {MAX_LINES} lines"
        for name in imports(path, tree):
            found.update(_judge_import(path, name))
        if room_of(path) in PURE:
            found.update(_impure_calls(path, tree))
    return found


def _judge_import(path: str, name: str) -> Iterator[tuple[tuple[str, str], str]]:
    (top, _, rest), room = name.partition("."), room_of(path)
    if top == "fleetrun":
        other = rest.partition(".")[0]
        if room not in MAY_IMPORT:
            yield (path, "room"), "is in a room that MAY_IMPORT does not name"
        elif other and not other.startswith("__") and other not in MAY_IMPORT[room] | {room}:
            yield (path, f"fleetrun.{other}"), f"{room} may not import {other}"
    elif top in sys.stdlib_module_names:
        allowed = name if name in PURE_STDLIB else top
        if room in PURE and allowed not in PURE_STDLIB:
            yield (path, name), "pure code has no IO, clock, threads or chance"
    elif not any(fnmatch(path, place) for place in LIBRARIES.get(top, ())):
        places = ", ".join(LIBRARIES.get(top, ("nowhere",)))
        yield (path, top), f"{top} belongs in {places}"


def _impure_calls(path: str, tree: ast.AST) -> Iterator[tuple[tuple[str, str], str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not IMPURE_CALLS.match(name := dotted(node.func)):
            continue
        if name == "Random" and node.args:
            continue
        yield (path, f"{name}()"), "pure code has no IO, clock or chance"


def test_the_house_obeys_the_import_rule() -> None:
    """No file imports what its room may not know, apart from listed exceptions."""
    found = violations(sources())
    unlisted = sorted(found.keys() - EXCEPTIONS.keys())
    lines = [f"fleetrun/{path}: {name}: {found[path, name]}" for path, name in unlisted]
    assert not lines, "\n".join(lines)


def test_listed_exceptions_are_still_needed() -> None:
    """A list of exceptions that outlives them would hide the next violation."""
    found = violations(sources())
    assert sorted(EXCEPTIONS.keys() - found.keys()) == []


def test_libraries_are_declared() -> None:
    """What is imported is installed with the package or with one of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    declared = {re.split(r"[^\w.-]", each)[0].lower().replace("_", "-") for each in wanted}
    tops = {
        name.split(".")[0]
        for path, text in sources().items()
        for name in imports(path, ast.parse(text))
    }
    libraries = tops - sys.stdlib_module_names - {"fleetrun"}
    assert sorted(n for n in libraries if DISTRIBUTIONS.get(n, n) not in declared) == []


@pytest.mark.parametrize(
    ("path", "line", "name"),
    [
        ("model/x.py", "import asyncio", "asyncio"),
        ("planning/x.py", "def f():\n    import os.path", "os.path"),
        ("planning/x.py", "from random import Random", "random"),
        ("planning/x.py", "from urllib import request", "urllib.request"),
        ("remote/x.py", "from pathlib import Path", "pathlib"),
        ("errors.py", "import time", "time"),
        ("contracts.py", "import socket", "socket"),
        ("planning/x.py", "text = open('x').read()", "open()"),
        ("planning/x.py", "now = datetime.datetime.now()", "datetime.now()"),
        ("planning/x.py", "dice = Random()", "Random()"),
        ("model/x.py", "from fleetrun.planning.graph import build_waves", "fleetrun.planning"),
        ("errors.py", "from fleetrun.model.values import Value", "fleetrun.model"),
        ("remote/x.py", "from fleetrun.contracts import Clock", "fleetrun.contracts"),
        ("planning/x.py", "from ..engine import bus", "fleetrun.engine"),
        ("planning/x/y.py", "from ... import app", "fleetrun.app"),
        ("transport/ssh.py", "from fleetrun.loading.yamlfile import load", "fleetrun.loading"),
        ("journal/x.py", "from fleetrun import transport", "fleetrun.transport"),
        ("engine/bus.py", "import fleetrun.reporters.text", "fleetrun.reporters"),
        ("reporters/x.py", "from fleetrun.engine.bus import Bus", "fleetrun.engine"),
        ("engine/x.py", "importlib.import_module('fleetrun.journal.sqlite')", "fleetrun.journal"),
        ("app.py", "from fleetrun.cli.run import run", "fleetrun.cli"),
        ("app.py", "from fleetrun.testing.factories import device", "fleetrun.testing"),
        ("cli/plan.py", "from fleetrun.lab.fleet import Fleet", "fleetrun.lab"),
        ("engine/x.py", "import fleetrun.lab", "fleetrun.lab"),
        ("cli/new.py", "from fleetrun.transport.ssh import SshTransport", "fleetrun.transport"),
        ("engine/x.py", "import asyncssh", "asyncssh"),
        ("planning/stages.py", "import networkx as nx", "networkx"),
        ("planning/select.py", "from jinja2.sandbox import SandboxedEnvironment", "jinja2"),
        ("loading/playbook.py", "import yaml", "yaml"),
        ("app.py", "import click", "click"),
        ("reporters/text.py", "from tqdm import tqdm", "tqdm"),
        ("engine/x.py", "import requests", "requests"),
        ("attic/x.py", "from fleetrun.errors import Mark", "room"),
        ("engine/x.py", "x = 1\n" * (MAX_LINES + 1), "length"),
    ],
)
def test_planted_violation_is_caught(path: str, line: str, name: str) -> None:
    """Each part of the rule finds what it is there for."""
    assert list(violations({path: line})) == [(path, name)]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("errors.py", "from dataclasses import dataclass"),
        ("planning/graph.py", "import networkx as nx\nfrom fleetrun.model.rollout import Gate"),
        ("planning/templates_x.py", "import jinja2.sandbox\nfrom urllib.parse import quote"),
        ("planning/x.py", "from . import graph\nfrom .graph import Waves\nself.open(1)"),
        ("planning/x.py", "dice = Random(seed)"),
        ("transport/ssh.py", "import asyncio, asyncssh\nfrom fleetrun import __version__"),
        ("journal/x.py", "from fleetrun import errors, failpoints"),
        ("app.py", "from fleetrun.transport.ssh import SshTransport\nimport os"),
        ("lab/x.py", "import asyncssh, random"),
        ("cli/run.py", "import click\nfrom fleetrun.app import run\nprint(1)"),
        ("engine/x.py", "x = 1\n" * MAX_LINES),
    ],
)
def test_allowed_code_is_left_alone(path: str, line: str) -> None:
    """The rule forbids no more than it says."""
    assert violations({path: line}) == {}
