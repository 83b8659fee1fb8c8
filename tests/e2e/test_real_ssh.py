"""Playbooks and ad-hoc commands on OpenSSH and dropbear, as they come from Debian."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.inventories import (
    assert_whole,
    finished,
    reach,
    results_of,
    write_inventory,
)
from tests.support.real_fleet import (  # noqa: F401  # fixtures
    accepted,
    dropbear,
    empty_home,
    folder,
    key,
    locked,
    openssh,
    rsa,
    server,
)
from tests.support.sshd import KeyFile, free_port, make_key, openssh_server

PLAY = """
- name: everything
  hosts: all
  vars: {colour: blue}
  tasks:
    - {name: folder, file: {path: "{{ place }}/app", state: directory, mode: "0750"}}
    - {name: who, command: {argv: [cat, "{{ place }}/../name"]}, register: who, changed_when: false}
    - name: conf
      template: {src: conf.j2, dest: "{{ place }}/app/conf", mode: "0640"}
      notify: restart
    - {name: image, copy: {src: image, dest: "{{ place }}/app/image"}}
    - {name: line, lineinfile: {path: "{{ place }}/app/conf", line: "extra=1", regexp: "^extra="}}
    - {name: look, stat: {path: "{{ place }}/app/conf"}, register: look}
    - {name: sure, assert: {that: [look.stat.exists, look.stat.mode == '0640']}}
    - name: guarded
      block: [{name: breaks, command: "false"}]
      rescue:
        - name: rescued
          shell: |
            echo rescued >>'{{ place }}/rescued'
            echo out; echo err >&2
      always: [{name: always, file: {path: "{{ place }}/always", state: touch}}]
  handlers:
    - {name: restart, shell: "echo restarted >>'{{ place }}/restarts'"}
"""
TEMPLATE = "colour={{ colour }}\nkernel={{ ansible_kernel }}\nwho={{ who.stdout }}\nextra=1\n"


def test_a_playbook_does_it_all_and_then_changes_nothing(server, key, rsa, fleetrun, tmp_path):
    """Two devices, logged in to with an ed25519 and an RSA key, end as the playbook says."""
    devices = {}
    for name, address, with_key in (("dev-a", "127.0.0.1", key), ("dev-b", "127.0.0.2", rsa)):
        place = tmp_path / f"devices of {name}/fs"
        place.mkdir(parents=True)
        (place.parent / "name").write_text(f"{name}\n")
        devices[name] = reach(server, with_key, ansible_host=address, place=str(place))
    inventory = write_inventory(tmp_path, devices)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/conf.j2").write_text(TEMPLATE)
    (tmp_path / "files").mkdir()
    image = os.urandom(150_000) + b"\0\xff\n"
    (tmp_path / "files/image").write_bytes(image)
    fleetrun.play("play.yml", PLAY)

    first = fleetrun("run", "play.yml", "-i", inventory, "--output", "json")
    assert_whole(first, 0, dict.fromkeys(devices, "changed"), tmp_path / "state")
    second = fleetrun("run", "play.yml", "-i", inventory, "--output", "json")
    assert_whole(second, 0, dict.fromkeys(devices, "changed"), tmp_path / "state")

    for name in devices:
        place = tmp_path / f"devices of {name}/fs"
        conf = f"colour=blue\nkernel={platform.release()}\nwho={name}\nextra=1\n"
        assert conf == (place / "app/conf").read_text()
        assert image == (place / "app/image").read_bytes()
        assert 0o750 == (place / "app").stat().st_mode & 0o777
        assert "restarted\n" == (place / "restarts").read_text()
        assert "rescued\n" * 2 == (place / "rescued").read_text()
        assert (place / "always").exists()
        rescued = results_of(first, name)["rescued"]["values"]
        assert ("out", "err", 0) == (rescued["stdout"], rescued["stderr"], rescued["rc"])
        again = {task: it["status"] for task, it in results_of(second, name).items()}
        assert dict.fromkeys(("folder", "who", "conf", "image", "line", "look"), "ok") == {
            task: again[task] for task in ("folder", "who", "conf", "image", "line", "look")
        }


def test_exec_folds_and_keeps_words_whole(server, key, fleetrun, tmp_path):
    """The same words reach every device as they are; equal output is shown once."""
    inventory = write_inventory(tmp_path, {
        "dev-a": reach(server, key), "dev-b": reach(server, key, ansible_host="127.0.0.2"),
    })
    done = fleetrun("exec", "all", "-i", inventory, "--", "printf", "%s|", "a  b", "$HOME", "*")
    assert (0, "") == (done.returncode, done.stderr)
    assert "2 devices" in done.stdout
    assert "a  b|$HOME|*|" in done.stdout


def test_exec_gives_the_command_s_own_status(openssh, key, fleetrun, tmp_path):
    """255 is the command's own exit status, not a broken link."""
    inventory = write_inventory(tmp_path, {"dev-a": reach(openssh, key)})
    words = ("--output", "json", "--", "sh", "-c", "exit 255")
    done = fleetrun("exec", "all", "-i", inventory, *words)
    assert_whole(done, 3, {"dev-a": "failed"}, tmp_path / "state")
    result = results_of(done, "dev-a")[""]
    assert (255, "task/failed") == (result["values"]["rc"], result["error_kind"])


def test_the_host_key_may_stand_in_a_known_hosts_file(
    server, key, fleetrun, tmp_path, empty_home
):
    """By the device's id; the file is the operator's own or one the inventory names."""
    (empty_home / ".ssh/known_hosts").write_text(f"dev-a {server.host_key_line}\n")
    (tmp_path / "hosts").write_text(f"dev-b {server.host_key_line}\n")
    inventory = write_inventory(tmp_path, {
        "dev-a": reach(server, key, fleetrun_host_key=None),
        "dev-b": reach(server, key, fleetrun_host_key=None, ansible_host="127.0.0.2",
                       fleetrun_known_hosts=str(tmp_path / "hosts")),
    })
    done = fleetrun("exec", "all", "-i", inventory, "--", "true")
    assert (0, "") == (done.returncode, done.stderr)


def fingerprint(line: str, tmp_path: Path) -> str:
    """What ssh-keygen calls a public key."""
    (tmp_path / "a.pub").write_text(line + "\n")
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "a.pub")], capture_output=True, text=True,
        check=True,
    ).stdout
    return shown.split()[1]


def test_a_host_key_that_is_not_the_pinned_one_is_refused(server, key, rsa, fleetrun, tmp_path):
    """Changed or unknown: fingerprints are shown, nothing runs, others are not affected."""
    old = make_key(tmp_path, "id_old").public
    inventory = write_inventory(tmp_path, {
        "changed": reach(server, key, fleetrun_host_key=old),
        "retyped": reach(server, key, fleetrun_host_key=rsa.public),
        "unknown": reach(server, key, fleetrun_host_key=None),
        "good": reach(server, key, ansible_host="127.0.0.2"),
    })
    fleetrun.play("play.yml", f"""
- hosts: all
  gather_facts: false
  tasks: [{{name: mark, command: "touch '{tmp_path}/ran-{{{{ inventory_hostname }}}}'"}}]
""")
    before = logins(server)
    done = fleetrun("run", "play.yml", "-i", inventory, "--output", "json")
    refused = ("changed", "retyped", "unknown")
    expected = {**dict.fromkeys(refused, "unreachable"), "good": "changed"}
    assert_whole(done, 4, expected, tmp_path / "state")
    for device, shown in zip(refused, ([old], [rsa.public], []), strict=True):
        event = finished(done, device)
        assert event["error_kind"] == "connect/host-key"
        for line in (*shown, server.host_key_line):
            assert fingerprint(line, tmp_path) in event["reason"]
        assert "no command was sent" in event["reason"]
        assert "StrictHostKeyChecking" not in event["reason"]
    assert [path.name for path in tmp_path.glob("ran-*")] == ["ran-good"]
    assert logins(server) - before == 1


def logins(server) -> int:
    """How many logins a server's log tells of."""
    log = server.log()
    return log.count("Accepted publickey") + log.count("Pubkey auth succeeded")


@pytest.mark.parametrize("hops", [1, 2])
def test_devices_are_reached_through_jump_hosts(
    server, key, fleetrun, tmp_path, empty_home, hops
):
    """`-J` from ansible_ssh_common_args: one connection per hop, shared by the devices."""
    with ExitStack() as stack:
        way = [
            stack.enter_context(openssh_server(
                tmp_path, address=f"127.0.0.{number + 3}", authorized=(key.public,),
                options=("LogLevel DEBUG1",),
            )) for number in range(hops)
        ]
        jumps = ",".join(f"{jump.user}@{jump.address}:{jump.port}" for jump in way)
        (empty_home / ".ssh/known_hosts").write_text(
            "".join(f"[{jump.address}]:{jump.port} {jump.host_key_line}\n" for jump in way)
        )
        inventory = write_inventory(tmp_path, {
            "dev-a": reach(server, key, ansible_ssh_common_args=f"-o Compression=no -J {jumps}"),
            "dev-b": reach(server, key, ansible_ssh_common_args=f"-J {jumps}",
                           ansible_host="127.0.0.2"),
        })
        done = fleetrun("exec", "all", "-i", inventory, "--", "echo", "here")
        assert (0, "") == (done.returncode, done.stderr)
        logs = [jump.log() for jump in way]
    assert "2 devices" in done.stdout
    assert [1] * hops == [log.count("Accepted publickey") for log in logs]
    for address in ("127.0.0.1", "127.0.0.2"):
        assert f"target {address} port {server.port}" in logs[-1]


def test_a_jump_host_that_is_down_is_named(openssh, key, fleetrun, tmp_path):
    """The error is of the hop; what is reached without it goes on."""
    port = free_port("127.0.0.4")
    inventory = write_inventory(tmp_path, {
        "dev-a": reach(openssh, key, ansible_ssh_common_args=f"-J 127.0.0.4:{port}"),
        "dev-b": reach(openssh, key, ansible_host="127.0.0.2"),
    })
    done = fleetrun("exec", "all", "-i", inventory, "--output", "json", "--", "true")
    assert_whole(done, 4, {"dev-a": "unreachable", "dev-b": "changed"}, tmp_path / "state")
    assert "jump host 127.0.0.4 (hop 1 of 1)" in finished(done, "dev-a")["reason"]


def test_ssh_config_counts_only_when_asked_for(openssh, key, fleetrun, tmp_path, empty_home):
    """--ssh-config reads address, port, user and key from ~/.ssh/config."""
    (empty_home / ".ssh/config").write_text(
        f"Host {openssh.address} dev-*\n  HostName {openssh.address}\n  Port {openssh.port}\n"
        f"  User {openssh.user}\n  IdentityFile {key.path}\n"
    )
    by_address = reach(openssh, None, ansible_user=None)
    by_name = {"fleetrun_host_key": openssh.host_key_line}
    inventory = write_inventory(tmp_path, {"dev-a": by_address, "dev-b": by_name})
    with_it = fleetrun("exec", "all", "-i", inventory, "--ssh-config", "--", "true")
    assert (0, "") == (with_it.returncode, with_it.stderr)
    without = fleetrun("exec", "dev-a", "-i", inventory, "--output", "json", "--", "true")
    assert_whole(without, 4, {"dev-a": "unreachable"}, tmp_path / "state")
    assert "connect/auth" == finished(without, "dev-a")["error_kind"]


def test_keys_that_do_not_do_are_named(server, key, locked, fleetrun, tmp_path):
    """An encrypted one that nobody can be asked for, and one the server does not know."""
    stranger = make_key(tmp_path, "id_stranger")
    inventory = write_inventory(tmp_path, {
        "locked": reach(server, locked), "stranger": reach(server, stranger),
        "good": reach(server, key, ansible_host="127.0.0.2"),
    })
    done = fleetrun("exec", "all", "-i", inventory, "--output", "json", "--", "true")
    expected = {"locked": "unreachable", "stranger": "unreachable", "good": "changed"}
    assert_whole(done, 4, expected, tmp_path / "state")
    events = {device: finished(done, device) for device in ("locked", "stranger")}
    assert {event["error_kind"] for event in events.values()} == {"connect/auth"}
    reason = events["locked"]["reason"]
    assert f"{locked.path} is encrypted, and no passphrase was given" in reason
    assert "ssh-add" in reason
    assert "id_stranger" in events["stranger"]["reason"]
    assert max(event["elapsed_s"] for event in events.values()) < 10


def test_keys_of_an_agent_are_used(server, locked, fleetrun, tmp_path):
    """Also for a key file that only the agent can open."""
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL
    ) as agent:
        try:
            add_to_agent(locked, tmp_path)
            inventory = write_inventory(tmp_path, {
                "named": reach(server, locked), "unnamed": reach(server, None),
            })
            done = fleetrun("exec", "all", "-i", inventory, "--", "true",
                            SSH_AUTH_SOCK=str(tmp_path / "agent"))
            assert (0, "") == (done.returncode, done.stderr)
        finally:
            agent.terminate()


def add_to_agent(locked: KeyFile, tmp_path: Path) -> None:
    """Gives an encrypted key to the agent that is about to listen in `tmp_path`."""
    deadline = time.monotonic() + 10
    while not (tmp_path / "agent").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho 'open sesame'\n")
    ask.chmod(0o755)
    subprocess.run(
        ["ssh-add", "-q", str(locked.path)], stdin=subprocess.DEVNULL, check=True,
        env={**os.environ, "SSH_AUTH_SOCK": str(tmp_path / "agent"), "SSH_ASKPASS": str(ask),
             "SSH_ASKPASS_REQUIRE": "force"},
    )
