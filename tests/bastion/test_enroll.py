"""`fleetrun enroll`: what it writes works on a device as it is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from fleetrun.app.enroll import Client, Init, Style, enroll
from fleetrun.bastion.device_files import device_files
from fleetrun.cli.main import main
from tests.support.bastion import running, running_bastion
from tests.support.sshd import KeyFile, SshServer, free_port

Keys = Mapping[str, KeyFile]


@pytest.mark.parametrize("shell", [("dash",), ("busybox", "ash")])
def test_enrolled_device_dials_the_second_bastion_when_the_first_is_gone(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer, shell: tuple[str, ...]
) -> None:
    """The script that was written, run as it is, with the key that was made."""
    out = tmp_path / "out"
    with running_bastion(
        tmp_path / "b", devices={}, operators={"ops": (bastion_keys["ops"].public, "*")},
    ) as bastion:
        line = enroll(
            "dev-a", out, bastions=(f"localhost:{free_port('127.0.0.1')}",
                                    f"localhost:{bastion.port}"),
            host_keys=(bastion.host_key.public,), style=Style(),
        )
        shutil.copy(out / "dev-a.pub", bastion.folder / "devices" / "dev-a.pub")
        bastion.wait_for(lambda: "reloaded" in bastion.audit())
        # As on the device, but for the folder, the port of its sshd and the pause.
        home = out / "root/etc/fleetrun"
        script = home / "tunnel"
        script.write_text(
            script.read_text(encoding="utf-8").replace("/etc/fleetrun", str(home))
            .replace("127.0.0.1:22", f"127.0.0.1:{device_sshd.port}").replace("% 30", "% 1"),
            encoding="utf-8",
        )
        with running(["setpriv", "--pdeathsig", "TERM", *shell, str(script)]) as loop:
            bastion.wait_for(lambda: (f := bastion.registry.find("dev-a")) and f.forwards)
            done = bastion.run_through(bastion_keys["ops"], "dev-a", bastion_keys["ops"],
                                       device_sshd.user, device_sshd.host_key_line, "echo in")
            again = bastion.registry.find("dev-a")
            assert again is not None
            bastion.call(lambda: again.link.drop("test"))  # it comes back by itself
            bastion.wait_for(lambda: (f := bastion.registry.find("dev-a"))
                             and f.generation > again.generation)
            loop.terminate()
            assert 0 == loop.wait(10)
    assert ("in\n", True) == (done.stdout, line.startswith("ssh-ed25519 "))
    assert 0o600 == (home / "key").stat().st_mode & 0o777


@pytest.mark.parametrize("init", list(Init))
@pytest.mark.parametrize("client", list(Client))
def test_scripts_are_clean(tmp_path: Path, client: Client, init: Init) -> None:
    """shellcheck finds nothing in what goes on a device."""
    places = [("b1", 443), ("b2", 22)]
    files = device_files(places, ["ssh-ed25519 A"], Style(client=client, init=init))
    scripts = [text for text, _ in files.values() if text.startswith("#!")]
    for number, text in enumerate(scripts):
        path = tmp_path / str(number)
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["shellcheck", "-s", "sh", "-e", "SC2034", str(path)], capture_output=True, text=True,
            check=False)
        assert "" == done.stdout


def test_each_bastion_is_pinned_with_its_port() -> None:
    """ssh looks a name with a port up in brackets; dbclient knows no ports."""
    wanted = {Client.SSH: "[b1]:443 K\nb2 K\n", Client.DBCLIENT: "b1 K\nb2 K\n"}
    found = {
        client: next(text for path, (text, _) in device_files(
            [("b1", 443), ("b2", 22)], ["K"], Style(client=client),
        ).items() if path.endswith("known_hosts"))
        for client in Client
    }
    assert wanted == found


@pytest.mark.parametrize(("words", "said"), [
    (("../x", "--bastion", "b"), "cannot be a device id"),
    (("d", "--bastion", "b:0"), "is no bastion"),
    (("d", "--bastion", "b;reboot"), "is no bastion"),
    (("d", "--bastion", "b", "--client", "dbclient"), "dropbear's own form"),
    (("d", "--bastion", "b", "--host-key", "no"), "is no public key"),
])
def test_wrong_words_write_nothing(
    tmp_path: Path, bastion_keys: Keys, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], said: str,
) -> None:
    """Exit 2 before there is a file."""
    out = tmp_path / "out"
    code = main(["enroll", *words, "--bastion-host-key", bastion_keys["ops"].public,
                 "--output", str(out)])
    assert (2, True, False) == (code, said in capsys.readouterr().err, out.exists())


def test_enrolment_is_never_overwritten(
    tmp_path: Path, bastion_keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second one in the same folder would lose the first one's key."""
    words = ["enroll", "dev-a", "--bastion", "b1:443", "--bastion-host-key",
             bastion_keys["ops"].public, "--host-key", bastion_keys["dev-a"].public,
             "--output", str(tmp_path / "out")]
    assert 0 == main(words)
    assert capsys.readouterr().out == (
        "dev-a:\n  fleetrun_bastion: [b1:443]\n"
        f'  fleetrun_bastion_host_key: "{bastion_keys["ops"].public}"\n'
        f'  fleetrun_host_key: "{bastion_keys["dev-a"].public}"\n'
    )
    assert 2 == main(words)
