"""Shells as other users by the real sudo, su and doas.

The users and rules exist in a private mount namespace only, on a copy of /etc.
That needs root; without it these tests fail and say so.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetrun.contracts import Target
from fleetrun.engine.clock import SystemClock
from fleetrun.engine.shell import Shell
from fleetrun.errors import ConnectError
from fleetrun.model.steps import LOGIN, Identity
from fleetrun.remote.identity import SHELL, become_error, launch
from fleetrun.transport.local import LocalConnection, LocalTransport
from tests.support.wire import IS_ROOT, Device, module, run, sh, shell_spec, step

PASSWORDS = {"frlogin": "login's $ecret\\", "frother": "other's \"secret\" \u00e4"}
SETUP = """
set -e
cp -a /etc/. "$1/etc"
mount --bind "$1/etc" /etc
for user in frlogin frother; do
  useradd -M -d "$1/$user" -s /bin/sh "$user"
  mkdir "$1/$user"
  chown "$user:$user" "$1/$user"
done
printf '%s\\n' "frlogin:$2" "frother:$3" | chpasswd
cat >/etc/sudoers <<'END'
Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults timestamp_timeout=0
root ALL=(ALL) NOPASSWD: ALL
frlogin ALL=(frother) ALL
frlogin ALL=(root) NOPASSWD: ALL
END
cat >/etc/doas.conf <<'END'
permit nopass root
permit frlogin as frother
permit nopass frlogin as root
END
chmod 440 /etc/sudoers /etc/doas.conf
echo ready
exec sleep 1000
"""


class Users:
    """Where the users of these tests are."""

    def __init__(self, folder: Path, pid: int) -> None:
        self.folder = folder
        self.pid = pid

    async def connect(self, user: str = "frlogin", path: str = "") -> LocalConnection:
        """A connection as `user`."""
        command = ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt"]
        if user != "root":
            command += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        home = str(self.folder / user) if user != "root" else "/root"
        environment = {
            "HOME": home, "PATH": path or "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
        }
        transport = LocalTransport(("/usr/bin/env", "-C", "/", *command, "/bin/sh"), environment)
        return await transport.connect(Target(device="d1", address="127.0.0.1"))


@pytest.fixture(scope="module")
def users() -> Iterator[Users]:
    """Two users, in a mount namespace that goes with the test."""
    if not IS_ROOT:
        pytest.fail("tests of become need root: run them as root in a container")
    folder = Path(tempfile.mkdtemp(prefix="fleetrun-become-"))
    folder.chmod(0o755)
    (folder / "etc").mkdir()
    keeper = subprocess.Popen(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", SETUP, "sh", str(folder),
         *PASSWORDS.values()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert keeper.stdout is not None
    assert keeper.stderr is not None
    try:
        assert b"ready\n" == keeper.stdout.readline(), keeper.stderr.read()
        yield Users(folder, keeper.pid)
    finally:
        keeper.kill()
        keeper.communicate()
        shutil.rmtree(folder)


async def shell_of(
    connection: LocalConnection, identity: Identity, password: str | None = None
) -> Shell:
    """A started shell."""
    spec = shell_spec(
        identity=identity, become_password=password, run=f"r{os.getpid()}", start_timeout_s=20,
    )
    return await Shell.start(connection, spec, SystemClock())


async def check_identity(shell: Shell, user: str, home: str) -> None:
    """Everything that a shell can do works as `user`."""
    large = "0123456789\n" * 20_000
    spec = module('fr_put user "$(id -un)"; fr_put home "$HOME"; printf %s "$a_text"',
                  args=["text"])
    first, second, third = await run(
        shell, step(spec, 0, args={"text": large}), sh("id -un; pwd; echo err >&2; cat", 1),
        sh("id -un; printf '\\001\\003\\004\\021\\023\\032\\177\\377\\r\\n'", 2, timeout_s=20),
    )
    assert {"changed": False, "user": user, "home": home} == first.values
    assert large.encode() == first.stdout.content
    assert (f"{user}\n{home}\n".encode(), b"err\n") == (
        second.stdout.content, second.stderr.content
    )
    assert user.encode() + b"\n\x01\x03\x04\x11\x13\x1a\x7f\xff\r\n" == third.stdout.content
    content = bytes(range(256)) * 1000
    await shell.put(content, "file", mode=0o644)
    assert content == await shell.fetch("file", 1_000_000)
    (reply,) = await run(shell, sh("stat -c %U file; rm file", 3))
    assert f"{user}\n".encode() == reply.stdout.content


@pytest.mark.parametrize("method", ["sudo", "su", "doas"])
def test_root_becomes_a_user(users: Users, method: str) -> None:
    """Root needs no password for any of the three."""

    async def main() -> None:
        connection = await users.connect("root")
        shell = await shell_of(connection, Identity(user="frother", method=method))
        await check_identity(shell, "frother", str(users.folder / "frother"))
        await shell.close()
        await connection.close()

    asyncio.run(main())


@pytest.mark.parametrize("method", ["sudo", "doas"])
def test_a_user_becomes_root_without_a_password(users: Users, method: str) -> None:
    """A rule without a password is enough; a password that nobody asks for does no harm."""

    async def main() -> None:
        connection = await users.connect()
        for password in (None, "not needed"):
            shell = await shell_of(connection, Identity(user="root", method=method), password)
            (reply,) = await run(shell, step("id -un", 0))
            assert b"root\n" == reply.stdout.content
            await shell.close()
        await connection.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "whose"), [("sudo", "frlogin"), ("su", "frother"), ("doas", "frlogin")]
)
def test_a_user_becomes_another_with_a_password(users: Users, method: str, whose: str) -> None:
    """The password goes to the question, through a terminal where there must be one."""

    async def main() -> None:
        connection = await users.connect()
        identity = Identity(user="frother", method=method)
        shell = await shell_of(connection, identity, PASSWORDS[whose])
        await check_identity(shell, "frother", str(users.folder / "frother"))
        await shell.close()
        login = await shell_of(connection, LOGIN)
        (reply,) = await run(login, step("id -un", 0))
        assert b"frlogin\n" == reply.stdout.content
        await login.close()
        await connection.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "whose"), [("sudo", "frlogin"), ("su", "frother"), ("doas", "frlogin")]
)
def test_a_password_shows_nowhere(users: Users, method: str, whose: str) -> None:
    """Neither command lines nor environments nor what the device says hold it."""
    secret = PASSWORDS[whose].encode()
    looked = 0

    async def watch(task: asyncio.Task[None]) -> None:
        nonlocal looked
        while not task.done():
            for path in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        content = (path / name).read_bytes()
                    except OSError:
                        continue
                    # The one that made the users was given the passwords.
                    if int(path.name) != users.pid:
                        assert secret not in content, path
                    looked += 1
            await asyncio.sleep(0.01)

    async def become() -> None:
        connection = await users.connect()
        shell = await shell_of(
            connection, Identity(user="frother", method=method), PASSWORDS[whose]
        )
        assert secret not in shell._parser.stray
        (reply,) = await run(shell, sh("sleep 0.3; env; cat /proc/self/cmdline", 0))
        assert secret not in reply.stdout.content + reply.stderr.content
        await shell.close()
        await connection.close()

    async def main() -> None:
        task = asyncio.create_task(become())
        await watch(task)
        await task

    asyncio.run(main())
    assert looked > 100
    assert PASSWORDS[whose] not in repr(shell_spec(become_password=PASSWORDS[whose]))


@pytest.mark.parametrize("method", ["sudo", "su", "doas"])
def test_a_wrong_password(users: Users, method: str) -> None:
    """It is given once, and the error says that it is wrong."""

    async def main() -> None:
        connection = await users.connect()
        with pytest.raises(ConnectError, match="the password is wrong") as caught:
            await shell_of(connection, Identity(user="frother", method=method), "wrong")
        assert ("connect/become", False) == (caught.value.kind, caught.value.is_transient)
        await connection.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (Identity(user="frother", method="sudo"), "a password is needed"),
        (Identity(user="frother", method="su"), "a password is needed"),
        (Identity(user="frother", method="doas"), "a password is needed|not permitted"),
        (Identity(user="nobody", method="sudo"), "a password is needed|not permitted"),
        (Identity(user="nobody", method="doas"), "not permitted"),
        (Identity(user="no-such-user", method="sudo"), "no such user"),
        (Identity(user="no-such-user", method="su"), "no such user"),
        (Identity(user="no-such-user", method="doas"), "no such user"),
        (Identity(user="-x", method="sudo"), "not a user name"),
        (Identity(user="x\ny", method="sudo"), "not a user name"),
        (Identity(user="root", method="magic"), "unknown method"),
    ],
)
def test_it_says_why_not(users: Users, identity: Identity, reason: str) -> None:
    """The reason comes with the first batch; nothing of it has run."""

    async def main() -> None:
        connection = await users.connect()
        with pytest.raises(ConnectError, match=reason) as caught:
            await run(await shell_of(connection, identity), sh("touch ran", 0))
        assert "connect/become" == caught.value.kind
        assert caught.value.hint
        await connection.close()

    asyncio.run(main())
    assert not list(users.folder.glob("*/ran"))


@pytest.mark.parametrize("method", ["sudo", "su", "doas"])
@pytest.mark.parametrize("password", [None, "x"])
def test_a_missing_tool(users: Users, method: str, password: str | None) -> None:
    """A device without the tool says that it is missing."""

    async def main() -> None:
        tools = users.folder / f"tools-{method}-{password}"
        tools.mkdir()
        for name in ("sh", "cat", "stty"):
            (tools / name).symlink_to(f"/bin/{name}")
        connection = await users.connect(path=str(tools))
        connection._shell = (
            "/usr/bin/nsenter", f"--mount=/proc/{users.pid}/ns/mnt", "/usr/bin/setpriv",
            "--reuid=frlogin", "--regid=frlogin", "--init-groups", "/bin/sh",
        )

        async def start() -> None:
            await (await shell_of(connection, identity, password)).ready()

        identity = Identity(user="frother", method=method)
        with pytest.raises(ConnectError, match="the tool is missing"):
            await start()
        await connection.close()

    asyncio.run(main())


def test_commands_hold_nothing_of_the_operator(tmp_path: Path) -> None:
    """The command of an identity depends on the identity alone; odd names are quoted."""
    odd = launch(Identity(user="o'dd; reboot"), SHELL, has_password=False).command
    (tmp_path / "sudo").write_text('#!/bin/sh\nprintf "%s|" "$@"\n', encoding="ascii")
    (tmp_path / "sudo").chmod(0o755)
    said = subprocess.run(
        ["/bin/sh", "-c", odd], capture_output=True, text=True, check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert "-H|-n|-u|o'dd; reboot|--|sh|-c|exec sh|" == said.stdout


def test_what_a_device_says_is_shown_escaped() -> None:
    """Control characters of a device do not reach the terminal through an error."""
    error = become_error(LOGIN, b"\x1b[31mred\x07\xff\n\n")
    assert "the device's shell did not answer: \\x1b[31mred\\x07\\xff" == error.message


def test_a_silent_escalation_ends_in_time(tmp_path: Path) -> None:
    """A sudo that neither asks nor answers is given up."""
    device = Device(tmp_path)
    fake = tmp_path / "bin" / "sudo"
    fake.write_text("#!/bin/sh\nexec sleep 30\n", encoding="ascii")
    fake.chmod(0o755)

    async def main() -> None:
        connection = await device.connect()
        spec = shell_spec(
            identity=Identity(user="root"), become_password="x", start_timeout_s=0.5
        )
        with pytest.raises(ConnectError, match="no answer in time"):
            await Shell.start(connection, spec, SystemClock())
        await connection.close()

    asyncio.run(main())
