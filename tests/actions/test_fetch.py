"""fetch: where a device's file is kept on the controller."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleetrun.actions.fetch import Fetch
from fleetrun.errors import FleetrunError, Mark
from fleetrun.model.module import ModuleKind, ModuleSpec
from fleetrun.model.playbook import Task
from fleetrun.model.result import TaskStatus
from fleetrun.model.steps import Step


@dataclass
class Link:
    """A device that holds files, as a dialogue sees it."""

    device: str = "web-1"
    files: dict[str, bytes] = field(default_factory=dict)

    async def fetch(self, path: str, max_bytes: int, step: Step) -> bytes:
        del max_bytes, step
        if path.endswith("/"):
            raise FleetrunError(f"cannot read {path}: directory", kind="file/directory")
        if path not in self.files:
            raise FleetrunError(f"cannot read {path}: missing", kind="file/missing")
        return self.files[path]


@pytest.fixture
def fetch(tmp_path: Path):
    """Returns a function that runs fetch with its folder in tmp_path."""

    def run(link: Link, /, *, check: bool = False, **args: object):
        step = Step(
            task=Task(id="0.tasks.0", module="fetch", mark=Mark(file="play.yml", line=1)),
            spec=ModuleSpec(name="fetch", family="files", summary="", kind=ModuleKind.DIALOGUE),
            key="0.tasks.0#1", seq=0, args=args, check=check,
        )
        return asyncio.run(Fetch(str(tmp_path))(step, link, intended_boot_id=""))

    return run


LOG = Link(files={"/var/log/app.log": b"x\0y", "../../etc/passwd": b"root"})


def test_a_file_goes_below_the_device(fetch, tmp_path: Path) -> None:
    """dest/<device>/<path>; the second time nothing changes."""
    first = fetch(LOG, src="/var/log/app.log", dest="logs")
    target = tmp_path / "logs" / "web-1" / "var" / "log" / "app.log"
    assert target.read_bytes() == b"x\0y"
    assert first.status is TaskStatus.CHANGED
    assert first.values["dest"] == str(target)
    assert first.values["checksum"] == hashlib.sha1(b"x\0y").hexdigest()
    assert first.values["remote_checksum"] == first.values["checksum"]
    again = fetch(LOG, src="/var/log/app.log", dest="logs")
    assert (again.status, again.values["changed"]) == (TaskStatus.OK, False)


@pytest.mark.parametrize(("dest", "place"), [("flat/", "flat/app.log"), ("flat/x", "flat/x")])
def test_flat_takes_dest_as_it_is(dest: str, place: str, fetch, tmp_path: Path) -> None:
    """With a slash at its end the file keeps its name."""
    fetch(LOG, src="/var/log/app.log", dest=dest, flat=True)
    assert (tmp_path / place).read_bytes() == b"x\0y"


def test_check_mode_writes_nothing(fetch, tmp_path: Path) -> None:
    """It says that it would."""
    found = fetch(LOG, src="/var/log/app.log", dest="logs", check=True)
    assert found.status is TaskStatus.CHANGED
    assert list(tmp_path.iterdir()) == []


def test_a_path_never_leaves_the_folder_of_the_device(fetch, tmp_path: Path) -> None:
    """Dots of the device's path are dropped."""
    fetch(LOG, src="../../etc/passwd", dest="logs")
    assert (tmp_path / "logs" / "web-1" / "etc" / "passwd").read_bytes() == b"root"


@pytest.mark.parametrize(("src", "message"), [
    ("/nono", "the remote file does not exist"), ("/etc/", "remote file is a directory"),
])
def test_what_cannot_be_fetched_fails_unless_told_otherwise(src: str, message: str, fetch) -> None:
    """fail_on_missing: no makes it a message."""
    failed = fetch(LOG, src=src, dest="logs")
    assert failed.is_failed
    assert message in str(failed.values["msg"])
    passed = fetch(LOG, src=src, dest="logs", fail_on_missing=False)
    assert (passed.status, passed.values["file"]) == (TaskStatus.OK, src)
    assert message in str(passed.values["msg"])


def test_a_local_folder_in_the_way_is_a_failure(fetch, tmp_path: Path) -> None:
    """The device is not to blame, and nothing half-written stays."""
    (tmp_path / "logs").write_text("")
    failed = fetch(LOG, src="/var/log/app.log", dest="logs")
    assert failed.error_kind == "file/local"
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_what_is_not_about_the_file_is_raised(fetch) -> None:
    """A lost link is no missing file."""

    class Lost(Link):
        async def fetch(self, path: str, max_bytes: int, step: Step) -> bytes:
            raise FleetrunError("gone", kind="lost/closed")

    with pytest.raises(FleetrunError, match="gone"):
        fetch(Lost(), src="/f", dest="logs")
