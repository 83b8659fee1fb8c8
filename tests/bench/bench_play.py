"""The play of ten tasks: fleetrun beside hand-written lines and other tools.

    python tests/bench/bench_play.py [--devices 50] [--runs 3] [--peers FOLDER]

One OpenSSH (several listeners) on 127.0.0.0/8 stands for all devices; the login
user is unprivileged when this runs as root. Prints wall time, controller CPU
and peak memory of whole processes, and the CPU of the devices' side (sshd and all
below it: with all devices on this machine it is most of the wall time), then round
trips and bytes of one device through a proxy that delays by 150 ms each way.
Peers (pyinfra, ansible-core, mitogen) are run when the folder given with --peers
is a virtual environment that has them: `make bench-peers` makes one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: sshd takes at most 16 ListenAddress lines (MAX_LISTEN_SOCKS).
LISTENERS = 16
PORT = 22801
ONE_WAY_S = 0.15
#: Start-up is measured as installed: with compiled modules.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}

#: Runs a server as its child and adopts whatever that leaves behind (prctl 36,
#: PR_SET_CHILD_SUBREAPER), so that the kernel adds up the CPU of all of it.
REAPER = """
import ctypes, os, signal, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
server = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: server.terminate())
while os.wait()[0] != server.pid:
    pass
"""

PLAY = """\
- hosts: all
  gather_facts: false
  vars: {colour: blue}
  tasks:
    - command: uname -r
      register: kernel
    - command: id -un
    - command: pwd
    - shell: echo one; echo two >&2
    - shell: test -d / && echo yes
    - file: {path: "{{ folder }}/{{ inventory_hostname }}", state: directory, mode: "0755"}
    - template: {src: bench.j2, dest: "{{ folder }}/{{ inventory_hostname }}/conf"}
    - stat: {path: /etc/hostname}
    - command: echo conditional
      when: colour == 'blue'
    - lineinfile: {path: "{{ folder }}/{{ inventory_hostname }}/lines", line: "a=1", create: true}
"""
TEMPLATE = "name={{ inventory_hostname }}\ncolour={{ colour }}\n"

HAND = """\
set -e
uname -r
id -un
pwd
sh -c 'echo one; echo two >&2'
sh -c 'test -d / && echo yes'
mkdir -p "$F/$N"
printf 'name=%s\\ncolour=blue\\n' "$N" >"$F/$N/conf.new"; mv "$F/$N/conf.new" "$F/$N/conf"
stat /etc/hostname
echo conditional
grep -qx a=1 "$F/$N/lines" 2>/dev/null || echo a=1 >>"$F/$N/lines"
"""

PYINFRA = """\
from pyinfra.operations import files, server
from pyinfra import host
F = {folder!r}
server.shell(commands=["uname -r"]); server.shell(commands=["id -un"])
server.shell(commands=["pwd"]); server.shell(commands=["echo one; echo two >&2"])
server.shell(commands=["test -d / && echo yes"])
files.directory(path=F + "/" + host.name, mode="755")
files.template(src="bench.j2", dest=F + "/" + host.name + "/conf",
               inventory_hostname=host.name, colour="blue")
server.shell(commands=["stat /etc/hostname"]); server.shell(commands=["echo conditional"])
files.line(path=F + "/" + host.name + "/lines", line="a=1")
"""


@dataclass
class Figures:
    """One tool's figures over several runs."""

    name: str
    wall_s: list[float]
    cpu_s: list[float]
    rss_mb: list[float]
    #: CPU seconds of the servers' side, in whole ticks of 10 ms.
    device_s: list[float]


@dataclass
class Bench:
    """The folder, the key, the servers."""

    folder: Path
    user: str
    names: list[str]
    addresses: list[str]
    #: Where tasks write on the "devices".
    remote: Path
    #: Process ids of the servers' reapers.
    servers: tuple[int, ...] = ()

    @property
    def key(self) -> Path:
        return self.folder / "key"


@contextlib.contextmanager
def servers(count: int):
    """Starts sshd on `count` loopback addresses; removes all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="fleetrun-bench-"))
    folder.chmod(0o755)
    user, is_new = getpass.getuser(), False
    processes = []
    try:
        if os.geteuid() == 0:
            user, is_new = "fleetbench", True
            home = str(folder / "home")
            # "*" is no password; with "!" sshd would take the account for locked.
            words = ["useradd", "-m", "-p", "*", "-d", home, "-s", "/bin/sh", user]
            subprocess.run(words, check=True)
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name],
                           check=True)
        shutil.copy(folder / "key.pub", folder / "authorized")
        (folder / "authorized").chmod(0o644)
        addresses = [f"127.9.{i // 200}.{i % 200 + 1}" for i in range(count)]
        remote = folder / "remote"
        remote.mkdir(mode=0o777)
        remote.chmod(0o777)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        processes.extend(
            _sshd(folder, addresses[start : start + LISTENERS], start)
            for start in range(0, count, LISTENERS)
        )
        names = [f"d{i:04d}" for i in range(count)]
        pids = tuple(process.pid for process in processes)
        yield Bench(folder, user, names, addresses, remote, pids)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        if is_new:
            subprocess.run(["pkill", "-KILL", "-u", user], check=False)
            subprocess.run(["userdel", "-r", user], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _sshd(folder: Path, addresses: list[str], number: int):
    config = folder / f"sshd_config.{number}"
    lines = [f"ListenAddress {address}:{PORT}" for address in addresses]
    lines += [
        f"HostKey {folder / 'host'}", f"AuthorizedKeysFile {folder / 'authorized'}",
        "UsePAM no", "StrictModes no", "MaxStartups 2000", "MaxSessions 100", "PidFile none",
        "PasswordAuthentication no", "PerSourceMaxStartups none", "LogLevel ERROR",
        "Subsystem sftp internal-sftp",
    ]
    config.write_text("\n".join(lines) + "\n")
    # A reaper above it: processes that outlive their session count, too.
    process = subprocess.Popen([sys.executable, "-c", REAPER, "/usr/sbin/sshd", "-D", "-e", "-f",
                                config], stderr=(folder / f"sshd.{number}.log").open("wb"))
    _wait_listening(addresses[-1], process)
    return process


def _wait_listening(address: str, process) -> None:
    import socket

    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection((address, PORT), 0.2):
            return
        if process.poll() is not None:
            raise SystemExit("sshd did not start")
        time.sleep(0.05)
    raise SystemExit("sshd does not listen")


def write_files(bench: Bench) -> None:
    """Playbook, template and inventories for every tool."""
    folder = bench.folder
    (folder / "play.yml").write_text(PLAY)
    (folder / "bench.j2").write_text(TEMPLATE)
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    rows = {
        name: {"ansible_host": address}
        for name, address in zip(bench.names, bench.addresses, strict=True)
    }
    common = {
        "ansible_port": PORT, "ansible_user": bench.user, "folder": str(bench.remote),
        "ansible_ssh_private_key_file": str(bench.key),
    }
    everything = {"all": {"vars": {**common, "fleetrun_host_key": host_key}, "hosts": rows}}
    (folder / "inventory.yml").write_text(json.dumps(everything))
    known = "".join(f"[{a}]:{PORT} {host_key}\n" for a in bench.addresses)
    (folder / "known_hosts").write_text(known)
    hosts = [
        (name, {"ssh_hostname": a, "ssh_port": PORT, "ssh_user": bench.user,
                "ssh_key": str(bench.key), "ssh_known_hosts_file": str(folder / "known_hosts")})
        for name, a in zip(bench.names, bench.addresses, strict=True)
    ]
    (folder / "pyinfra_inventory.py").write_text(f"hosts = {hosts!r}\n")
    (folder / "pyinfra_deploy.py").write_text(PYINFRA.format(folder=str(bench.remote)))


def measure(name: str, argv: list[str], bench: Bench, runs: int, env: dict[str, str]) -> Figures:
    """Runs a command several times; figures from the kernel's accounting."""
    figures = Figures(name, [], [], [], [])
    for _ in range(runs):
        before = device_cpu_s(bench)
        shutil.rmtree(bench.folder / "state", ignore_errors=True)
        log = (bench.folder / "tool.log").open("wb")
        start = time.monotonic()
        process = subprocess.Popen(argv, cwd=bench.folder, env={**os.environ, **BYTECODE, **env},
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        figures.wall_s.append(time.monotonic() - start)
        if status != 0:
            tail = (bench.folder / "tool.log").read_text(errors="replace")[-3000:]
            raise SystemExit(f"{name} failed ({status}):\n{tail}")
        figures.cpu_s.append(usage.ru_utime + usage.ru_stime)
        figures.rss_mb.append(usage.ru_maxrss / 1024)
        figures.device_s.append(device_cpu_s(bench) - before)
    return figures


def device_cpu_s(bench: Bench) -> float:
    """CPU seconds of the servers and all that they reaped, once their sessions ended."""
    ticks = 0
    for pid in bench.servers:
        server = _children(pid)[0]
        for _ in range(100):
            if _children(pid) == [server] and not _children(server):
                break
            time.sleep(0.02)
        for one in (pid, server):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def hand_written(bench: Bench) -> None:
    """The same actions as lines of sh down one bare asyncssh channel per device."""
    import asyncssh

    key = asyncssh.read_private_key(bench.key)
    known = asyncssh.read_known_hosts(str(bench.folder / "known_hosts"))

    async def one(name: str, address: str) -> None:
        async with asyncssh.connect(
            address, PORT, username=bench.user, client_keys=[key], known_hosts=known, config=None,
            compression_algs=None,
        ) as connection:
            process = await connection.create_process("sh")
            process.stdin.write(f"N={name} F={bench.remote}\n{HAND}")
            process.stdin.write_eof()
            result = await process.wait()
            if result.exit_status != 0:
                raise SystemExit(f"hand-written lines failed on {name}: {result.stderr}")

    limit = asyncio.Semaphore(50)

    async def limited(name: str, address: str) -> None:
        async with limit:
            await one(name, address)

    await asyncio.gather(*map(limited, bench.names, bench.addresses))


class DelayProxy:
    """A TCP proxy that delays each way and counts bytes."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.bytes_up = 0
        self.bytes_down = 0

    async def start(self, port: int):
        return await asyncio.start_server(self._serve, "127.9.250.1", port)

    async def _serve(self, reader, writer) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._address, PORT)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._pump(reader, up_writer, "bytes_up"),
                self._pump(up_reader, writer, "bytes_down"),
            )

    async def _pump(self, reader, writer, counter: str) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while content := await reader.read(65536):
                setattr(self, counter, getattr(self, counter) + len(content))
                loop.call_later(ONE_WAY_S, writer.write, content)
            loop.call_later(ONE_WAY_S, writer.close)


async def through_proxy(bench: Bench, argv: list[str], env: dict[str, str]) -> tuple[float, int]:
    """Returns seconds and bytes of a command whose device is behind the proxy."""
    proxy = DelayProxy(bench.addresses[0])
    server = await proxy.start(PORT)
    start = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=bench.folder, env={**os.environ, **env}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    wall = time.monotonic() - start
    server.close()
    if process.returncode != 0:
        raise SystemExit(f"through the proxy: {out.decode(errors='replace')[-2000:]}")
    return wall, proxy.bytes_up + proxy.bytes_down


def slow_inventory(bench: Bench) -> Path:
    """The inventory of one device behind the proxy, and of the same one direct."""
    data = json.loads((bench.folder / "inventory.yml").read_text())
    name = bench.names[0]
    data["all"]["hosts"] = {name: {"ansible_host": "127.9.250.1"}}
    path = bench.folder / "slow.yml"
    path.write_text(json.dumps(data))
    data["all"]["hosts"] = {name: {"ansible_host": bench.addresses[0]}}
    (bench.folder / "direct.yml").write_text(json.dumps(data))
    return path


def show(figures: list[Figures], devices: int) -> None:
    """Prints the table with ratios to the hand-written lines."""
    base = figures[0]
    print(f"\n10 tasks on {devices} devices, {os.cpu_count()} cores, median of {len(base.wall_s)}")
    print(f"{'':26}{'wall s':>9}{'x hand':>8}{'cpu s':>9}{'ms/device':>11}"
          f"{'device ms':>11}{'peak MB':>9}")
    for row in figures:
        wall, cpu = statistics.median(row.wall_s), statistics.median(row.cpu_s)
        ratio = wall / statistics.median(base.wall_s)
        device = 1000 * statistics.median(row.device_s) / devices
        print(f"{row.name:26}{wall:9.2f}{ratio:8.2f}{cpu:9.2f}{1000 * cpu / devices:11.1f}"
              f"{device:11.1f}{max(row.rss_mb):9.0f}")


def ours(*words: str) -> list[str]:
    """Our own command line, as installed in this environment."""
    return [sys.executable, "-m", "fleetrun.cli.main", *words]


def peers(bench: Bench, folder: Path, runs: int) -> list[Figures]:
    """Figures of the other tools that are installed in `folder`."""
    found = []
    binary = folder / "bin"
    forks = str(min(50, len(bench.names)))
    if (binary / "pyinfra").exists():
        argv = [str(binary / "pyinfra"), "-y", "--parallel", forks, "pyinfra_inventory.py",
                "pyinfra_deploy.py"]
        found.append(measure("pyinfra", argv, bench, runs, {}))
    if (binary / "ansible-playbook").exists():
        argv = [str(binary / "ansible-playbook"), "-i", "inventory.yml", "-f", forks, "play.yml"]
        env = {
            "ANSIBLE_PIPELINING": "1", "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "ANSIBLE_SSH_ARGS": f"-o UserKnownHostsFile={bench.folder / 'known_hosts'} "
            "-o ControlMaster=auto -o ControlPersist=60s",
            "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_HOME": str(bench.folder / "ansible"),
        }
        found.append(measure("ansible-core", argv, bench, 1, env))
        strategies = list(folder.glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy"))
        if strategies:
            env |= {"ANSIBLE_STRATEGY": "mitogen_linear",
                    "ANSIBLE_STRATEGY_PLUGINS": str(strategies[0])}
            found.append(measure("ansible-core + mitogen", argv, bench, 1, env))
    return found


def main() -> None:
    """Runs everything and prints the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--devices", type=int, default=50)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--peers", type=Path, default=ROOT / ".venv-peers")
    options.add_argument("--hand", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.hand:
        state = json.loads((given.hand / "bench.json").read_text())
        asyncio.run(hand_written(Bench(given.hand, state["user"], state["names"],
                                       state["addresses"], Path(state["remote"]))))
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with servers(given.devices) as bench:
        write_files(bench)
        (bench.folder / "bench.json").write_text(json.dumps({
            "user": bench.user, "names": bench.names, "addresses": bench.addresses,
            "remote": str(bench.remote),
        }))
        run(bench, given)


def run(bench: Bench, given: argparse.Namespace) -> None:
    """The two tables."""
    env = {"FLEETRUN_STATE": str(bench.folder / "state"), "NO_COLOR": "1"}
    hand = [sys.executable, str(Path(__file__).resolve()), "--hand", str(bench.folder)]
    play = ours("run", "play.yml", "-i", "inventory.yml")
    rows = [
        measure("hand-written, asyncssh", hand, bench, given.runs, {}),
        measure("fleetrun", play, bench, given.runs, env),
        measure("fleetrun --help", ours("--help"), bench, given.runs, env),
    ]
    rows += peers(bench, given.peers, given.runs)
    show(rows, given.devices)
    slow_inventory(bench)
    print("\none device, 300 ms RTT (round trips = (slow - direct) / 0.3 s)")
    words = {
        "10 tasks": ("run", "play.yml"),
        "exec uname -r": ("exec", "all", "--", "uname", "-r"),
    }
    for name, command in words.items():
        extra = (command[0], *command[1:2], "-i")
        slow = ours(*extra, "slow.yml", *command[2:])
        direct = ours(*extra, "direct.yml", *command[2:])
        near = measure(name, direct, bench, 3, env)
        wall, size = asyncio.run(through_proxy(bench, slow, env))
        trips = (wall - statistics.median(near.wall_s)) / (2 * ONE_WAY_S)
        print(f"{name:26}{trips:9.1f} round trips{size / 1024:9.1f} KiB")


if __name__ == "__main__":
    main()
