"""Where settings come from, and which one counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.config import Config, read_config
from fleetrun.errors import InputError


def read(folder: Path, **environ: str) -> Config:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return read_config(environ, cwd=folder, home=home)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_environment_beats_own_files_and_these_beat_ansible(tmp_path: Path) -> None:
    """Each step of the ladder wins over all below it and says where it stands."""
    tmp_path.chmod(0o755)
    write(tmp_path / "ansible.cfg", "[defaults]\nforks = 1\n")
    assert read(tmp_path).found["forks"].value == 1
    write(tmp_path / "home/.config/fleetrun/config.toml", "forks = 2\n")
    assert read(tmp_path).found["forks"].value == 2
    own = write(tmp_path / "fleetrun.toml", "forks = 3\n")
    found = read(tmp_path).found["forks"]
    assert (found.value, found.origin) == (3, str(own))
    assert read(tmp_path, ANSIBLE_FORKS="4").found["forks"].value == 4
    found = read(tmp_path, ANSIBLE_FORKS="4", FLEETRUN_FORKS="5").found["forks"]
    assert (found.value, found.origin) == (5, "FLEETRUN_FORKS")


def test_the_first_ansible_cfg_counts_alone(tmp_path: Path) -> None:
    """ANSIBLE_CONFIG, then ./, then ~: files are not merged, as in Ansible."""
    tmp_path.chmod(0o755)
    write(tmp_path / "home/.ansible.cfg", "[defaults]\nremote_user = three\nforks = 9\n")
    assert read(tmp_path).found["remote_user"].value == "three"
    write(tmp_path / "ansible.cfg", "[defaults]\nremote_user = two\n")
    config = read(tmp_path)
    assert (config.found["remote_user"].value, "forks" in config.found) == ("two", False)
    named = write(tmp_path / "x/other.cfg", "[defaults]\nremote_user = one\n")
    assert read(tmp_path, ANSIBLE_CONFIG=str(named)).found["remote_user"].value == "one"


def test_an_ansible_cfg_that_anybody_may_plant_is_not_read(tmp_path: Path) -> None:
    """In a folder that everybody may write to it could name any inventory or key."""
    write(tmp_path / "ansible.cfg", "[defaults]\nremote_user = mallory\n")
    tmp_path.chmod(0o777)
    config = read(tmp_path)
    assert config.found == {}
    assert "is not read" in config.warnings[0]


def test_an_own_file_that_anybody_may_change_is_refused(tmp_path: Path) -> None:
    """It is an error, not a warning: the operator meant it to count."""
    write(tmp_path / "fleetrun.toml", "forks = 3\n").chmod(0o666)
    with pytest.raises(InputError, match="not trusted"):
        read(tmp_path)


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    """Inventories, keys and role folders; lists of devices are left alone."""
    write(tmp_path / "etc/a.cfg", "[defaults]\ninventory = hosts,more/\nroles_path = r:/opt/r\n")
    config = read(tmp_path, ANSIBLE_CONFIG=str(tmp_path / "etc/a.cfg"))
    etc = tmp_path / "etc"
    assert config.found["inventory"].value == [f"{etc}/hosts", f"{etc}/more"]
    assert config.found["roles_path"].value == [f"{etc}/r", "/opt/r"]
    assert read(tmp_path, ANSIBLE_INVENTORY="a,b,").found["inventory"].value == ["a,b,"]


def test_an_unknown_key_of_ansible_cfg_is_named_with_the_nearest(tmp_path: Path) -> None:
    """It has no effect in Ansible either, but there nobody says so."""
    path = write(tmp_path / "a.cfg", "[defaults]\nremote_usr = x\nnocows = 1\n[galaxy]\nx = 1\n")
    config = read(tmp_path, ANSIBLE_CONFIG=str(path))
    assert len(config.warnings) == 1
    assert "did you mean `remote_user`?" in config.warnings[0]


def test_an_unknown_name_of_our_own_file_is_an_error(tmp_path: Path) -> None:
    """With its line and the nearest name."""
    write(tmp_path / "fleetrun.toml", "\nfork = 3\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    problem = caught.value.problems[0]
    assert (problem.label, problem.mark and problem.mark.line) == ("did you mean `forks`?", 2)


@pytest.mark.parametrize(
    ("name", "text"), [("FLEETRUN_FORKS", "many"), ("ANSIBLE_BECOME", "perhaps")]
)
def test_a_value_of_the_wrong_type_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    """The message names the variable."""
    with pytest.raises(InputError, match=name):
        read(tmp_path, **{name: text})


def test_host_key_checking_cannot_be_switched_off(tmp_path: Path) -> None:
    """The refusal says why and what to do."""
    path = write(tmp_path / "a.cfg", "[defaults]\nhost_key_checking = False\n")
    for config in (
        read(tmp_path, ANSIBLE_CONFIG=str(path)), read(tmp_path, ANSIBLE_HOST_KEY_CHECKING="0"),
    ):
        assert "docs/howto/ssh.md" in config.warnings[0]


@pytest.mark.parametrize(
    ("name", "output"),
    [("default", "ansible"), ("ansible.builtin.minimal", "minimal"), ("json", "json"),
     ("community.general.yaml", "ansible")],
)
def test_callbacks_map_to_the_nearest_output(tmp_path: Path, name: str, output: str) -> None:
    """An unknown one leaves a warning and the default."""
    callback = read(tmp_path, ANSIBLE_STDOUT_CALLBACK=name).callback
    assert callback is not None
    assert callback.value == output
    config = read(tmp_path, ANSIBLE_STDOUT_CALLBACK="nyan")
    assert (config.callback, len(config.warnings)) == (None, 1)


def test_results_that_cannot_be_hidden_are_told(tmp_path: Path) -> None:
    """Ansible's two switches have no effect here, which is said once for each."""
    tmp_path.chmod(0o755)
    write(tmp_path / "ansible.cfg", "[defaults]\ndisplay_skipped_hosts = no\n")
    said = read(tmp_path, ANSIBLE_DISPLAY_OK_HOSTS="false").warnings
    assert [text.split(" has no effect")[0] for text in said] == [
        "display_skipped_hosts = no", "display_ok_hosts = false",
    ]
    assert read(tmp_path, ANSIBLE_DISPLAY_SKIPPED_HOSTS="yes").warnings == ()
