"""A bastion in a thread of the test, and real clients that dial it.

    with running_bastion(tmp_path, devices={"dev-a": key.public}, operators=...) as bastion:
        with bastion.ssh_tunnel("dev-a", key, "22:127.0.0.1:2222"):
            bastion.wait_for(lambda: bastion.registry.find("dev-a"))
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from fleetrun.bastion.config import read_config
from fleetrun.bastion.registry import Registry
from fleetrun.bastion.server import Bastion
from tests.support.sshd import KeyFile, _kill, _run, _tool, make_key

_WAIT_S = 15.0


class RunningBastion:
    """A bastion that listens on loopback."""

    def __init__(self, folder: Path, config: Path, host_key: KeyFile) -> None:
        self.folder = folder
        self.config = config
        self.host_key = host_key
        self.address = "127.0.0.1"
        self.port = 0
        self.bastion: Bastion | None = None
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._stop: asyncio.Event | None = None

    @property
    def registry(self) -> Registry:
        """Its registry; only look at it."""
        assert self.bastion is not None
        return self.bastion.registry

    def figure(self, name: str, label: str = "") -> int:
        """Value of a counter."""
        assert self.bastion is not None
        return self.bastion.figures.value(name, label)

    def known_hosts(self) -> Path:
        """A known_hosts file that pins this bastion."""
        file = self.folder / f"known_hosts-{self.address}-{self.port}"
        if not file.exists():  # a client may be reading it
            file.write_text(f"[{self.address}]:{self.port} {self.host_key.public}\n",
                            encoding="ascii")
        return file

    def start(self) -> None:
        """Runs it until `stop`."""
        self._thread.start()
        assert self._started.wait(_WAIT_S)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Ends it; safe to call twice."""
        if self._stop is not None and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_WAIT_S)
        assert not self._thread.is_alive()

    def call(self, do: Callable[[], None]) -> None:
        """Runs `do` on its loop."""
        self.loop.call_soon_threadsafe(do)

    def audit(self) -> str:
        """Its audit log."""
        return (self.folder / "audit.jsonl").read_text(encoding="ascii")

    def wait_for(self, is_true: Callable[[], object], timeout_s: float = _WAIT_S) -> None:
        """Waits until `is_true`."""
        deadline = time.monotonic() + timeout_s
        while not is_true():
            if time.monotonic() > deadline:
                raise AssertionError(f"not so within {timeout_s:g} s; audit:\n{self.audit()}")
            time.sleep(0.02)

    def ssh(self, key: KeyFile, *words: str) -> list[str]:
        """The command line of OpenSSH's client to this bastion."""
        return [
            _tool("ssh"), "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={self.known_hosts()}",
            "-o", "ExitOnForwardFailure=yes", "-o", "ConnectTimeout=10",
            "-i", str(key.path), "-p", str(self.port), *words, f"tunnel@{self.address}",
        ]

    def dbclient(self, key: KeyFile, *words: str) -> list[str]:
        """The command line of dropbear's client; -y: it has no known_hosts option."""
        converted = key.path.with_name(key.path.name + ".dropbear")
        if not converted.exists():
            _run("dropbearconvert", "openssh", "dropbear", str(key.path), str(converted))
        return [
            _tool("dbclient"), "-y", "-y", "-NT", "-I", "0", "-o", "ExitOnForwardFailure=yes",
            "-i", str(converted), *words, "-p", str(self.port), f"tunnel@{self.address}",
        ]

    @contextlib.contextmanager
    def tunnel(
        self, client: str, key: KeyFile, *forwards: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Runs `ssh -R …` or `dbclient -R …` for as long as the block."""
        flags = [word for forward in forwards for word in ("-R", forward)]
        make = {"ssh": lambda: self.ssh(key, "-NT", *flags),
                "dbclient": lambda: self.dbclient(key, *flags)}[client]
        with running([_tool("setpriv"), "--pdeathsig", "KILL", *make()]) as process:
            yield process

    def try_ssh(
        self, key: KeyFile, *words: str, timeout_s: float = 15.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs ssh to its end."""
        return subprocess.run(
            self.ssh(key, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False,
        )

    def run_through(
        self, operator: KeyFile, device: str, inner: KeyFile, user: str, host_key: str,
        command: str,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `command` on a device as people do, with ssh -J and the device's own key."""
        hosts = self.folder / f"{device}.hosts"
        hosts.write_text(f"{device} {host_key}\n", encoding="ascii")
        proxy = " ".join(self.ssh(operator, "-W", "%h:%p"))
        return subprocess.run(
            [_tool("ssh"), "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
             "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={hosts}",
             "-o", f"ProxyCommand={proxy}", "-i", str(inner.path), f"{user}@{device}", command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False,
        )

    def _run(self) -> None:
        try:
            self.loop.run_until_complete(self._main())
        finally:
            self._started.set()
            self.loop.close()

    async def _main(self) -> None:
        try:
            self.bastion = Bastion(read_config(self.config))
            await self.bastion.start()
        except BaseException as error:
            self._error = error
            return
        self.port = self.bastion.ports[0]
        self._stop = asyncio.Event()
        self._started.set()
        await self._stop.wait()
        await self.bastion.stop()


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command for as long as the block; its stderr goes to a pipe."""
    process = subprocess.Popen(
        list(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _kill([process.pid], signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def write_config(
    folder: Path, *, devices: Mapping[str, str], operators: Mapping[str, tuple[str, str]],
    settings: str = "", tables: str = "", listen: str = "127.0.0.1:0",
) -> tuple[Path, KeyFile]:
    """Writes a configuration; `operators` are name -> (key, pattern)."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "devices"
    keys.mkdir(exist_ok=True)
    for device, public in devices.items():
        (keys / f"{device}.pub").write_text(public + "\n", encoding="ascii")
    host_key = make_key(folder, "bastion_host_key")
    config = folder / "bastion.toml"
    people = "".join(
        f'[operators.{name}]\nkeys = ["{public}"]\nreach = ["{pattern}"]\n'
        for name, (public, pattern) in operators.items()
    )
    config.write_text(
        f'listen = ["{listen}"]\nhost_keys = ["{host_key.path.name}"]\n'
        f'device_keys = "devices"\naudit = "audit.jsonl"\n{settings}\n{people}{tables}\n',
        encoding="utf-8",
    )
    return config, host_key


@contextlib.contextmanager
def running_bastion(
    folder: Path, *, devices: Mapping[str, str], operators: Mapping[str, tuple[str, str]],
    settings: str = "", tables: str = "", listen: str = "127.0.0.1:0",
) -> Iterator[RunningBastion]:
    """Runs a bastion; `settings` and `tables` are lines of its TOML file."""
    config, host_key = write_config(
        folder, devices=devices, operators=operators, settings=settings, tables=tables,
        listen=listen,
    )
    made = RunningBastion(folder, config, host_key)
    made.start()
    try:
        yield made
    finally:
        made.stop()
