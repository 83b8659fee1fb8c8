"""Files beside a program, on real shells."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from fleetrun.engine.uploads import Delivery
from fleetrun.model.steps import Upload
from tests.support.wire import SHELLS, Device, builtin, run

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def copy(dest, **args):
    """A step of the real copy module with a file beside it."""
    given = {"dest": str(dest), "_src_path": f".fleetrun/f/{DIGEST}", "_sha256": DIGEST,
             "_basename": "image", **args}
    return builtin("copy", given, upload=Upload(content=CONTENT, sha256=DIGEST))


def deliver(device, wanted):
    """Puts the file, runs the step, cleans up; returns (was it put, changed, what is left)."""

    async def main():
        async with device.shell() as shell:
            delivery = Delivery(shell, wanted)
            assert await delivery.send() is None
            was_put = (device.home / ".fleetrun/f" / DIGEST).exists()
            (reply,) = await run(shell, wanted)
            await delivery.clean()
            return was_put, reply.values.get("changed")

    found = asyncio.run(main())
    return *found, [path.name for path in device.home.glob(".fleetrun/f/*")]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_goes_once_and_leaves_nothing_behind(tmp_path, shell):
    """The second time the device says that it has it, and no byte is sent."""
    device = Device(tmp_path, shell)
    wanted = copy(device.home / "image")
    assert (True, True, []) == deliver(device, wanted)
    assert CONTENT == (device.home / "image").read_bytes()
    assert (False, False, []) == deliver(device, wanted)


def test_a_folder_as_destination_is_looked_into(tmp_path):
    """The file keeps its name there."""
    device = Device(tmp_path)
    (device.home / "images").mkdir()
    wanted = copy(device.home / "images")
    assert (True, True, []) == deliver(device, wanted)
    assert (False, False, []) == deliver(device, wanted)
    assert CONTENT == (device.home / "images/image").read_bytes()


def test_a_link_to_the_same_content_is_not_the_file(tmp_path):
    """The module replaces the link, and needs the content for it."""
    device = Device(tmp_path)
    (device.home / "other").write_bytes(CONTENT)
    (device.home / "image").symlink_to("other")
    assert (True, True, []) == deliver(device, copy(device.home / "image"))
    assert not (device.home / "image").is_symlink()


def test_what_a_cut_off_run_left_is_used_and_then_removed(tmp_path):
    """A whole copy beside its place need not be sent again."""
    device = Device(tmp_path)
    left = device.home / ".fleetrun/f" / DIGEST
    left.parent.mkdir(parents=True)
    left.write_bytes(CONTENT)
    assert (True, True, []) == deliver(device, copy(device.home / "image"))
