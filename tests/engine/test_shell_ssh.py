"""Shells over real SSH servers whose link is cut in the middle of a step."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetrun.contracts import Connection
from fleetrun.engine.clock import SystemClock
from fleetrun.engine.shell import Shell
from fleetrun.model.steps import ReplyKind
from tests.support.ssh_targets import target_of, transport
from tests.support.sshd import KeyFile, SshServer, dropbear_server, make_key, openssh_server
from tests.support.wire import run, sh, shell_spec, step


@pytest.fixture
def home() -> Iterator[Path]:
    """A home for the login user, short enough for any path in it."""
    with tempfile.TemporaryDirectory(prefix="fleetrun-ssh-") as name:
        yield Path(name)


@pytest.fixture(params=["openssh", "dropbear"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, home: Path
) -> Iterator[tuple[SshServer, KeyFile]]:
    """A server of each kind, with a key that it takes."""
    key = make_key(tmp_path)
    if request.param == "openssh":
        running = openssh_server(
            tmp_path, authorized=(key.public,), options=(f"SetEnv SHLVL=9 HOME={home}",)
        )
    else:
        running = dropbear_server(tmp_path, authorized=(key.public,))
    with running as made:
        yield made, key


def cut(server: SshServer) -> None:
    """Kills the server's processes of open connections, and not what they run."""
    for pid in server.session_pids():
        try:
            name = Path(f"/proc/{pid}/comm").read_text(encoding="ascii")
        except OSError:
            continue
        if name.startswith(("sshd", "dropbear")):
            os.kill(pid, signal.SIGKILL)


async def until_exists(path: Path) -> None:
    """Waits for a file that the device makes."""
    ends = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < ends, f"no {path}"
        await asyncio.sleep(0.02)


async def start(connection: Connection) -> Shell:
    """A shell of the login user."""
    return await Shell.start(connection, shell_spec(start_timeout_s=30), SystemClock())


def test_a_step_outlives_its_connection(server: tuple[SshServer, KeyFile], tmp_path: Path) -> None:
    """Kill the server's side mid-step: the result is asked for over the next connection."""
    running, go, over = tmp_path / "running", tmp_path / "go", tmp_path / "over"
    steps = (
        step("fr_changed; printf plain", 0),
        sh(f"echo one; touch {running}; while [ ! -e {go} ]; do sleep 0.05; done; echo two;"
           f" echo x >>{over}; exit 9", 1, timeout_s=120),
        sh(f"touch {tmp_path}/never", 2),
    )

    async def main() -> None:
        async with transport() as ssh:
            target = target_of(server[0], server[1])
            connection = await ssh.connect(target)
            shell = await start(connection)
            task = asyncio.create_task(run(shell, *steps))
            await until_exists(running)
            boot_id = shell.boot_id
            cut(server[0])
            replies = await task
            assert [ReplyKind.FINISHED, ReplyKind.LOST, ReplyKind.LOST] == [
                reply.kind for reply in replies
            ]
            await shell.close()
            await connection.close()
            connection = await ssh.connect(target)
            shell = await start(connection)
            asking = asyncio.create_task(shell.settle(steps[1:], boot_id=boot_id))
            await asyncio.sleep(0.3)
            assert not asking.done()
            go.touch()
            known = await asking
            reply = known[steps[1].key]
            assert (9, b"one\ntwo\n") == (reply.exit_status, reply.stdout.content)
            assert ReplyKind.NOT_RUN == known[steps[2].key].kind
            await shell.close(whole_run=True)
            await connection.close()
        assert "x\n" == over.read_text(encoding="ascii")
        assert not (tmp_path / "never").exists()

    asyncio.run(main())


def test_files_over_ssh(server: tuple[SshServer, KeyFile]) -> None:
    """Upload and fetch need neither sftp nor scp."""

    async def main() -> None:
        content = os.urandom(700_000)
        async with transport() as ssh:
            connection = await ssh.connect(target_of(server[0], server[1]))
            shell = await start(connection)
            await shell.put(content, ".fleetrun/f/blob")
            assert content == await shell.fetch(".fleetrun/f/blob", 1_000_000)
            await shell.close()
            await connection.close()

    asyncio.run(main())
