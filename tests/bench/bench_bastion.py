"""The bastion: memory per idle tunnel, logins per second of its CPU, and a restart.

    python -m tests.bench.bench_bastion [TUNNELS]

The tunnels are made by asyncssh clients in another process, each with a key of its
own and one `-R 22`. Figures of the bastion are its RSS and CPU from /proc, so what
the clients cost is not in them (but they take the other core). Budgets: design, 6.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncssh

#: Clients that log in at once: more would only wait for each other's CPU.
_AT_ONCE = 64
_TICKS = os.sysconf("SC_CLK_TCK")


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def write_files(folder: Path, count: int) -> None:
    """Keys of `count` devices, and a configuration whose limits are out of the way."""
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(count)]
    for number, key in enumerate(keys):
        key.write_private_key(str(folder / f"k{number}"))
    (folder / "devices").write_text("".join(
        f"dev-{number} {key.export_public_key().decode().strip()}\n"
        for number, key in enumerate(keys)
    ), encoding="ascii")
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(folder / "host"))
    (folder / "b.toml").write_text(
        'listen = ["127.0.0.1:0"]\nhost_keys = "host"\ndevice_keys = "devices"\n'
        'audit = "audit.jsonl"\nkeepalive_s = 300\n[limits]\naccepts_per_s = 10000\n'
        "accept_burst = 10000\nsource_per_s = 10000\nsource_burst = 10000\n"
        "pending_per_source = 2000\nkey_burst = 100\n", encoding="ascii",
    )


def serve(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Starts the bastion; returns its process and port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fleetrun.cli.main", "bastion", "serve", "--config",
         str(folder / "b.toml")], stderr=subprocess.PIPE, text=True,
    )
    assert process.stderr is not None
    return process, int(process.stderr.readline().split()[-1])


async def dial(folder: Path, port: int, count: int) -> None:
    """Opens all tunnels, says so, and holds them until stdin ends."""
    gate, links = asyncio.Semaphore(_AT_ONCE), list[asyncssh.SSHClientConnection]()

    async def one(number: int) -> None:
        async with gate:
            link = await asyncssh.connect(
                "127.0.0.1", port, username="tunnel", known_hosts=None, config=None,
                client_keys=[str(folder / f"k{number}")], agent_path=None,
                kex_algs="^curve25519-sha256", compression_algs=None, login_timeout=120,
            )
            await link.forward_remote_port("localhost", 22, "127.0.0.1", 22)
            links.append(link)

    await asyncio.gather(*(one(number) for number in range(count)))
    print("up", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for link in links:
        link.abort()


def measure(folder: Path, count: int) -> None:
    """Prints the figures of `count` tunnels."""
    write_files(folder, count)
    process, port = serve(folder)
    time.sleep(1.5)  # the first look at the key files is over
    idle_bytes, used_s, started = rss_bytes(process.pid), cpu_s(process.pid), time.monotonic()
    clients = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bench_bastion", "--dial", str(folder), str(port),
         str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    assert clients.stdout is not None
    assert clients.stdout.readline() == "up\n"
    wall_s, busy_s = time.monotonic() - started, cpu_s(process.pid) - used_s
    held = rss_bytes(process.pid) - idle_bytes
    print(f"{count} tunnels: {held / count / 1024:.1f} KB each (budget 40)")
    print(f"{count / busy_s:.0f} logins per second of CPU (budget 300); "
          f"{count / wall_s:.0f} per second of wall beside the clients")
    before = cpu_s(process.pid)
    time.sleep(5)
    print(f"idle: {(cpu_s(process.pid) - before) / 5:.2%} of a core")
    process.terminate()
    process.wait(60)
    print(f"drained in {time.monotonic() - started - wall_s - 5:.1f} s")
    clients.communicate()


def main(words: list[str]) -> None:
    """Runs the bench, or the clients of it."""
    if words[:1] == ["--dial"]:
        asyncio.run(dial(Path(words[1]), int(words[2]), int(words[3])))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), int(words[0]) if words else 1000)


if __name__ == "__main__":
    main(sys.argv[1:])
