"""Tasks as another user on OpenSSH and dropbear, by the sudo, su and doas of Debian."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inventories import (
    assert_whole,
    finished,
    reach,
    results_of,
    write_inventory,
)
from tests.support.real_fleet import empty_home, folder, key  # noqa: F401  # fixtures
from tests.support.sshd import KeyFile, SshServer, dropbear_server, openssh_server
from tests.support.world import GUEST, IS_ROOT, OPERATOR, SERVICE, TRUSTED, World, world

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="only root can make a world with users")

METHODS = ("sudo", "su", "doas")


@pytest.fixture(scope="module")
def users(key: KeyFile) -> Iterator[World]:
    with world(f"pw-{secrets.token_hex(8)} '$x\\", [key.public]) as made:
        yield made


@pytest.fixture(scope="module")
def openssh(folder: Path, users: World, key: KeyFile) -> Iterator[SshServer]:
    options = ("AuthorizedKeysFile .ssh/authorized_keys",)
    with openssh_server(
        folder, authorized=(key.public,), options=options, inside=users.inside
    ) as server:
        yield server


@pytest.fixture(scope="module")
def dropbear(folder: Path, users: World) -> Iterator[SshServer]:
    with dropbear_server(folder, inside=users.inside) as server:
        yield server


@pytest.fixture(params=["openssh", "dropbear"])
def server(request: pytest.FixtureRequest) -> SshServer:
    """Each of the two servers in turn."""
    found: SshServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def password_file(users: World, tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(users.password + "\n")
    return str(path)


PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: who, command: id -un, register: who}
    - {name: home, shell: 'cd; pwd'}
    - {name: note, copy: {content: "{{ who.stdout }}", dest: "~/note-{{ inventory_hostname }}"}}
    - {name: login user, command: id -un, become: false, vars: {ansible_become: false}}
"""


def become(server: SshServer, key: KeyFile, login: str, method: str, user: str) -> dict:
    """A device whose tasks run as `user`."""
    return reach(server, key, ansible_user=login, ansible_become=True,
                 ansible_become_method=method, ansible_become_user=user)


def check(done, users: World, devices: dict, tmp_path: Path) -> None:
    """Every task ran as the user that its device's variables name."""
    assert_whole(done, 0, dict.fromkeys(devices, "changed"), tmp_path / "state")
    for name, variables in devices.items():
        user = str(variables["ansible_become_user"])
        results = results_of(done, name)
        home = "/root" if user == "root" else f"/home/{user}"
        assert [user, home, variables["ansible_user"]] == [
            results[task]["values"]["stdout"] for task in ("who", "home", "login user")
        ]
        note = users.home(user) / f"note-{name}"
        assert (user, user) == (note.read_text(), note.owner() if user == "root" else user)
        note.unlink()


def test_with_a_password(server, key, users, password_file, fleetrun, tmp_path):
    """--become-password-file serves sudo, su and doas, to root and to another user."""
    devices = {
        f"{method}-{user}": become(server, key, OPERATOR, method, user)
        for method in METHODS for user in ("root", SERVICE)
    }
    inventory = write_inventory(tmp_path, devices)
    fleetrun.play("play.yml", PLAY)
    done = fleetrun("run", "play.yml", "-i", inventory, "--become-password-file", password_file,
                    "--output", "json")
    check(done, users, devices, tmp_path)


def test_without_a_password(server, key, users, fleetrun, tmp_path):
    """Where the device asks for none, none is needed; su asks only those who are not root."""
    devices = {
        f"{method}-{user}": become(server, key, "root" if method == "su" else TRUSTED, method, user)
        for method in METHODS for user in ("root", SERVICE)
    }
    inventory = write_inventory(tmp_path, devices)
    fleetrun.play("play.yml", PLAY)
    done = fleetrun("run", "play.yml", "-i", inventory, "--output", "json")
    check(done, users, devices, tmp_path)


def test_the_password_may_stand_in_the_inventory(openssh, key, users, fleetrun, tmp_path):
    """ansible_become_password of a device beats the file; it is masked in every sink."""
    (tmp_path / "wrong").write_text("not it\n")
    device = become(openssh, key, OPERATOR, "sudo", "root")
    inventory = write_inventory(
        tmp_path, {"dev-a": {**device, "ansible_become_password": users.password}}
    )
    done = fleetrun("exec", "all", "-i", inventory, "--become-password-file",
                    str(tmp_path / "wrong"), "--output", "json", "-m", "shell", "-a",
                    "id -un; echo '{{ ansible_become_password }}' | cat")
    assert_whole(done, 0, {"dev-a": "changed"}, tmp_path / "state")
    assert "root" == results_of(done, "dev-a")[""]["values"]["stdout"].split("\n")[0]
    assert users.password not in done.stdout + done.stderr


def test_a_wrong_password_is_said(server, key, fleetrun, tmp_path):
    """connect/become, in plain words, for each tool; nothing ran; others are not affected."""
    (tmp_path / "wrong").write_text("not it\n")
    refused(server, key, fleetrun, tmp_path, METHODS, "the password is wrong",
            "--become-password-file", str(tmp_path / "wrong"))


def test_a_missing_password_is_said(openssh, key, fleetrun, tmp_path):
    """The way out is named: -K."""
    refused(openssh, key, fleetrun, tmp_path, METHODS, "a password is needed")


def refused(server, key, fleetrun, tmp_path, methods, words, *flags) -> None:
    """Runs a command on a device for each method, and on one that needs none."""
    devices = {
        **{method: become(server, key, OPERATOR, method, "root") for method in methods},
        "plain": reach(server, key, ansible_user=GUEST),
    }
    inventory = write_inventory(tmp_path, devices)
    done = fleetrun("exec", "all", "-i", inventory, *flags, "--output", "json",
                    "--", "id", "-un")
    expected = {**dict.fromkeys(devices, "unreachable"), "plain": "changed"}
    assert_whole(done, 4, expected, tmp_path / "state")
    for method in methods:
        event = finished(done, method)
        assert event["error_kind"] == "connect/become", event
        assert words in event["reason"], event
        assert "-K" in event["reason"]
        assert f"cannot become root by {method}" in event["reason"]
        assert not results_of(done, method)


def test_a_user_who_may_not_is_told_so(openssh, key, password_file, fleetrun, tmp_path):
    """No right, no such user, no such tool: each says which."""
    devices = {
        "no-right": become(openssh, key, GUEST, "sudo", "root"),
        "no-user": become(openssh, key, TRUSTED, "sudo", "nobody-at-all"),
        "no-method": become(openssh, key, TRUSTED, "pbrun", "root"),
    }
    inventory = write_inventory(tmp_path, devices)
    done = fleetrun("exec", "all", "-i", inventory, "--become-password-file", password_file,
                    "--output", "json", "--", "id", "-un")
    assert_whole(done, 4, dict.fromkeys(devices, "unreachable"), tmp_path / "state")
    reasons = {device: finished(done, device)["reason"] for device in devices}
    assert "not permitted" in reasons["no-right"]
    assert "there is no such user" in reasons["no-user"]
    assert "pbrun" in reasons["no-method"]


def test_a_wrong_password_in_the_middle_of_a_play(openssh, key, fleetrun, tmp_path):
    """What ran before as the login user counts; nothing is in doubt, so nothing is unknown."""
    inventory = write_inventory(
        tmp_path, {"dev-a": reach(openssh, key, ansible_user=OPERATOR)}
    )
    (tmp_path / "wrong").write_text("not it\n")
    fleetrun.play("play.yml", """
- hosts: all
  gather_facts: false
  tasks:
    - {name: first, command: id -un}
    - {name: second, command: id -un, become: true}
""")
    done = fleetrun("run", "play.yml", "-i", inventory, "--output", "json",
                    "--become-password-file", str(tmp_path / "wrong"))
    assert_whole(done, 4, {"dev-a": "unreachable"}, tmp_path / "state")
    assert "connect/become" == finished(done, "dev-a")["error_kind"]
    assert OPERATOR == results_of(done, "dev-a")["first"]["values"]["stdout"]
    assert "second" not in results_of(done, "dev-a")
