"""One device's connection: attempts, shells, uploads, goodbye."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from contextlib import aclosing
from typing import Any

import pytest

from fleetrun.contracts import Target
from fleetrun.engine.backoff import Backoff
from fleetrun.engine.session import DeviceSession, SessionPlan
from fleetrun.errors import ConnectError
from fleetrun.model.steps import LOGIN, Identity, RemoteBatch, ReplyKind, Upload
from fleetrun.testing.devices import Answer, FakeDevice, FakeTransport
from fleetrun.testing.fakes import FakeClock
from tests.support.runs import LIB, NoSecrets
from tests.support.wire import step

ROOT = Identity(user="root", method="sudo")


class Fixture:
    """A session to one scripted device."""

    def __init__(self, answer=None, *, password=None, **plan: Any) -> None:
        self.device = FakeDevice("d1", answer)
        self.transport = FakeTransport([self.device])
        self.clock = FakeClock()
        self.boots: list[str] = []
        self.session = DeviceSession(
            SessionPlan(run="r", target=Target(device="d1", address="a"), lib=LIB, **plan),
            self.transport, self.clock, NoSecrets(password), Backoff(seed="s"),
            lambda boot_id, elapsed_s: self.boots.append(boot_id),
        )

    async def replies(self, *steps):
        async with aclosing(self.session.run(RemoteBatch(steps=steps))) as replies:
            return [reply async for reply in replies]


def error(kind):
    return ConnectError(f"cannot: {kind}", kind=f"connect/{kind}")


def copy_step(content, **fields):
    """A step of the copy module with a file beside it."""
    digest = hashlib.sha256(content).hexdigest()
    args = {"dest": "/opt/image", "_src_path": f".fleetrun/f/{digest}", "_sha256": digest}
    return step("", args={**args, **fields.pop("args", {})}, upload=Upload(
        content=content, sha256=digest), **fields)


def test_transient_errors_are_tried_again_with_jittered_waits():
    """Each wait is that of the backoff for this device and attempt."""
    fixture = Fixture(attempts=3)
    fixture.device.connect_errors = deque([error("timeout"), error("refused")])
    asyncio.run(fixture.session.connect())
    assert [Backoff(seed="s").delay_s("d1", n) for n in (1, 2)] == fixture.clock.slept
    assert 3 == len(fixture.device.targets)


@pytest.mark.parametrize("kind", ["auth", "host-key", "algorithms"])
def test_what_will_not_change_is_not_tried_again(kind):
    """A wrong key stays wrong; trying again would lock accounts."""
    fixture = Fixture(attempts=3)
    fixture.device.connect_errors = deque([error(kind)])
    with pytest.raises(ConnectError, match=kind):
        asyncio.run(fixture.session.connect())
    assert (1, []) == (len(fixture.device.targets), fixture.clock.slept)


def test_the_last_error_is_told_when_no_attempt_succeeds():
    """After `attempts` the device counts as unreachable."""
    fixture = Fixture(attempts=2)
    fixture.device.connect_errors = deque([error("timeout"), error("refused"), error("dns")])
    with pytest.raises(ConnectError, match="refused"):
        asyncio.run(fixture.session.connect())
    assert 1 == len(fixture.clock.slept)


def test_one_connection_and_one_shell_per_identity():
    """Batches of one identity share its shell, another identity gets its own."""
    fixture = Fixture()

    async def main():
        for identity in (LOGIN, ROOT, LOGIN, ROOT):
            await fixture.replies(step("", identity=identity))

    asyncio.run(main())
    assert (1, ["", "root"]) == (len(fixture.device.targets), fixture.device.users)


def test_the_boot_id_is_told_when_it_is_new():
    """Once per boot, not once per batch."""
    fixture = Fixture()

    async def main():
        await fixture.replies(step(""))
        await fixture.replies(step(""))
        fixture.device.reboot("boot-2")
        await fixture.session.drop()
        await fixture.replies(step(""))

    asyncio.run(main())
    assert ["boot-1", "boot-2"] == fixture.boots
    assert "boot-2" == fixture.session.boot_id


def test_the_devices_own_password_beats_the_operators():
    """Variables beat what was typed (rule 41); either does where it is right."""
    for own, typed in (("secret", "wrong"), (None, "secret")):
        fixture = Fixture(become_password=own, password=typed)
        fixture.device.sudo_password = "secret"
        (reply,) = asyncio.run(fixture.replies(step("", identity=ROOT)))
        assert ReplyKind.FINISHED is reply.kind


def test_a_wrong_password_is_said_and_nothing_runs():
    """connect/become, before anything of the batch."""
    fixture = Fixture(password="wrong")
    fixture.device.sudo_password = "secret"
    with pytest.raises(ConnectError) as caught:
        asyncio.run(fixture.replies(step("", identity=ROOT)))
    assert "connect/become" == caught.value.kind
    assert [] == fixture.device.ran


def test_a_file_is_there_before_its_step_and_gone_after_it():
    """Asked for, put, used, removed: in this order."""
    content = b"\0" * 100_000
    fixture = Fixture()
    assert [ReplyKind.FINISHED] == [
        reply.kind for reply in asyncio.run(fixture.replies(copy_step(content)))
    ]
    path = f".fleetrun/f/{hashlib.sha256(content).hexdigest()}"
    assert [path] == fixture.device.puts
    assert ["fleetrun_5f_probe", "probe0", "fleetrun_5f_sweep"] == fixture.device.ran
    probe, _, sweep = fixture.device.calls
    assert ("/opt/image", path) == (probe.args["dest"], probe.args["path"])
    assert path == sweep.args["path"]


@pytest.mark.parametrize(("where", "swept"), [("dest", False), ("path", True)])
def test_a_file_that_the_device_has_is_not_sent(where, swept):
    """Skip when the checksum matches: at its place, or left over beside it."""
    fixture = Fixture(lambda call: Answer(values={"where": where}))
    asyncio.run(fixture.replies(copy_step(b"x" * 100_000)))
    assert [] == fixture.device.puts
    assert swept is ("fleetrun_5f_sweep" in fixture.device.ran)


def test_a_checksum_that_needs_the_content_is_compared_with_it():
    """The module cannot tell a sha1 from the sha256 that it was given."""
    fixture = Fixture()
    asyncio.run(fixture.replies(copy_step(b"x", args={"checksum": "0" * 40})))
    assert "" == fixture.device.calls[0].args["dest"]


def test_check_mode_puts_no_file_on_the_device():
    """Only a diff needs the content."""
    fixture = Fixture()
    asyncio.run(fixture.replies(copy_step(b"x", check=True)))
    assert (["probe0"], []) == (fixture.device.ran, fixture.device.puts)
    asyncio.run(fixture.replies(copy_step(b"x", check=True, diff=True)))
    assert 1 == len(fixture.device.puts)


def test_a_full_disk_fails_the_step_in_the_devices_words():
    """The step is failed, the rest of the batch was certainly not run."""
    fixture = Fixture()
    fixture.device.is_disk_full = True
    replies = asyncio.run(fixture.replies(copy_step(b"x"), step("", 1)))
    assert [ReplyKind.FINISHED, ReplyKind.NOT_RUN] == [reply.kind for reply in replies]
    assert ("file/write", 1) == (replies[0].error_kind, replies[0].exit_status)
    assert "cannot write" in str(replies[0].values["msg"])
    assert ["fleetrun_5f_probe"] == fixture.device.ran


@pytest.mark.parametrize("whole_run", [True, False])
def test_goodbye_says_whether_the_run_may_be_forgotten(whole_run):
    """Every shell is told, the connection is closed, the next use connects again."""
    fixture = Fixture()

    async def main():
        await fixture.replies(step(""))
        await fixture.replies(step("", identity=ROOT))
        await fixture.session.drop(whole_run=whole_run)
        assert not fixture.session.is_connected
        await fixture.session.drop()

    asyncio.run(main())
    assert ([whole_run] * 2, 0) == (fixture.device.goodbyes, fixture.transport.open_links)


def test_a_stuck_device_does_not_hold_us_at_the_end(monkeypatch):
    """What it does not hear, it cleans up by itself; the connection is closed."""
    fixture = Fixture()
    monkeypatch.setattr("fleetrun.engine.session.GOODBYE_TIMEOUT_S", 0.01)

    async def main():
        await fixture.replies(step(""))
        shell = await fixture.session.shell(LOGIN)
        monkeypatch.setattr(type(shell), "close", lambda *_, **__: asyncio.Event().wait())
        await fixture.session.drop()

    asyncio.run(main())
    assert 0 == fixture.transport.open_links


def test_being_cancelled_at_the_end_leaves_no_connection():
    """A second Ctrl-C while a device is let go."""
    fixture = Fixture()

    async def main():
        await fixture.replies(step(""))
        dropping = asyncio.create_task(fixture.session.drop())
        await asyncio.sleep(0)
        dropping.cancel()
        await asyncio.wait({dropping})

    asyncio.run(main())
    assert 0 == fixture.transport.open_links


def settle(fixture, *, boot_id, age_s=10.0):
    """Asks for the end of a detached step that was intended some seconds ago."""
    wanted = step("", timeout_s=5.0)

    async def main():
        known = await fixture.session.settle(
            (wanted,), boot_id=boot_id, intended_at=fixture.clock.now() - age_s
        )
        return known[wanted.key].kind

    return asyncio.run(main())


def test_a_receipt_that_never_was_counts_only_within_one_boot():
    """A power cut may have taken it; then nothing is certain."""
    assert ReplyKind.NOT_RUN is settle(Fixture(), boot_id="boot-1")
    assert ReplyKind.LOST is settle(Fixture(), boot_id="boot-0")


@pytest.mark.parametrize(("uptime_s", "kind"), [
    (3600, ReplyKind.NOT_RUN), (12, ReplyKind.LOST), ("what?", ReplyKind.LOST),
    (None, ReplyKind.LOST),
])
def test_without_a_boot_id_the_uptime_must_prove_the_boot(uptime_s, kind):
    """Up for longer than the intent is old: the same boot. Nonsense proves nothing."""
    fixture = Fixture()
    fixture.device.uptime_s = uptime_s
    assert kind is settle(fixture, boot_id="")
