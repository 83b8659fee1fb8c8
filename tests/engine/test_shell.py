"""Batches in real shells on this machine."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from fleetrun.errors import ConnectError
from fleetrun.model.steps import RemoteBatch, ReplyKind
from fleetrun.remote.bundle import Bundler
from tests.support.wire import (
    DEFER,
    GO,
    LIBRARY,
    SHELLS,
    Device,
    builtin,
    module,
    run,
    sh,
    step,
)


@pytest.fixture(params=SHELLS)
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    """This machine, once for each shell."""
    return Device(tmp_path, request.param)


@pytest.fixture
def dash(tmp_path: Path) -> Device:
    """This machine under dash, where the shell does not matter."""
    return Device(tmp_path)


def kinds(replies: list[Any]) -> list[str]:
    """The kinds of replies."""
    return [reply.kind.value for reply in replies]


def test_ready_says_where_we_are(device: Device) -> None:
    """The first frame has boot_id, home, uid, the run folder and the tools."""

    async def main() -> None:
        async with device.shell() as shell:
            assert "" == shell.boot_id
            await shell.ready()
            await shell.ready()
            boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
            assert (boot_id.strip(), str(device.home), os.geteuid()) == (
                shell.boot_id, shell.facts["home"], shell.facts["uid"]
            )
            folder = Path(str(shell.facts["folder"]))
            assert folder.is_relative_to(device.home / ".fleetrun" / "r")
            assert 0o700 == folder.stat().st_mode & 0o777
            assert {"setsid", "mkfifo", "dd"} <= set(shell.facts["tools"])

    asyncio.run(main())


def test_results_of_modules(device: Device) -> None:
    """Fields, changed, output and failures come back as the module gave them."""
    text = "a\"b\\c\td\nline 2\n\u00e4\u20ac"
    program = """
      printf 'some output'
      fr_put text "$a_text"
      fr_put_int n 7
      fr_put_bool yes true
      fr_put_json list '[1,{"a":null}]'
      fr_has text && fr_put has yes
      fr_has other || fr_put other none
      fr_item l 2; fr_put item "$fr_v"
      fr_pair d 1; fr_put pair "$fr_k=$fr_v"
      fr_is_check && fr_changed
    """
    spec = module(program, args=["text", "other", "l:list", "d:dict"])
    args = {"text": text, "l": ["x", "y"], "d": {"k": "v"}}
    (reply,) = asyncio.run(device.run(step(spec, args=args, check=True)))
    assert {
        "changed": True, "text": text, "n": 7, "yes": True, "list": [1, {"a": None}],
        "has": "yes", "other": "none", "item": "y", "pair": "k=v",
    } == reply.values
    assert (0, b"some output", "") == (
        reply.exit_status, reply.stdout.content, reply.error_kind
    )


def test_fields_survive_any_bytes(device: Device) -> None:
    """Every byte but NUL passes through a result field, in short and long texts."""
    everything = bytes(range(1, 256)).decode("utf-8", "surrogateescape")
    shown = "".join(c if ord(c) < 0x80 else f"\\x{ord(c) & 0xff:02x}" for c in everything)
    spec = module('fr_put text "$a_text"', args=["text"])
    replies = asyncio.run(device.run(
        step(spec, 0, args={"text": everything}), step(spec, 1, args={"text": everything * 40}),
        step(spec, 2, args={"text": everything}, timeout_s=30),
    ))
    assert [shown, shown * 40, shown] == [reply.values["text"] for reply in replies]


@pytest.mark.parametrize(
    ("program", "status", "kind", "output"),
    [
        ("fr_fail 'no luck' file/gone", 1, "file/gone", b""),
        ("fr_fail 'no luck'", 1, "", b""),
        ("fr_put a b; exit 3", 3, "", b""),
        ("false", 1, "", b""),
        ("exec true", 0, "module/bad-output", b""),
        ("exec sh -c 'printf gone; exit 5'", 5, "module/bad-output", b"gone"),
        ("read -r p x </proc/self/stat; kill -9 $p; sleep 5", 137, "module/killed", None),
        ("cat; echo after", 0, "", b"after\n"),
        ("printf 'no newline'", 0, "", b"no newline"),
        ("printf 'a\\0b\\377\\n'", 0, "", b"a\0b\xff\n"),
        ("echo out; echo err >&2", 0, "", b"out\nerr\n"),
        ("fr_need no-such-tool sh", 1, "module/missing-tool", b""),
    ],
)
def test_ends_of_a_module(
    device: Device, program: str, status: int, kind: str, output: bytes | None
) -> None:
    """exec, kill, failure and success are told apart, and the shell goes on."""
    first, second = asyncio.run(
        device.run(step(program, 0, on_failure=GO), step("printf still; fr_changed", 1))
    )
    assert (status, kind) == (first.exit_status, first.error_kind)
    # The shell itself may say "Killed".
    assert output in {None, first.stdout.content}
    assert (0, b"still", True) == (
        second.exit_status, second.stdout.content, second.values["changed"]
    )


def test_an_unset_variable_fails_the_module(device: Device) -> None:
    """Modules run with set -u, and what ends them is no success."""
    first, second = asyncio.run(
        device.run(step('echo "$no_such"; fr_changed', 0, on_failure=GO), step(":", 1))
    )
    assert first.exit_status not in {0, None}
    assert 0 == second.exit_status


def test_a_module_of_the_users_that_does_not_parse(device: Device) -> None:
    """A broken module fails; it does not take the shell with it."""
    broken = module("if then fi (", name="broken", family="")
    replies = asyncio.run(device.run(
        step(broken, 0, on_failure=GO), step(":", 1), step(broken, 2, timeout_s=9, on_failure=GO),
        step(module(broken.program, name="long", family="", long=True), 3, on_failure=GO),
        sh("echo alive", 4),
    ))
    assert ["module/bad-output", "", "module/bad-output", "module/bad-output", ""] == [
        reply.error_kind for reply in replies
    ]
    assert b"alive\n" == replies[4].stdout.content


def test_a_failure_stops_the_batch(device: Device) -> None:
    """STOP runs nothing more; GO goes on; the next batch starts anew."""

    async def main() -> None:
        async with device.shell() as shell:
            first = await run(
                shell, step("exit 1", 0, on_failure=GO), step("exec true", 1), step(":", 2),
                sh("echo never", 3),
            )
            assert ["finished", "finished", "not_run", "not_run"] == kinds(first)
            assert ["finished"] == kinds(await run(shell, step(":", 4)))
            second = await run(shell, sh("exit 1", 5), step(":", 6))
            assert ["finished", "not_run"] == kinds(second)

    asyncio.run(main())


def test_a_failure_in_a_loop_stops_after_the_loop(device: Device) -> None:
    """DEFER runs the other steps of its group, then stops."""
    replies = asyncio.run(device.run(
        step("exit 1", 0, on_failure=DEFER, group=5), step(":", 1, on_failure=DEFER, group=5),
        step("exit 1", 2, on_failure=DEFER, group=5), step(":", 3, group=6), step(":", 4),
    ))
    assert ["finished", "finished", "finished", "not_run", "not_run"] == kinds(replies)


def test_steps_do_not_see_each_other(device: Device) -> None:
    """Variables, folder, environment and options of a step end with it."""
    spoil = "x=1; cd /; set -f; umask 0; HOME=/nowhere; IFS=:; alias ls=false; fr_v=spoiled"
    look = 'fr_put x "${x:-unset}"; fr_put pwd "$PWD"; fr_put home "$HOME"; fr_put env "${E:-none}"'
    replies = asyncio.run(device.run(
        step(spoil, 0, environment={"E": "here's"}), step(look, 1),
        step(look, 2, environment={"E": "here's"}),
    ))
    assert ("unset", str(device.home), str(device.home), "none", "here's") == (
        *(replies[1].values[key] for key in ("x", "pwd", "home", "env")),
        replies[2].values["env"],
    )


def test_environment_reaches_commands(device: Device) -> None:
    """`environment` and the login's own locale reach programs; ours does not."""
    device.environment["LC_ALL"] = "C.UTF-8"
    show = 'echo "$LC_ALL $A"'
    replies = asyncio.run(device.run(
        sh(show, 0, environment={"A": "1"}), sh(show, 1, environment={"A": "2", "LC_ALL": "POSIX"}),
        sh(show, 2, environment={"A": "3"}, timeout_s=20),
    ))
    assert [b"C.UTF-8 1\n", b"POSIX 2\n", b"C.UTF-8 3\n"] == [
        reply.stdout.content for reply in replies
    ]
    del device.environment["LC_ALL"]
    (reply,) = asyncio.run(device.run(sh('echo "${LC_ALL-unset}"', 9)))
    assert b"unset\n" == reply.stdout.content


def test_a_shell_serves_many_batches(dash: Device) -> None:
    """One shell, one batch after the other; numbers of replies fit."""

    async def main() -> None:
        async with dash.shell() as shell:
            for at in range(0, 30, 3):
                replies = await run(shell, *(step(f"fr_put_int n {at + i}", at + i)
                                             for i in range(3)))
                assert [at, at + 1, at + 2] == [reply.values["n"] for reply in replies]

    asyncio.run(main())


def test_a_large_batch_does_not_lock_up(device: Device) -> None:
    """Megabytes go both ways at once without waiting for each other forever."""
    spec = module('printf %s "$a_text"', args=["text"])
    text = "0123456789abcdef" * 16384
    replies = asyncio.run(device.run(*(step(spec, i, args={"text": text}) for i in range(12))))
    assert [len(text)] * 12 == [reply.stdout.length for reply in replies]


def test_output_of_a_plain_step_is_capped(dash: Device) -> None:
    """A module that prints 8 MiB leaves head and tail."""
    (reply,) = asyncio.run(dash.run(step("head -c 8388608 /dev/zero; printf end")))
    assert (8388611, True) == (reply.stdout.length, reply.stdout.truncated)
    assert reply.stdout.content.endswith(b"\0end")


def test_leaving_a_batch_early_does_not_confuse_the_next(dash: Device) -> None:
    """Answers of a batch that nobody wants any more are not taken for others."""

    async def main() -> None:
        async with dash.shell() as shell:
            replies = shell.run(RemoteBatch(steps=(step(":", 0), step("printf old", 1))))
            async for _reply in replies:
                break
            await replies.aclose()
            (reply,) = await run(shell, step("printf new", 2))
            assert (2, b"new") == (reply.seq, reply.stdout.content)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("login", "part"),
    [
        ("echo This account is currently not available.; exit 1", "not available"),
        ("exit 0", "ended without a word"),
        ("echo nope >&2; exit 1", "nope"),
    ],
)
def test_a_login_that_is_no_shell(tmp_path: Path, login: str, part: str) -> None:
    """What the device said instead is in the error, also when a batch was sent at once."""
    device = Device(tmp_path)
    fake = tmp_path / "login"
    fake.write_text(f"#!/bin/sh\n{login}\n", encoding="ascii")
    fake.chmod(0o755)
    device.sh = str(fake)
    with pytest.raises(ConnectError, match=part) as caught:
        asyncio.run(device.run(step(":")))
    assert "connect/protocol" == caught.value.kind


def test_a_shell_that_never_speaks(tmp_path: Path) -> None:
    """Silence and endless chatter end in time: ready fails, sent steps are lost."""
    for name, login in (("silent", "exec cat >/dev/null"), ("chatty", "exec yes")):
        device = Device(tmp_path)
        fake = tmp_path / name
        fake.write_text(f"#!/bin/sh\n{login}\n", encoding="ascii")
        fake.chmod(0o755)
        device.sh = str(fake)

        async def main(device: Device = device) -> None:
            async with device.shell(start_timeout_s=0.3) as shell:
                with pytest.raises(ConnectError) as caught:
                    await shell.ready()
                assert "connect/protocol" == caught.value.kind
            (reply,) = await device.run(step(":"), start_timeout_s=0.3)
            assert (ReplyKind.LOST, "lost/timeout") == (reply.kind, reply.error_kind)

        asyncio.run(main())


def test_a_dying_shell_loses_the_rest(device: Device) -> None:
    """The step that ran and all after it are LOST; later batches, too."""

    async def main() -> None:
        async with device.shell() as shell:
            replies = await run(shell, step(":", 0), step("kill -9 $$; sleep 1", 1), step(":", 2))
            assert ["finished", "lost", "lost"] == kinds(replies)
            assert ["lost"] == kinds(await run(shell, step(":", 3)))
            await shell.close()
            assert ["lost"] == kinds(await run(shell, step(":", 4)))

    asyncio.run(main())


def test_put_and_fetch(device: Device) -> None:
    """A file goes up whole, with its mode, and comes back; nothing is left beside it."""

    async def main() -> None:
        content = bytes(range(256)) * 4096 + b"\nfr:end 0\n"
        async with device.shell() as shell:
            await shell.put(content, ".fleetrun/f/it's here", mode=0o640)
            path = device.home / ".fleetrun" / "f" / "it's here"
            assert (content, 0o640) == (path.read_bytes(), path.stat().st_mode & 0o777)
            assert ["it's here"] == [each.name for each in path.parent.iterdir()]
            assert content == await shell.fetch(str(path), 2_000_000)
            await shell.put(b"", "-empty")
            assert b"" == await shell.fetch("-empty", 10)
            assert 0 == (await run(shell, step(":", 0)))[0].exit_status

    asyncio.run(main())


def test_put_does_not_follow_what_others_placed(dash: Device) -> None:
    """A link at the name of the part file is replaced, not written through."""

    async def main() -> None:
        victim = dash.home / "victim"
        victim.write_text("precious", encoding="ascii")
        # The name has a process id in it, which the others can guess as we do.
        newest = int(Path("/proc/loadavg").read_text(encoding="ascii").split()[-1])
        for pid in range(newest, newest + 3000):
            (dash.home / f"new.{pid}.part").symlink_to(victim)
        async with dash.shell() as shell:
            await shell.put(b"content", "new")
        assert ("precious", b"content", 2999) == (
            victim.read_text(encoding="ascii"), (dash.home / "new").read_bytes(),
            len(list(dash.home.glob("new.*.part"))),
        )

    asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "limit", "kind"),
    [
        ("missing", 10, "file/missing"),
        ("/proc", 10, "file/directory"),
        ("/dev/zero", 100_000, "file/too-large"),
        ("a\nb", 10, "file/name"),
        ("", 10, "file/name"),
    ],
)
def test_fetch_says_why_not(device: Device, path: str, limit: int, kind: str) -> None:
    """Missing, a folder, endless and impossible names have their own kinds."""

    async def main() -> None:
        async with device.shell() as shell:
            with pytest.raises(Exception, match="device") as caught:
                await shell.fetch(path, limit)
            assert kind == caught.value.kind

    asyncio.run(main())


def test_put_says_why_not(device: Device) -> None:
    """A folder that cannot be written is an error with the device's own words."""

    async def main() -> None:
        async with device.shell() as shell:
            with pytest.raises(Exception, match="cannot write") as caught:
                await shell.put(b"x", "/proc/nothing/x")
            assert "file/write" == caught.value.kind

    asyncio.run(main())


def test_the_library_is_small_enough_for_one_flight() -> None:
    """The opening stays well below what a fresh connection sends in two flights."""
    assert len(Bundler(LIBRARY.lib, "n" * 32).opening("r", "d")) < 30_000


def test_commands_are_run_as_ansible_does(device: Device) -> None:
    """chdir, creates, removes, stdin, words and variables of the environment."""
    (device.home / "there").mkdir()
    (device.home / "there" / "flag-1").touch()
    where = {"chdir": "~/there"}
    replies = asyncio.run(device.run(
        builtin("command", {"_raw_params": "pwd", **where}, 0),
        builtin("command", {"_raw_params": "echo no", "creates": "flag-*", **where}, 1),
        builtin("command", {"_raw_params": "echo no", "removes": "/no/such"}, 2),
        builtin("command", {"argv": ["cat"], "stdin": "a $HOME\n"}, 3),
        builtin("command", {"argv": ["cat"], "stdin": "a", "stdin_add_newline": False}, 4),
        builtin("command", {"argv": ["printf", "%s|", "$HOME", "${X}b", "$fr_v$", "a*", "~"]}, 5,
                environment={"X": "x y"}),
        builtin("command", {"argv": ["printf", "%s", "$HOME"], "expand_argument_vars": False}, 6),
        builtin("command", {"argv": ["/no/such/program"]}, 7, on_failure=GO),
        builtin("command", {}, 8, on_failure=GO),
        builtin("shell", {"cmd": "echo $0 | wc -l; cat; exit 4", "stdin": "in"}, 9, on_failure=GO),
        builtin("shell", {"_raw_params": "echo ${BASH_VERSION:+bash}", "executable": "/bin/bash"},
                10),
        builtin("raw", {"_raw_params": "echo \"raw $HOME\" | tr a-z A-Z"}, 11),
        builtin("command", {"_raw_params": "pwd", "chdir": "/no/such"}, 12, on_failure=GO),
    ))
    home = str(device.home)
    out = [reply.stdout.content.decode() for reply in replies]
    assert [
        f"{home}/there\n", "skipped, since flag-* exists\n",
        "skipped, since /no/such does not exist\n", "a $HOME\n\n", "a",
        f"{home}|x yb|$fr_v$|a*|{home}|", "$HOME", "", "", "1\nin\n", "bash\n",
        f"RAW {home.upper()}\n", "",
    ] == out
    assert [0, 0, 0, 0, 0, 0, 0, 1, 1, 4, 0, 0, 1] == [r.exit_status for r in replies]
    assert (True, False, False) == tuple(replies[at].values["changed"] for at in range(3))
    assert "Did not run command since 'flag-*' exists" == replies[1].values["msg"]
    assert "module/bad-arguments" == replies[8].error_kind
    assert ("Error executing command.", 2) == (
        replies[7].values["msg"], replies[7].values["rc"],
    )
    assert "Unable to change directory before execution." == replies[12].values["msg"]
