"""Detached steps: receipts, timeouts, floods, lost links and what settles them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetrun.contracts import Target
from fleetrun.engine.clock import SystemClock
from fleetrun.engine.shell import Shell
from fleetrun.model.steps import Reply, ReplyKind
from fleetrun.remote.bundle import receipt_name
from fleetrun.transport.local import LocalStream, LocalTransport
from tests.support.wire import (
    GO,
    SHELLS,
    Device,
    builtin,
    module,
    run,
    sh,
    shell_spec,
    step,
)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@pytest.fixture(params=SHELLS)
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    """This machine, once for each shell."""
    return Device(tmp_path, request.param)


@pytest.fixture
def dash(tmp_path: Path) -> Device:
    """This machine under dash, where the shell does not matter."""
    return Device(tmp_path)


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits for something that another process does."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        await asyncio.sleep(0.02)


def processes(mark: str) -> list[int]:
    """Processes whose command line holds `mark`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if mark.encode() in line:
            found.append(int(path.parent.name))
    return found


def sever(shell: Shell) -> None:
    """Cuts the link of a shell; nothing on the device is told."""
    stream = shell._stream
    assert isinstance(stream, LocalStream)
    stream.sever()


@pytest.mark.parametrize(
    ("text", "status", "kind", "out", "err"),
    [
        ("echo out; echo err >&2; exit 3", 3, "", b"out\n", b"err\n"),
        ("printf 'no newline'", 0, "", b"no newline", b""),
        ("printf 'a\\0b\\377\\201\\210\\n'", 0, "", b"a\0b\xff\x81\x88\n", b""),
        ("cat; echo after", 0, "", b"after\n", b""),
        ("exec echo replaced", 0, "", b"replaced\n", b""),
        ("kill -9 $$", 137, "module/killed", b"", b""),
        ("echo half; kill -TERM $$", 143, "module/killed", b"half\n", b""),
        ("exit 255", 255, "", b"", b""),
        ("printf '\\nn0nce f 0 {}\\n\\nn0nce e 0 97\\n'", 0, "",
         b"\nn0nce f 0 {}\n\nn0nce e 0 97\n", b""),
        ("printf '{\"changed\": false, \"rc\": 0}'; exit 1", 1, "",
         b'{"changed": false, "rc": 0}', b""),
        ("trap '' TERM HUP; echo x", 0, "", b"x\n", b""),
        ("if", 2, "", b"", None),
    ],
)
def test_ends_of_a_command(
    device: Device, text: str, status: int, kind: str, out: bytes, err: bytes | None
) -> None:
    """Status, signal and both outputs are the command's own, whatever it does."""
    first, second = asyncio.run(device.run(sh(text, 0, on_failure=GO), sh("echo next", 1)))
    assert (status, kind, out) == (first.exit_status, first.error_kind, first.stdout.content)
    assert err in {None, first.stderr.content}
    assert (status, True) == (first.values["rc"], first.values["changed"])
    assert b"next\n" == second.stdout.content


def test_output_of_any_bytes(device: Device) -> None:
    """Short and long outputs of all bytes come back unchanged."""
    everything = bytes(range(256))
    (device.home / "all").write_bytes(everything)
    (device.home / "some").write_bytes(bytes(range(1, 256)).replace(b"\n", b""))
    replies = asyncio.run(device.run(
        sh("cat all", 0), sh("cat some", 1), sh("cat some >&2", 2),
        sh("cat all all all all all all", 3),
    ))
    some = (device.home / "some").read_bytes()
    assert [everything, some, b"", everything * 6] == [r.stdout.content for r in replies]
    assert some == replies[2].stderr.content


def test_a_process_in_the_background_does_not_hold_the_step(device: Device) -> None:
    """The step is over when its command is, though a child keeps its output open."""
    mark = f"987{os.getpid()}"
    began = time.monotonic()
    replies = asyncio.run(device.run(
        sh(f"sleep {mark} & echo started", 0), sh("echo more", 1), sh("echo again", 2),
    ))
    assert [b"started\n", b"more\n", b"again\n"] == [r.stdout.content for r in replies]
    assert time.monotonic() - began < 20
    left = processes(mark)
    for pid in left:
        os.kill(pid, 9)
    assert 1 == len(left)


def test_signals_have_their_defaults(device: Device) -> None:
    """What the worker ignores, a command does not."""
    text = "sh -c 'kill -TERM $$; echo ignored'; sh -c 'kill -HUP $$; echo ignored'; echo end"
    (reply,) = asyncio.run(device.run(sh(text)))
    assert b"end\n" == reply.stdout.content


def test_a_flood_is_capped_on_the_device(device: Device) -> None:
    """Much output leaves head and tail, the whole's length and hash, and a small file."""
    size = 5_000_000
    digest = hashlib.sha256(b"x" * size + b"end").hexdigest()
    (reply,) = asyncio.run(device.run(
        sh(f"head -c {size} /dev/zero | tr '\\0' x; printf end; printf small >&2")
    ))
    assert (size + 3, True, digest) == (
        reply.stdout.length, reply.stdout.truncated, reply.stdout.sha256
    )
    assert reply.stdout.content.startswith(b"x" * 524288 + b"\n[")
    assert reply.stdout.content.endswith(b"left out]\n" + b"x" * 524285 + b"end")
    assert b"small" == reply.stderr.content
    kept = sum(path.stat().st_size for path in device.home.glob(".fleetrun/r/*/k-*"))
    assert kept < 2_200_000


@pytest.mark.parametrize("size", [524_288, 524_289, 1_000_000, 1_048_576, 1_048_577])
def test_output_near_the_cap(dash: Device, size: int) -> None:
    """Up to 1 MiB comes whole, one byte more does not."""
    (reply,) = asyncio.run(dash.run(sh(f"head -c {size} /dev/zero >&2")))
    assert (size, size > 1_048_576) == (reply.stderr.length, reply.stderr.truncated)
    assert size > 1_048_576 or b"\0" * size == reply.stderr.content


def test_many_small_writes_come_whole(device: Device) -> None:
    """A chatty command's output is not cut for coming in many pieces."""
    (reply,) = asyncio.run(device.run(
        sh('i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done')
    ))
    assert b"".join(b"line %d\n" % i for i in range(3000)) == reply.stdout.content


def test_200_megabytes_cost_no_memory(dash: Device) -> None:
    """Detached and plain steps that print 200 MB leave the controller small."""

    async def main() -> None:
        async with dash.shell() as shell:
            await run(shell, sh("echo warm", 0))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            size = 200_000_000
            replies = await run(
                shell, sh(f"head -c {size} /dev/zero", 1), step(f"head -c {size} /dev/zero", 2)
            )
            assert [(size, True)] * 2 == [(r.stdout.length, r.stdout.truncated) for r in replies]
            grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown_kib < 12 * 1024

    asyncio.run(main())


def test_a_timeout_kills_everything_the_step_started(device: Device) -> None:
    """TERM reaches the whole group; what was printed and the status stay."""
    mark = f"986{os.getpid()}"
    began = time.monotonic()
    first, second = asyncio.run(device.run(
        sh(f"echo begun; sleep {mark} & sleep {mark} | cat; echo never", 0,
           timeout_s=1, on_failure=GO),
        sh("echo next", 1, timeout_s=30),
    ))
    assert ("module/timeout", 143, b"begun\n") == (
        first.error_kind, first.exit_status, first.stdout.content
    )
    assert [] == processes(mark)
    assert b"next\n" == second.stdout.content
    assert 1 <= time.monotonic() - began < 25


def test_a_timeout_kills_what_ignores_term(tmp_path: Path) -> None:
    """KILL follows 5 s later; under all shells at once, to save the time."""
    mark = f"985{os.getpid()}"
    text = f"trap '' TERM; echo begun; sleep {mark}; sleep {mark}"

    async def one(name: str) -> list[Reply]:
        (tmp_path / name).mkdir()
        return await Device(tmp_path / name, name).run(sh(text, timeout_s=1))

    async def main() -> None:
        for (reply,) in await asyncio.gather(*map(one, SHELLS)):
            assert ("module/timeout", 137, b"begun\n") == (
                reply.error_kind, reply.exit_status, reply.stdout.content
            )
        assert [] == processes(mark)

    asyncio.run(main())


def test_a_timeout_of_a_module(device: Device) -> None:
    """Any module may have a timeout; one that is fast enough is as always."""
    replies = asyncio.run(device.run(
        step("fr_put a b; fr_changed; printf out", 0, timeout_s=20),
        step("fr_put a b; sleep 30; :", 1, timeout_s=0.3, on_failure=GO),
        step("fr_fail 'no luck' file/gone", 2, timeout_s=20),
    ))
    assert [(0, ""), (143, "module/timeout"), (1, "file/gone")] == [
        (reply.exit_status, reply.error_kind) for reply in replies
    ]
    assert ({"changed": True, "a": "b"}, b"out") == (
        replies[0].values, replies[0].stdout.content
    )


def test_a_timeout_without_setsid(tmp_path: Path, device: Device) -> None:
    """Where setsid is missing the step's descendants are found and killed."""
    path = tmp_path / "tools"
    path.mkdir()
    for tool in Path("/usr/bin").iterdir():
        if tool.name not in {"setsid", "sh"}:
            (path / tool.name).symlink_to(tool)
    (path / "sh").symlink_to(Path(device.sh).readlink())
    # The runtime adds the system folders unless one is there; none has setsid.
    device.environment["PATH"] = f"{path}:/usr/sbin"
    mark = f"984{os.getpid()}"
    first, second = asyncio.run(device.run(
        sh(f"sleep {mark} & sleep {mark}; echo never", 0, timeout_s=1, on_failure=GO),
        sh("echo next", 1),
    ))
    assert ("module/timeout", [], b"next\n") == (
        first.error_kind, processes(mark), second.stdout.content
    )


def test_a_key_never_runs_twice(device: Device) -> None:
    """A second start of a key gives the first one's result."""

    async def main() -> None:
        again = sh("echo ran >>counter; wc -l <counter; exit 4", 0, on_failure=GO)
        async with device.shell() as shell:
            first = await run(shell, again)
            second = await run(shell, again)
        async with device.shell() as shell:
            third = await run(shell, again)
        assert [(4, b"1\n")] * 3 == [
            (reply.exit_status, reply.stdout.content) for (reply,) in (first, second, third)
        ]

    asyncio.run(main())


@pytest.mark.parametrize("timeout_s", [None, 60])
def test_a_lost_link_is_settled_by_the_receipt(device: Device, timeout_s: float | None) -> None:
    """The running step goes on; a new shell waits for it; the rest never started."""
    steps = (
        sh("echo done", 0),
        sh("echo begun >&2; touch running; while [ ! -e go ]; do sleep 0.05; done; echo over;"
           " exit 7", 1, timeout_s=timeout_s),
        sh("touch never", 2), step("touch never-either", 3),
    )

    async def main() -> None:
        async with device.shell() as first:
            task = asyncio.create_task(run(first, *steps))
            await until((device.home / "running").exists)
            sever(first)
            replies = await task
            assert ["finished", "lost", "lost", "lost"] == [r.kind.value for r in replies]
            assert "lost/closed" == replies[1].error_kind
        async with device.shell() as second:
            asking = asyncio.create_task(second.settle(steps, boot_id=BOOT_ID))
            await asyncio.sleep(0.5)
            assert not asking.done()
            (device.home / "go").touch()
            known = await asking
            assert ["finished", "finished", "not_run", "lost"] == [
                known[each.key].kind.value for each in steps
            ]
            over = known[steps[1].key]
            assert (7, b"over\n", b"begun\n", 7) == (
                over.exit_status, over.stdout.content, over.stderr.content, over.values["rc"]
            )
            assert not (device.home / "never").exists()
            # What never started may be run now, and then it is done once.
            (third,) = await run(second, steps[2])
            assert (0, True) == (third.exit_status, (device.home / "never").exists())
        assert not (device.home / "never-either").exists()

    asyncio.run(main())


def test_an_old_shell_stops_when_a_new_one_took_over(device: Device) -> None:
    """The old shell finishes its step and starts no other, even if its link is back."""
    steps = (
        sh("touch running; while [ ! -e go ]; do sleep 0.05; done", 0),
        sh("touch by-old-1", 1), step("touch by-old-2", 2),
    )

    async def main() -> None:
        async with device.shell() as old:
            task = asyncio.create_task(run(old, *steps))
            await until((device.home / "running").exists)
            async with device.shell() as new:
                await new.ready()
                (device.home / "go").touch()
                replies = await task
                assert ["finished", "lost", "lost"] == [reply.kind.value for reply in replies]
                (reply,) = await run(new, sh("echo mine", 3))
                assert b"mine\n" == reply.stdout.content
        assert [] == list(device.home.glob("by-old-*"))

    asyncio.run(main())


def test_two_identities_do_not_take_over_from_each_other(dash: Device) -> None:
    """Shells of other devices, runs and identities go on side by side."""

    async def main() -> None:
        async with dash.shell() as one, dash.shell(device="gw-02") as two, \
                dash.shell(run="other") as three:
            for shell in (one, two, three):
                await shell.ready()
            for shell in (one, two, three):
                (reply,) = await run(shell, sh("echo mine", 0))
                assert b"mine\n" == reply.stdout.content

    asyncio.run(main())


def test_after_a_reboot_nothing_is_guessed(device: Device) -> None:
    """Without a receipt and with another boot_id a step counts as interrupted."""

    async def main() -> None:
        async with device.shell() as shell:
            known = await shell.settle([sh("x", 0)], boot_id="another boot")
            reply = known["0.tasks.0#1"]
            assert (ReplyKind.LOST, "module/interrupted") == (reply.kind, reply.error_kind)
            known = await shell.settle([sh("x", 1)], boot_id=BOOT_ID)
            assert ReplyKind.NOT_RUN == known["0.tasks.1#1"].kind
            # Asked again, and by another shell, the answer is the same.
            known = await shell.settle([sh("x", 1)], boot_id=BOOT_ID)
            assert ReplyKind.NOT_RUN == known["0.tasks.1#1"].kind
        async with device.shell() as shell:
            known = await shell.settle([sh("x", 1)], boot_id=BOOT_ID)
            assert ReplyKind.NOT_RUN == known["0.tasks.1#1"].kind
            (reply,) = await run(shell, sh("echo now", 1))
            assert b"now\n" == reply.stdout.content

    asyncio.run(main())


@pytest.mark.parametrize(
    "content",
    [
        b"another-boot 1 1\n",
        BOOT_ID.encode() + b" 1 999999999\n",
        BOOT_ID.encode() + b" 4194303 1\n",
        b"",
        b"garbage",
        BOOT_ID.encode() + b" 1 1\n0 - exec - - -",
    ],
)
def test_receipts_without_an_end_are_interrupted(device: Device, content: bytes) -> None:
    """A receipt of a dead worker, an earlier boot or half a write proves nothing."""

    async def main() -> None:
        lost = sh("touch ran-again", 0)
        async with device.shell() as shell:
            await shell.ready()
            folder = Path(str(shell.facts["folder"]))
            (folder / f"{receipt_name(lost.key)}.s").write_bytes(content)
            reply = (await shell.settle([lost], boot_id=BOOT_ID))[lost.key]
            assert (ReplyKind.LOST, "module/interrupted") == (reply.kind, reply.error_kind)
            replies = await run(shell, lost, step(":", 1))
            assert ["lost", "not_run"] == [each.kind.value for each in replies]
        assert not (device.home / "ran-again").exists()

    asyncio.run(main())


@pytest.mark.parametrize("timeout_s", [None, 60])
def test_a_killed_worker_is_told(device: Device, timeout_s: float | None) -> None:
    """A command that kills its parent is a killed step; the shell goes on."""
    first, second = asyncio.run(device.run(
        sh("kill -9 $PPID; sleep 0.2", 0, timeout_s=timeout_s, on_failure=GO),
        sh("echo next", 1),
    ))
    assert ("module/killed", b"next\n") == (first.error_kind, second.stdout.content)


def test_without_a_private_folder_nothing_detached_starts(dash: Device, tmp_path: Path) -> None:
    """A step that must have a receipt and cannot get one fails before it runs."""

    async def main() -> None:
        async with dash.shell() as shell:
            await shell.ready()
            folder = Path(str(shell.facts["folder"]))
            first = await run(shell, step('rm -rf "$HOME/.fleetrun"', 0))
            assert not folder.exists()
            replies = await run(shell, sh("touch ran", 1, on_failure=GO), step("fr_changed", 2))
            assert (0, "module/no-receipt", 0) == (
                first[0].exit_status, replies[0].error_kind, replies[1].exit_status
            )
        assert not (dash.home / "ran").exists()

    asyncio.run(main())


def test_a_home_that_is_not_ours_is_not_used(dash: Device) -> None:
    """A link in the place of our folder is not followed: receipts go elsewhere."""
    elsewhere = dash.home / "elsewhere"
    elsewhere.mkdir()
    (dash.home / ".fleetrun").symlink_to(elsewhere)

    async def main() -> None:
        async with dash.shell(run=f"t{os.getpid()}") as shell:
            await shell.ready()
            folder = Path(str(shell.facts["folder"]))
            assert folder.is_relative_to(f"/var/tmp/fleetrun-{os.geteuid()}")
            (reply,) = await run(shell, sh("echo fine", 0))
            assert b"fine\n" == reply.stdout.content
            await shell.close(whole_run=True)
            await until(lambda: not folder.exists())

    asyncio.run(main())
    assert [] == list(elsewhere.iterdir())


def test_old_run_folders_are_swept(dash: Device) -> None:
    """Closing removes folders a week old, and this run's when nothing needs it."""

    async def main() -> None:
        base = dash.home / ".fleetrun" / "r"
        async with dash.shell() as shell:
            await run(shell, sh("echo x", 0))
            folder = Path(str(shell.facts["folder"]))
            old, young = base / "old.1", base / "young.1"
            for each in (old, young):
                each.mkdir()
                (each / "k").touch()
            week = time.time() - 8 * 86400
            os.utime(old, (week, week))
        await until(lambda: not old.exists())
        assert (True, True) == (young.exists(), folder.exists())
        async with dash.shell() as shell:
            await shell.ready()
            await shell.close(whole_run=True)
        await until(lambda: not folder.exists())
        assert young.exists()

    asyncio.run(main())


def test_acknowledged_receipts_are_removed(dash: Device) -> None:
    """Receipts whose answers an earlier batch brought do not pile up."""

    async def main() -> None:
        async with dash.shell() as shell:
            for at in range(0, 80, 20):
                await run(shell, *(sh("echo x", at + i) for i in range(20)))
            keys = [name for name in dash.receipts if name.endswith(".s") and name[0] == "k"]
            assert 40 == len(keys)

    asyncio.run(main())


def test_nothing_of_a_step_shows_in_process_lists(device: Device) -> None:
    """Arguments, texts, environment and stdin are in no command line or environment."""
    secret = f"s3cr3t-{os.getpid()}-{time.monotonic_ns()}"
    spec = module('sleep 0.3; fr_put l "${#a_password}"', args=["password"])
    steps = (
        step(spec, 0, args={"password": secret}),
        step(spec, 1, args={"password": secret}, timeout_s=30),
        builtin("shell", {"_raw_params": f": {secret}; sleep 0.3; cat", "stdin": secret}, 2),
    )
    seen: set[str] = set()

    async def watch(task: asyncio.Task[list[Reply]]) -> None:
        while not task.done():
            for path in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        content = (path / name).read_bytes()
                    except OSError:
                        continue
                    seen.add(name)
                    assert secret.encode() not in content, (path, content)
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with device.shell() as shell:
            task = asyncio.create_task(run(shell, *steps))
            await watch(task)
            assert [0, 0, 0] == [reply.exit_status for reply in task.result()]
            assert secret.encode() in task.result()[2].stdout.content

    asyncio.run(main())
    assert {"cmdline", "environ"} == seen


def test_no_process_is_left_behind(device: Device) -> None:
    """Workers, pumps, watchdogs and their sleeps end with the shell."""

    async def main() -> None:
        async with device.shell() as shell:
            await run(
                shell, sh("echo x", 0), sh("echo y", 1, timeout_s=3600), builtin("command", {
                    "_raw_params": "true"}, 2), step(":", 3, timeout_s=3600),
            )
            folder = str(shell.facts["folder"])
        await until(lambda: not processes(folder))
        await until(lambda: not processes("\0003600\0"))

    asyncio.run(main())


def test_receipts_name_their_worker_after_it_looked_at_others(device: Device) -> None:
    """A worker that had to search for a process still signs receipts with its own start."""

    async def main() -> None:
        mark = f"983{os.getpid()}"
        async with device.shell() as shell:
            # The first step makes the worker look for the process that reads its pipe.
            # It began measurably later than the worker itself.
            await run(shell, sh("sleep 0.1", 0), sh(f"sleep {mark} &", 1), sh("echo x", 2))
            folder = Path(str(shell.facts["folder"]))
            signed = [
                (folder / f"{receipt_name(f'0.tasks.{at}#1')}.s").read_text().splitlines()[0]
                for at in (0, 2)
            ]
            _, pid, start = signed[1].split()
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            for left in processes(mark):
                os.kill(left, 9)
            assert (signed[0], start) == (signed[1], stat[19])

    asyncio.run(main())


def test_a_full_disk(device: Device) -> None:
    """A command that fills the disk keeps its status; the next one that cannot
    have a receipt does not start, and says so."""
    if os.geteuid() != 0:
        pytest.fail("a disk of our own needs root: run this test as root in a container")
    small = 'mount -t tmpfs -o size=160k,mode=700 none "$HOME" && cd && exec "$0" "$@"'

    async def main() -> None:
        transport = LocalTransport(
            ("/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c", small,
             device.sh),
            device.environment,
        )
        connection = await transport.connect(Target(device="d1", address="127.0.0.1"))
        shell = await Shell.start(connection, shell_spec(), SystemClock())
        replies = await run(
            shell, sh("echo before", 0),
            sh("echo out; cat /dev/zero >big 2>/dev/null; exit 5", 1, on_failure=GO),
            sh("touch ran", 2, on_failure=GO), step("[ ! -e ran ]", 3), step("rm big", 4),
            sh("echo after", 5),
        )
        assert [0, 5, 1, 0, 0, 0] == [reply.exit_status for reply in replies]
        assert "module/no-receipt" == replies[2].error_kind
        assert b"after\n" == replies[5].stdout.content
        await shell.close()
        await connection.close()

    asyncio.run(main())
