"""Runs modules in real shells, through the same text that devices get.

A module runs in a folder of its own, which is its HOME and current directory,
so that a snapshot of the folder shows everything the module touched (but for
.fleetrun, where the runtime keeps receipts). The busybox shell sees busybox's
own tools only.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fleetrun.actions.files import with_content
from fleetrun.errors import Mark
from fleetrun.loading.modules import load_library
from fleetrun.model.module import ModuleKind
from fleetrun.model.playbook import Task
from fleetrun.model.steps import OnFailure, Reply, Step
from fleetrun.model.values import Value
from fleetrun.planning.arguments import coerce
from fleetrun.remote.bundle import Bundler
from fleetrun.remote.protocol import FrameParser, to_replies

LIBRARY = load_library()
SHELLS: Mapping[str, Sequence[str]] = {
    "dash": ("dash",),
    "busybox": ("busybox", "ash"),
    "bash": ("bash", "--posix"),
}
COUNTER = itertools.count()
NONCE = "0123456789abcdef-test"


@dataclass(frozen=True, kw_only=True)
class Device:
    """A folder with a shell in it."""

    root: Path
    tmp: Path
    shell: str
    path: str
    env: Mapping[str, str] = field(default_factory=dict)
    #: Words before the shell's own: what makes its namespaces.
    inside: Sequence[str] = ()

    def run(self, *steps: Step) -> list[Reply]:
        """Runs the steps in one shell, as one batch."""
        bundler = Bundler(LIBRARY.lib, NONCE)
        text = bundler.opening("run", "device") + bundler.batch(steps) + bundler.closing()
        environment = {
            "HOME": str(self.root), "PATH": self.path, "TMPDIR": str(self.tmp), **self.env,
        }
        command = SHELLS[self.shell]
        program = shutil.which(command[0])
        assert program is not None, f"{command[0]} is not installed"
        # Output goes to a file: a process that stays behind must not hold the test.
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [*self.inside, program, *command[1:]], stdin=subprocess.PIPE, stdout=output,
                stderr=output,
                cwd=self.root, env=environment, start_new_session=True,
            )
            try:
                process.communicate(text, timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            output.seek(0)
            said = output.read()
        replies = to_replies(FrameParser(NONCE).feed(said))
        assert len(steps) == len(replies), said
        return replies

    def module(self, module: str, /, *, check: bool = False, **args: Value) -> Reply:
        """Runs one module with arguments as a playbook has them."""
        return self.run(make_step(module, args, check=check))[0]


def make_step(
    name: str, args: Mapping[str, Value], *, check: bool = False, seq: int = 0
) -> Step:
    """Returns the step that a task with these arguments becomes.

    Arguments that start with "_" are the controller's own and pass unchecked.
    """
    spec = LIBRARY.get(name)
    assert spec is not None
    own = {key: value for key, value in args.items() if key.startswith("_")}
    written = {key: value for key, value in args.items() if key not in own}
    if spec.kind is ModuleKind.PREPARED:
        # What the controller completes is not required of the operator here.
        spec = replace(spec, one_of=(), args={
            key: replace(arg, required=False) for key, arg in spec.args.items()
        })
    final = {**coerce(spec, written), **own}
    content = final.get("content")
    if isinstance(content, str | bytes):
        raw = content if isinstance(content, bytes) else content.encode()
        final = dict(with_content(final, raw).args)
    return Step(
        task=Task(id="0.tasks.0", module=name, mark=Mark(file="play.yml", line=1)), spec=spec,
        # A key of its own: with the same one a detached step is the same step.
        key=f"0.tasks.{next(COUNTER)}#{seq}", seq=seq, args=final, check=check, diff=True,
        on_failure=OnFailure.GO,
    )


def namespaces(
    root: Path, folders: Sequence[str] = (), kinds: str = "m", *, is_bare: bool = False
) -> tuple[str, ...]:
    """Returns the words that start a program in namespaces of its own.

    Below each of `folders` (etc, home …) it sees what is below `root`; `kinds`
    are letters of unshare(1): m for mounts, n for the network, u for the name.
    Who is not root is root in a user namespace. A bare one sees nothing in
    /usr/sbin, as a device with busybox alone.
    Mounts always have a namespace, so that nothing here ever reaches the machine.
    """
    kinds = "".join({*kinds, "m"})
    mount, unshare = shutil.which("mount"), shutil.which("unshare")
    assert mount is not None, "mount is not installed"
    assert unshare is not None, "unshare is not installed"
    script = (
        'mount=$1 root=$2 bare=$3; shift 3;'
        ' [ -z "$bare" ] || "$mount" -t tmpfs none /usr/sbin || exit; while [ "$1" != -- ]; do'
        ' "$mount" --bind "$root/$1" "/$1" || exit; shift; done; shift; exec "$@"'
    )
    user = "r" if os.geteuid() else ""
    return (unshare, f"-{user}{kinds}", "/bin/sh", "-c", script, "sh", mount, str(root),
            "bare" * is_bare, *folders, "--")


@pytest.fixture(name="namespaces")
def namespaces_fixture():
    """Returns `namespaces`, which test files cannot import from here."""
    return namespaces


@pytest.fixture(name="make_step")
def make_step_fixture():
    """Returns `make_step`, which test files cannot import from here."""
    return make_step


@pytest.fixture(scope="session")
def busybox_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with nothing but busybox's tools."""
    folder = tmp_path_factory.mktemp("busybox")
    busybox = shutil.which("busybox")
    assert busybox is not None, "busybox is not installed"
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        (folder / name).symlink_to(busybox)
    return str(folder)


@pytest.fixture
def make_device(tmp_path: Path, busybox_path: str):
    """Returns a function that makes a Device for a shell."""

    def make(shell: str = "dash", name: str = "device", **env: str) -> Device:
        root = tmp_path / name
        tmp = tmp_path / f"{name}-tmp"
        (root / ".fleetrun" / "r").mkdir(parents=True)
        (root / ".fleetrun").chmod(0o700)
        tmp.mkdir()
        system = busybox_path if shell == "busybox" else os.environ["PATH"]
        return Device(
            root=root, tmp=tmp, shell=shell, path=f"{root}/bin:{system}", env=env
        )

    return make
