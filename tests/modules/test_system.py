"""package and reboot against the real things: locks, apt's own simulation, a delayed reboot."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

APT_GET = "#!/bin/sh\nexit 0\n"


def fake(folder: Path, name: str, text: str) -> None:
    """A program of that name on the device's PATH."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_package_says_who_holds_the_lock(shell: str, make_device) -> None:
    """It waits for lock_timeout and then names the process, having changed nothing."""
    device = make_device(shell, FLEETRUN_ROOT="{}")
    object.__setattr__(device, "env", {"FLEETRUN_ROOT": str(device.root)})
    fake(device.root, "apt-get", "#!/bin/sh\n: >\"$HOME/ran\"\n")
    fake(device.root, "dpkg-query", "#!/bin/sh\nexit 1\n")
    lock = device.root / "var/lib/dpkg/lock-frontend"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        reply = device.module("package", name="curl", use="apt", lock_timeout=1)
    assert "module/locked" == reply.error_kind
    assert f"process {os.getpid()} (" in reply.values["msg"]
    assert "waited 1 s for /var/lib/dpkg/lock-frontend" in reply.values["msg"]
    assert not (device.root / "ran").exists()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_package_asks_the_real_apt(shell: str, make_device) -> None:
    """Under --check apt itself says that what is installed stays as it is."""
    device = make_device(shell)
    reply = device.module("package", check=True, name=["dpkg", "base-files"], use="apt")
    assert (0, False, []) == (
        reply.exit_status, reply.values["changed"], reply.values["packages"]
    ), reply
    reply = device.module("package", check=True, name="fleetrun-no-such-package", use="apt")
    assert "Unable to locate package" in reply.values["msg"]


def test_package_plans_a_removal_with_the_real_apt(make_device) -> None:
    """Under --check the plan names what would go, and it is still there."""
    device = make_device("dash")
    reply = device.module("package", check=True, name="busybox", state="absent", use="apt")
    if shutil.which("busybox") == "/usr/bin/busybox" and reply.exit_status == 0:
        assert reply.values["changed"] is True
        assert "busybox" in reply.values["packages"]
    assert shutil.which("busybox")


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_reboot_starts_after_the_answer(shell: str, make_device) -> None:
    """The answer is complete before the reboot command runs, and then it does run."""
    device = make_device(shell)
    fake(device.root, "reboot", "#!/bin/sh\n: >\"$HOME/rebooted\"\n")
    # The one second of the module lasts until the test lets it end.
    real = shutil.which("sleep")
    fake(device.root, "sleep", (
        f"#!/bin/sh\n[ \"$1\" = 1 ] || exec {real} \"$@\"\n"
        f"n=0\nwhile [ ! -e \"$HOME/go\" ] && [ $n -lt 400 ]; do {real} 0.05; n=$((n + 1)); done\n"
    ))
    reply = device.module("reboot", msg="")
    assert (0, True) == (reply.exit_status, reply.values["rebooted"]), reply
    assert not (device.root / "rebooted").exists()
    (device.root / "go").touch()
    deadline = time.monotonic() + 20
    while not (device.root / "rebooted").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (device.root / "rebooted").exists()


def test_reboot_does_nothing_under_check(make_device) -> None:
    """A checked reboot only says that it would."""
    device = make_device("dash")
    fake(device.root, "reboot", "#!/bin/sh\n: >\"$HOME/rebooted\"\n")
    fake(device.root, "wall", "#!/bin/sh\n: >\"$HOME/told\"\n")
    reply = device.module("reboot", check=True)
    assert (0, True) == (reply.exit_status, reply.values["changed"])
    time.sleep(1.2)
    assert not (device.root / "rebooted").exists()
    assert not (device.root / "told").exists()


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_mount_knows_what_is_mounted(shell: str, make_device, make_step, namespaces) -> None:
    """Mounted, other options, unmounted, absent: each in one namespace, after the other."""
    device = make_device(shell)
    device = replace(device, inside=namespaces(device.root, is_bare=shell == "busybox"))
    base = {"path": f"{device.root}/m p", "fstab": f"{device.root}/fstab"}
    source = {"src": "tmpfs", "fstype": "tmpfs"}
    wanted = [
        ({**source, "opts": "size=1m", "state": "mounted"}, True),
        ({**source, "opts": "size=1m", "state": "mounted"}, False),
        ({**source, "opts": "size=2m", "state": "mounted"}, True),
        ({**source, "state": "remounted"}, True),
        ({"state": "unmounted"}, True),
        ({"state": "unmounted"}, False),
        ({**source, "opts": "size=2m", "state": "mounted"}, True),
        ({"state": "absent"}, True),
        ({"state": "absent"}, False),
        ({**source, "state": "ephemeral"}, True),
    ]
    replies = device.run(*(
        make_step("mount", {**base, **args}, seq=seq) for seq, (args, _) in enumerate(wanted)
    ), make_step("mount", {**base, "src": "other", "fstype": "tmpfs", "state": "ephemeral"},
                 seq=len(wanted)))
    assert [(0, changed) for _, changed in wanted] == [
        (reply.exit_status, reply.values["changed"]) for reply in replies[:-1]
    ], replies
    assert "different source" in replies[-1].values["msg"]
    assert (device.root / "fstab").read_text() == ""


def test_locale_gen_makes_a_real_locale(make_device, make_step, namespaces) -> None:
    """The machine's own locale-gen, on folders of the test, makes what is asked for."""
    device = make_device("dash")
    for name in ("etc", "usr/lib/locale"):
        (device.root / name).mkdir(parents=True)
    (device.root / "etc/locale.gen").write_text("# de_AT ISO-8859-1\n# en_IE.UTF-8 UTF-8\n")
    shutil.copytree("/etc/alternatives", device.root / "etc/alternatives", symlinks=True)
    device = replace(device, inside=namespaces(device.root, ["etc", "usr/lib/locale"]))
    first, second, gone = device.run(
        make_step("locale_gen", {"name": ["de_AT"]}, seq=0),
        make_step("locale_gen", {"name": ["de_AT"]}, seq=1),
        make_step("locale_gen", {"name": ["de_AT"], "state": "absent"}, seq=2),
    )
    assert [(0, True), (0, False), (0, True)] == [
        (reply.exit_status, reply.values["changed"]) for reply in (first, second, gone)
    ], (first, second, gone)


def test_user_keeps_hash_and_passphrase_out_of_arguments(
    make_device, make_step, namespaces
) -> None:
    """Every tool that is called says what it was called with: no secret is among it."""
    device = make_device("dash")
    (device.root / "etc").mkdir()
    for name, text in (("passwd", "root:x:0:0::/root:/bin/sh\n"), ("shadow", ""), ("group", "")):
        (device.root / "etc" / name).write_text(text)
    for name in ("alternatives", "pam.d", "security"):
        shutil.copytree(f"/etc/{name}", device.root / "etc" / name, symlinks=True)
    (device.root / "home").mkdir()
    for tool in ("useradd", "usermod", "chpasswd", "chage", "ssh-keygen", "chown"):
        fake(device.root, tool, (
            f"#!/bin/sh\necho {tool} \"$@\" >>{device.root}/calls\nenv >>{device.root}/calls\n"
            f"exec {shutil.which(tool)} \"$@\"\n"
        ))
    device = replace(device, inside=namespaces(device.root, ["etc", "home"]))
    args = {
        "name": "ann", "password": "$6$salt$secrethash", "generate_ssh_key": True,
        "ssh_key_type": "ed25519", "ssh_key_passphrase": "secret passphrase",
    }
    first, second = device.run(
        make_step("user", args, seq=0),
        make_step("user", {**args, "password": "$6$salt$othersecret"}, seq=1),
    )
    assert [(0, True), (0, True)] == [
        (reply.exit_status, reply.values["changed"]) for reply in (first, second)
    ], (first, second)
    assert "$6$salt$othersecret" in (device.root / "etc/shadow").read_text()
    called = (device.root / "calls").read_text()
    assert "useradd" in called
    assert "secret" not in called
    assert "secret" not in str((first, second))
    opened = subprocess.run(
        ["ssh-keygen", "-y", "-P", "secret passphrase", "-f",
         str(device.root / "home/ann/.ssh/id_ed25519")],
        capture_output=True, text=True, check=False,
    )
    assert 0 == opened.returncode, opened.stderr
