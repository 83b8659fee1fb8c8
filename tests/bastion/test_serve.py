"""`fleetrun bastion serve` as a process: starting, draining, figures, playbooks through it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetrun.bastion.config import read_config
from fleetrun.errors import InputError
from tests.support.bastion import RunningBastion, write_config
from tests.support.sshd import KeyFile, SshServer, free_port

Keys = Mapping[str, KeyFile]
FLEETRUN = (sys.executable, "-m", "fleetrun.cli.main")


@dataclass(slots=True, kw_only=True)
class Served:
    """The process, and clients for it."""

    process: subprocess.Popen[str]
    clients: RunningBastion


@contextmanager
def served(
    folder: Path, keys: Keys, *, settings: str = "", env: Mapping[str, str] | None = None,
    listen: str = "127.0.0.1:0",
) -> Iterator[Served]:
    """Runs the command until the block ends."""
    config, host_key = write_config(
        folder, devices={name: keys[name].public for name in ("dev-a", "dev-b")},
        operators={"ops": (keys["ops"].public, "dev-*")}, settings=settings, listen=listen,
    )
    process = subprocess.Popen(
        [*FLEETRUN, "bastion", "serve", "--config", str(config)], stderr=subprocess.PIPE,
        text=True, env={**os.environ, **(env or {})},
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("listening on "), line + process.stderr.read()
        clients = RunningBastion(folder, config, host_key)
        clients.port = int(line.split()[-1])
        clients.loop.close()
        yield Served(process=process, clients=clients)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()


def test_sigterm_drains_and_lets_a_session_end(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """A session that runs is not cut; nobody new comes in; then it exits 0."""
    with served(tmp_path / "b", bastion_keys) as made, made.clients.tunnel(
        "ssh", bastion_keys["dev-a"], f"22:127.0.0.1:{device_sshd.port}"
    ), made.clients.tunnel(
        "ssh", bastion_keys["dev-b"], f"22:127.0.0.1:{device_sshd.port}"
    ) as idle:
        made.clients.wait_for(lambda: made.clients.audit().count('"login"') == 2)
        hosts = tmp_path / "hosts"
        hosts.write_text(f"dev-a {device_sshd.host_key_line}\n", encoding="ascii")
        proxy = " ".join(made.clients.ssh(bastion_keys["ops"], "-W", "%h:%p"))
        with subprocess.Popen(
            ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={hosts}", "-o", "BatchMode=yes",
             "-o", f"ProxyCommand={proxy}", "-i", str(bastion_keys["ops"].path),
             f"{device_sshd.user}@dev-a", "echo started; sleep 1; echo done"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        ) as session:
            assert session.stdout is not None
            assert "started\n" == session.stdout.readline()
            made.process.send_signal(signal.SIGTERM)
            assert 255 == idle.wait(10)
            refused = made.clients.try_ssh(bastion_keys["ops"], "-T")
            assert "done\n" == session.stdout.read()
        assert 0 == made.process.wait(15)
    assert "Connection refused" in refused.stderr
    done = subprocess.run(
        [*FLEETRUN, "bastion", "audit", "verify", str(tmp_path / "b" / "audit.jsonl")],
        capture_output=True, text=True, check=False,
    )
    assert (0, True) == (done.returncode, "head " in done.stdout)


def test_figures_are_served_on_loopback(tmp_path: Path, bastion_keys: Keys) -> None:
    """Prometheus' text format, with what happened."""
    port = free_port("127.0.0.1")
    with served(tmp_path / "b", bastion_keys, settings=f'metrics = "127.0.0.1:{port}"') as made, \
            made.clients.tunnel("ssh", bastion_keys["dev-a"], "22:127.0.0.1:1"):
        made.clients.wait_for(lambda: '"login"' in made.clients.audit())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    assert "\nfleetrun_bastion_tunnels 1\n" in text
    assert '\nfleetrun_bastion_logins_total{kind="device"} 1\n' in text


def test_service_manager_hears_that_it_is_ready_and_alive(
    tmp_path: Path, bastion_keys: Keys
) -> None:
    """READY=1 after it listens, WATCHDOG=1 in time, STOPPING=1 at the end."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        env = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"}
        with served(tmp_path / "b", bastion_keys, env=env) as made:
            heard = [manager.recv(100), manager.recv(100)]
            made.process.send_signal(signal.SIGTERM)
            while (word := manager.recv(100)) == b"WATCHDOG=1":
                pass
            assert 0 == made.process.wait(10)
    assert [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"] == [*heard, word]


def test_unit_names_its_command_and_sandbox() -> None:
    """It starts this program with the file that was named."""
    done = subprocess.run([*FLEETRUN, "bastion", "unit", "--config", "/etc/b.toml"],
                          capture_output=True, text=True, check=True)
    assert re.search(r"\nExecStart=/\S+ bastion serve --config /etc/b.toml\n", done.stdout)
    assert {"Type=notify", "NoNewPrivileges=yes", "ProtectSystem=strict"} <= set(
        done.stdout.splitlines())


def test_playbook_runs_on_devices_behind_it(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fleetrun run` with fleetrun_bastion in group vars; a device that is off is unreachable."""
    monkeypatch.setenv("FLEETRUN_STATE", str(tmp_path / "state"))
    play = tmp_path / "play.yml"
    play.write_text("- hosts: all\n  gather_facts: false\n  tasks:\n"
                    "    - command: echo through\n", encoding="utf-8")
    with served(tmp_path / "b", bastion_keys) as made, made.clients.tunnel(
        "ssh", bastion_keys["dev-a"], f"22:127.0.0.1:{device_sshd.port}"
    ):
        made.clients.wait_for(lambda: '"login"' in made.clients.audit())
        inventory = tmp_path / "hosts.json"
        inventory.write_text(json.dumps({"all": {
            "hosts": {"dev-a": {}, "dev-b": {}},
            "vars": {
                "ansible_host": "192.0.2.1", "ansible_user": device_sshd.user,
                "ansible_ssh_private_key_file": str(bastion_keys["ops"].path),
                "fleetrun_host_key": device_sshd.host_key_line,
                "fleetrun_bastion": f"ops@127.0.0.1:{made.clients.port}",
                "fleetrun_bastion_host_key": made.clients.host_key.public,
            },
        }}), encoding="utf-8")
        done = subprocess.run(
            [*FLEETRUN, "run", str(play), "-i", str(inventory), "--output", "json"],
            capture_output=True, text=True, timeout=60, check=False,
        )
    assert 4 == done.returncode, done.stdout + done.stderr
    assert "connect/no-tunnel" in done.stdout
    assert "through" in done.stdout


@pytest.mark.parametrize(("text", "said"), [
    ("listn = 1\n", ("t.toml:1", "did you mean `listen`?")),
    ('listen = ["x"]\nhost_keys = "k"\n', ("t.toml:1", '"ADDRESS:PORT"')),
    ('listen = ["[::1]:22"]\nhost_keys = "k"\nmetrics = "0.0.0.0:1"\n',
     ("t.toml:3", "a loopback address")),
    ('listen = "a:1"\nhost_keys = "k"\n[operators.a]\nkeys = "k"\nreaches = ["*"]\n',
     ("t.toml:5", "did you mean `reach`?")),
    ('listen = "a:1"\nhost_keys = "k"\n[limits]\ntunnels = 0\n', ("t.toml:4", "a count from 1")),
    ("", ("t.toml:1", "`listen` is missing")),
    ("listen = [\n", ("t.toml", "end of document")),
])
def test_wrong_configuration_is_said_with_its_place(
    tmp_path: Path, text: str, said: tuple[str, ...]
) -> None:
    """Nothing listens before the file is right."""
    path = tmp_path / "t.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_config(path)
    shown = " ".join(f"{p.mark} {p.message} {p.label}" for p in caught.value.problems)
    assert [part for part in said if part not in shown] == []


@pytest.mark.parametrize(("lines", "said"), [
    ({"dev-a": "nonsense"}, "is no OpenSSH public key"),
    ({"dev-a": "{a}", "dev-c": "{a}"}, "is also dev-a's"),
    ({"dev-a": "{a}", "DEV-A": "{b}"}, "differ in case alone"),
    ({"dev-a": "{ops}"}, "is also ops's"),
    ({".x": "{a}"}, "cannot be a device id"),
])
def test_wrong_keys_are_said_with_their_file(
    tmp_path: Path, bastion_keys: Keys, lines: Mapping[str, str], said: str
) -> None:
    """Two devices with one key would take each other's place for ever."""
    from fleetrun.bastion.keys import read_keys

    known = {"a": bastion_keys["dev-a"].public, "b": bastion_keys["dev-b"].public,
             "ops": bastion_keys["ops"].public}
    config, _ = write_config(
        tmp_path / "b", devices={name: text.format(**known) for name, text in lines.items()},
        operators={"ops": (known["ops"], "*")},
    )
    with pytest.raises(InputError) as caught:
        read_keys(read_config(config))
    assert [p.mark is not None for p in caught.value.problems if said in p.message] == [True]
