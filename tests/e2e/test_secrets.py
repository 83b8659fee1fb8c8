"""A canary in every place a secret may stand: it is in no sink and no process list."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import CommandLine
from tests.support.fakes import FakeFleet, fake_fleet
from tests.support.inventories import outcomes_of, reach, results_of, write_inventory
from tests.support.real_fleet import empty_home, folder, key  # noqa: F401  # fixtures
from tests.support.sshd import KeyFile, openssh_server
from tests.support.world import IS_ROOT, OPERATOR, World, world

CANARY = f"canary-{secrets.token_hex(12)}"

#: Every way a task can end, each with the canary in its arguments and its result.
PLAY = """
- name: secrets
  hosts: all
  gather_facts: false
  vars: {pw: CANARY, users: [{name: a, pw: CANARY-a}, {name: b, pw: CANARY-b}]}
  tasks:
    - {name: copy, copy: {content: "pw={{ pw }}\\n", dest: ~/secret}, no_log: true}
    - {name: line, lineinfile: {path: ~/secret, line: "again={{ pw }}"}, no_log: true}
    - {name: out, shell: "echo {{ pw }}; echo {{ pw }} >&2", no_log: true, register: out}
    - {name: keep, set_fact: {kept: "{{ out.stdout | default('') }}"}, no_log: true}
    - {name: show, debug: {msg: "{{ kept }}"}, no_log: true}
    - {name: loop, shell: "echo {{ item.pw }}", loop: "{{ users }}", no_log: true}
    - {name: fails, shell: "echo {{ pw }} >&2; exit 3", no_log: true, ignore_errors: true}
    - {name: says, fail: {msg: "it is {{ pw }}"}, no_log: true, ignore_errors: true}
    - {name: sure, assert: {that: ["pw == ''"], fail_msg: "{{ pw }}"}, no_log: true,
       ignore_errors: true}
    - {name: undefined, debug: {msg: "{{ (pw ~ nothing).no }}"}, no_log: true, ignore_errors: true}
    - {name: wrong type, shell: echo, args: {chdir: "/{{ pw }}"}, no_log: true, ignore_errors: true}
    - {name: judged, shell: "echo {{ pw }}", register: r, failed_when: "pw in r.stdout",
       no_log: true, ignore_errors: true}
    - {name: again, shell: "echo {{ pw }}; exit 1", register: s, until: s.rc == 0, retries: 1,
       delay: 0, no_log: true, ignore_errors: true}
    - {name: late, shell: "echo {{ pw }}; sleep 60", timeout: 1, no_log: true,
       ignore_errors: true}
    - name: rescued
      block: [{name: breaks, shell: "echo {{ pw }}; exit 4", no_log: true}]
      rescue: [{name: rescue, debug: {msg: "{{ ansible_failed_result.rc | default('') }}"}}]
    - {name: final, fail: {msg: "{{ pw }}"}, no_log: true}
""".replace("CANARY", CANARY)


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeFleet]:
    with fake_fleet(tmp_path_factory.mktemp("fakes")) as made:
        yield made


@contextmanager
def watched_processes() -> Iterator[None]:
    """Fails when the canary shows in a process's arguments or environment meanwhile."""
    seen: list[str] = []
    rounds = 0
    stop = threading.Event()

    def watch() -> None:
        nonlocal rounds
        while not stop.is_set():
            rounds += 1
            seen.extend(
                f"{path}: {content!r}" for path, content in process_texts()
                if CANARY.encode() in content
            )

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert rounds > 3
    assert [] == seen


def process_texts() -> Iterator[tuple[Path, bytes]]:
    """Arguments and environment of all processes that can be read."""
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                yield process / name, (process / name).read_bytes()
            except OSError:
                continue


def places_with_the_canary(line: CommandLine, *texts: str) -> list[str]:
    """Outputs and files of the state folder that hold it, in any case or coding."""
    found = [text for text in texts if CANARY in text]
    state = line.folder / "state"
    files = [path for path in state.rglob("*") if path.is_file()]
    assert any(path.name == "journal.db" for path in files)
    return found + [str(path) for path in files if CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize("flags", [
    ("-vvv", "--diff"), ("-vvv", "--diff", "--output", "json"), ("-vvv", "--diff", "--check"),
], ids=["text", "json", "check"])
def test_no_log_hides_arguments_results_and_reasons(fakes, fleetrun, request, flags):
    """Tasks that work, fail, time out, loop, are judged, retried and rescued."""
    name = request.node.callspec.id
    device = fakes.device(name)
    (fakes.home(name) / "secret").touch()
    inventory = write_inventory(fleetrun.folder, {name: device})
    fleetrun.play("play.yml", PLAY)
    with watched_processes():
        done = fleetrun("run", "play.yml", "-i", inventory, *flags)
    shown = fleetrun("runs", "show", "last", "-vvv")
    assert (3, 0) == (done.returncode, shown.returncode), done.stderr
    assert [] == places_with_the_canary(
        fleetrun, done.stdout, done.stderr, shown.stdout, shown.stderr
    )
    if name != "check":
        assert f"pw={CANARY}\nagain={CANARY}\n" == (fakes.home(name) / "secret").read_text()
    if name == "json":
        results = results_of(done, name)
        assert {"copy", "out", "fails", "late", "rescue", "final"} < results.keys()
        assert all("censored" in results[it]["values"] for it in results.keys() - {"rescue"})


def test_an_interrupted_task_hides_its_secret_too(fakes, fleetrun):
    """Ctrl-C twice while it runs, then resume: still in no sink; the value still works."""
    device = fakes.device("interrupted")
    inventory = write_inventory(fleetrun.folder, {"interrupted": device})
    fleetrun.play("play.yml", """
- hosts: all
  gather_facts: false
  vars: {pw: CANARY}
  tasks:
    - {name: begin, shell: "echo {{ pw }}; touch ~/begun; sleep 2; echo {{ pw }}", no_log: true,
       register: said}
    - {name: use, copy: {content: "{{ said.stdout_lines | length }}", dest: ~/used}}
""".replace("CANARY", CANARY))
    with watched_processes():
        run = fleetrun.start("run", "play.yml", "-i", inventory, "-vvv", "-D")
        deadline = time.monotonic() + 30
        while not (fakes.home("interrupted") / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        time.sleep(0.3)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=30)
        assert run.returncode == 130, out + err
        done = fleetrun("resume", "last", "-vvv", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2" == (fakes.home("interrupted") / "used").read_text()
    assert [] == places_with_the_canary(fleetrun, out, err, done.stdout, done.stderr)


@pytest.fixture
def users(key: KeyFile) -> Iterator[World]:
    with world(CANARY, [key.public]) as made:
        yield made


@pytest.mark.skipif(not IS_ROOT, reason="only root can make a world with users")
@pytest.mark.parametrize("source", ["file", "inventory", "terminal"])
def test_the_become_password_is_nowhere(
    source, users, key, fleetrun, tmp_path, folder, empty_home
):
    """Also where a device prints it: right and wrong user, sudo, su and doas, -vvv and diff."""
    options = ("AuthorizedKeysFile .ssh/authorized_keys",)
    with openssh_server(
        tmp_path, authorized=(key.public,), options=options, inside=users.inside
    ) as server:
        devices = {
            method: reach(server, key, ansible_user=OPERATOR, ansible_become=True,
                          ansible_become_method=method)
            for method in ("sudo", "su", "doas")
        }
        devices["no-user"] = {**devices["sudo"], "ansible_become_user": f"x{CANARY[-4:]}"}
        flags: tuple[str, ...] = ()
        if source == "file":
            (tmp_path / "password").write_text(CANARY)
            flags = ("--become-password-file", str(tmp_path / "password"))
        elif source == "inventory":
            for device in devices.values():
                device["ansible_become_password"] = CANARY
        else:
            flags = ("-K",)
        # What a device prints: the password as it is, quoted, in JSON, on stderr.
        (users.home("root") / "pw").write_text(f"a {CANARY} b\n\"{CANARY}\" '{CANARY}'\n")
        fleetrun.play("play.yml", """
- hosts: all
  gather_facts: false
  tasks:
    - {name: out, shell: "cat /root/pw; cat /root/pw >&2", register: out}
    - {name: again, debug: {msg: "{{ out.stdout }}"}}
    - {name: copy, copy: {content: "{{ out.stdout }}", dest: "~/copy-{{ inventory_hostname }}"}}
    - {name: fails, shell: "cat /root/pw; exit 1"}
""")
        inventory = write_inventory(tmp_path, devices)
        words = ("run", "play.yml", "-i", inventory, "-vvv", "-D", "--output", "json", *flags)
        with watched_processes():
            done = on_terminal(fleetrun, *words) if source == "terminal" else fleetrun(*words)
        assert {"sudo": "failed", "su": "failed", "doas": "failed", "no-user": "unreachable"} == (
            outcomes_of(done)
        )
        assert [] == places_with_the_canary(fleetrun, done.stdout, done.stderr)
        assert "a ******** b" in results_of(done, "sudo")["out"]["values"]["stdout"]
        assert (users.home("root") / "copy-su").read_text().startswith(f"a {CANARY} b")


def on_terminal(line: CommandLine, *words: str):
    """Runs with a terminal on stdin and stderr, and types the password when asked."""
    import pty
    import subprocess
    import sys

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fleetrun.cli.main", *words], cwd=line.folder,
        env=line.environment(TERM="xterm"), stdin=slave, stdout=subprocess.PIPE, stderr=slave,
        text=True, start_new_session=True,
    )
    os.close(slave)
    said = b""
    while b"BECOME password" not in said:
        said += os.read(master, 4096)
    os.write(master, CANARY.encode() + b"\n")
    out, _ = process.communicate(timeout=60)
    try:
        while chunk := os.read(master, 65536):
            said += chunk
    except OSError:
        pass  # how a terminal says that nobody is left
    os.close(master)
    return subprocess.CompletedProcess(process.args, process.returncode, out,
                                       said.decode(errors="replace"))
