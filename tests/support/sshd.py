"""Real SSH servers on loopback, as children of the test.

    with openssh_server(tmp_path, authorized=(key.public,)) as server:
        ...connect to server.address, server.port as server.user...

Everything they need (host keys, authorized_keys, configuration, log) is in the
folder given. Only processes that were started here are ended.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_START_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A key pair made by ssh-keygen."""

    path: Path
    #: The public key as one OpenSSH line, without a comment.
    public: str


@dataclass(slots=True, kw_only=True)
class SshServer:
    """A running server."""

    address: str
    port: int
    user: str
    #: "ssh-ed25519 AAAA..."
    host_key_line: str
    host_key_path: Path
    log_path: Path
    #: Home folder of `user` as the server sees it.
    home: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        """Process id of the listening server."""
        return self.process.pid

    def log(self) -> str:
        """What the server logged so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_for_log(self, text: str, timeout_s: float = 10.0) -> str:
        """Returns the log once it holds `text`."""
        deadline = time.monotonic() + timeout_s
        while text not in self.log():
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} not in the server's log:\n{self.log()}")
            time.sleep(0.02)
        return self.log()

    def session_pids(self) -> list[int]:
        """Processes of open connections and what they run, deepest first."""
        return _descendants(self.pid)

    def kill_sessions(self) -> None:
        """Ends all open connections abruptly; the listener stays."""
        _kill(self.session_pids(), signal.SIGKILL)

    def freeze(self) -> None:
        """Stops the server and its connections: they hold on but never answer."""
        _kill([self.pid, *self.session_pids()], signal.SIGSTOP)

    def stop(self) -> None:
        """Ends the server and all it started; safe to call twice."""
        _kill(self.session_pids(), signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def make_key(
    folder: Path, name: str = "id_ed25519", *, kind: str = "ed25519", passphrase: str = ""
) -> KeyFile:
    """Returns a new key pair `folder/name`."""
    path = folder / name
    bits = ("-b", "2048") if kind == "rsa" else ()
    _run("ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", "", "-f", str(path))
    return KeyFile(path=path, public=_public_line(path.with_name(name + ".pub")))


def sign_user_key(ca: KeyFile, key: KeyFile, *principals: str) -> Path:
    """Returns the certificate of `key`, beside it as ssh expects."""
    public = key.path.with_name(key.path.name + ".pub")
    _run("ssh-keygen", "-q", "-s", str(ca.path), "-I", "test-user", "-n", ",".join(principals),
         str(public))
    return key.path.with_name(key.path.name + "-cert.pub")


def sign_host_key(ca: KeyFile, key_path: Path, *principals: str) -> Path:
    """Returns the host certificate of `key_path` for the names `principals`."""
    _run("ssh-keygen", "-q", "-h", "-s", str(ca.path), "-I", "test-host",
         "-n", ",".join(principals), f"{key_path}.pub")
    return key_path.with_name(key_path.name + "-cert.pub")


@contextlib.contextmanager
def openssh_server(
    folder: Path,
    *,
    address: str = "127.0.0.1",
    options: Sequence[str] = (),
    authorized: Sequence[str] = (),
    host_key: KeyFile | None = None,
    port: int = 0,
    inside: Sequence[str] = (),
) -> Iterator[SshServer]:
    """Runs OpenSSH's sshd; `options` are lines that win over the usual ones.

    `inside` are words before its command line (`World.inside`).
    """
    home = _new_folder(folder, "sshd")
    key = host_key or make_key(home, "host_key")
    keys = home / "authorized_keys"
    keys.write_text("".join(f"{line}\n" for line in authorized), encoding="utf-8")
    port = port or free_port(address)
    config = home / "sshd_config"
    config.write_text("\n".join((
        *options,
        f"ListenAddress {address}:{port}",
        f"HostKey {key.path}",
        f"AuthorizedKeysFile {keys}",
        f"PidFile {home / 'pid'}",
        "StrictModes no",
        "PermitRootLogin yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "UsePAM no",
        "UseDNS no",
        "PrintMotd no",
        "PrintLastLog no",
        "MaxStartups 1000",
        "LogLevel VERBOSE",
        # bash run by sshd reads .bashrc at shell level 1: a developer's slow
        # start-up files would be measured with every channel.
        "SetEnv SHLVL=9",
        "",
    )), encoding="utf-8")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd refuses to start without
    command = [*inside, _tool("sshd"), "-D", "-e", "-f", str(config)]
    user_home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    server = _start(command, home, key, address, port, user_home=user_home)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def dropbear_server(
    folder: Path,
    *,
    address: str = "127.0.0.1",
    options: Sequence[str] = (),
    authorized: Sequence[str] = (),
    port: int = 0,
    inside: Sequence[str] = (),
) -> Iterator[SshServer]:
    """Runs dropbear; `options` are further arguments.

    Dropbear only reads the authorized_keys of the user's home. So it runs in a
    mount namespace of its own where /etc/passwd names a home in `folder`; or,
    with `inside`, behind those words and with the homes as they are there.
    """
    home = _new_folder(folder, "dropbear")
    dot_ssh = home / ".ssh"
    dot_ssh.mkdir(mode=0o700)
    keys = dot_ssh / "authorized_keys"
    keys.write_text("".join(f"{line}\n" for line in authorized), encoding="utf-8")
    keys.chmod(0o600)
    key = _dropbear_key(home)
    port = port or free_port(address)
    passwd = home / "passwd"
    passwd.write_text(_passwd_with_home(home), encoding="utf-8")
    dropbear = [
        _tool("dropbear"), "-F", "-E", "-s", "-p", f"{address}:{port}", "-r", str(key.path),
        *options,
    ]
    script = f"mount --bind {shlex.quote(str(passwd))} /etc/passwd && exec {shlex.join(dropbear)}"
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    command = [*inside, *dropbear] if inside else [*unshare, "sh", "-c", script]
    server = _start(command, home, key, address, port, user_home=home)
    try:
        yield server
    finally:
        server.stop()


def free_port(address: str) -> int:
    """Returns a TCP port that nobody uses on `address` right now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _start(
    command: list[str], home: Path, key: KeyFile, address: str, port: int, *, user_home: Path
) -> SshServer:
    log_path = home / "log"
    # a test run that is killed must not leave its servers behind
    command = [_tool("setpriv"), "--pdeathsig", "KILL", *command]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
    server = SshServer(
        address=address, port=port, user=getpass.getuser(), host_key_line=key.public,
        host_key_path=key.path, log_path=log_path, home=user_home, process=process,
    )
    try:
        _wait_until_listening(server)
    except BaseException:
        server.stop()
        raise
    return server


def _wait_until_listening(server: SshServer) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the SSH server did not start:\n{server.log()}")
        with socket.socket() as probe:
            if probe.connect_ex((server.address, server.port)) == 0:
                return
        time.sleep(0.01)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return found
    for child in map(int, children):
        found += [*_descendants(child), child]
    return found


def _kill(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _new_folder(folder: Path, kind: str) -> Path:
    number = sum(1 for _ in folder.glob(f"{kind}-*"))
    made = folder / f"{kind}-{number}"
    made.mkdir(parents=True, mode=0o755)
    return made


def _dropbear_key(home: Path) -> KeyFile:
    path = home / "host_key"
    _run("dropbearkey", "-t", "ed25519", "-f", str(path))
    shown = _run("dropbearkey", "-y", "-f", str(path))
    line = next(line for line in shown.splitlines() if line.startswith("ssh-"))
    return KeyFile(path=path, public=" ".join(line.split()[:2]))


def _passwd_with_home(home: Path) -> str:
    user = getpass.getuser()
    lines = []
    for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if fields[0] == user:
            fields[5] = str(home)
        lines.append(":".join(fields))
    return "\n".join(lines) + "\n"


def _public_line(path: Path) -> str:
    return " ".join(path.read_text(encoding="ascii").split()[:2])


def _tool(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert path is not None, f"{name} is not installed"
    return path


def _run(*command: str) -> str:
    done = subprocess.run(
        [_tool(command[0]), *command[1:]], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=True,
    )
    return done.stdout
