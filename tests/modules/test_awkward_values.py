"""Names and contents of any kind are data: nothing in them is ever run or expanded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SHELLS = ("dash", "busybox", "bash")
NAMES = [
    "a b", " lead", "trail ", "it's", 'say "x"', "$(touch pwned)", "`touch pwned`", "${HOME}",
    "a\nb", "-rf", "--", "-", "grüße ☃", "*", "?[a]", "a;touch pwned", "a&b", "a|b", "\\", "a\\nb",
    "%s", "!x", "#x", "~x", "a=b", "x\ty", "{root}", "\x01\x7f", "-n", ".hidden",
]


@pytest.mark.parametrize("shell", SHELLS)
def test_any_name_is_just_a_name(shell: str, make_device, make_step) -> None:
    """A folder, a file in it and a link with an awkward name are made, seen, changed, removed."""
    device = make_device(shell)
    folder = device.root / "w"
    folder.mkdir()
    for name, replies in run_for_all(device, make_step, lambda path, name: [
        ("file", {"path": path, "state": "directory"}),
        ("copy", {"content": "one\n", "dest": f"{path}/{name}", "mode": "0600"}),
        ("lineinfile", {"path": f"{path}/{name}", "line": "two"}),
        ("stat", {"path": f"{path}/{name}"}),
        ("slurp", {"src": f"{path}/{name}"}),
        ("file", {"src": name, "path": f"{path}/{name}.l", "state": "link"}),
    ]).items():
        assert [reply.exit_status for reply in replies] == [0] * 6, (name, replies)
        assert f"w/{name}/{name}" == replies[3].values["stat"]["path"]
        assert replies[4].values["content"] == "b25lCnR3bwo="
        assert (folder / name / name).read_text() == "one\ntwo\n"
        assert name == str((folder / name / f"{name}.l").readlink())
    assert sorted(NAMES) == sorted(names_in(folder))
    gone = run_for_all(device, make_step, lambda path, _: [
        ("file", {"path": path, "state": "absent"}),
    ])
    assert all(replies[0].values["changed"] is True for replies in gone.values()), gone
    assert names_in(folder) == []
    assert list(device.root.rglob("pwned")) == []


def names_in(folder: Path) -> list[str]:
    """Names of all that a folder holds."""
    return [path.name for path in folder.iterdir()]


def run_for_all(device, make_step, steps):
    """The replies for each name to the steps that `steps(path, name)` gives, in one shell."""
    calls = [(name, call) for name in NAMES for call in steps(f"w/{name}", name)]
    replies = device.run(*(
        make_step(module, args, seq=seq) for seq, (_, (module, args)) in enumerate(calls)
    ))
    found = {name: [] for name in NAMES}
    for (name, _), reply in zip(calls, replies, strict=True):
        found[name].append(reply)
    return found


@pytest.mark.parametrize("shell", SHELLS)
def test_names_without_a_folder(shell: str, make_device, make_step) -> None:
    """A bare name, also one that looks like an option, is a file of the current folder."""
    device = make_device(shell)
    # A tilde at the start of a path stands for HOME.
    names = [name for name in NAMES if not name.startswith("~")]
    made = device.run(*(
        make_step("copy", {"content": "x", "dest": name, "mode": "0640"}, seq=seq)
        for seq, name in enumerate(names)
    ))
    assert [reply.exit_status for reply in made] == [0] * len(names), made
    assert {(device.root / name).read_text() for name in names} == {"x"}
    device.run(*(
        make_step("file", {"path": name, "state": "absent"}, seq=seq)
        for seq, name in enumerate(names)
    ))
    assert names_in(device.root) == [".fleetrun"]


@settings(
    max_examples=15, deadline=None, suppress_health_check=list(HealthCheck),
)
@given(content=st.binary(max_size=200), shell=st.sampled_from(SHELLS))
def test_any_bytes_arrive(content: bytes, shell: str, make_device) -> None:
    """What copy writes is what it was given, to the byte, and it knows it again."""
    device = any_bytes_device(make_device, shell)
    assert 0 == device.module("copy", content=content, dest="f").exit_status
    assert content == (device.root / "f").read_bytes()
    assert device.module("copy", content=content, dest="f").values["changed"] is False


def any_bytes_device(make_device, shell: str):
    """A device that stays the same between examples."""
    devices = any_bytes_device.__dict__.setdefault("devices", {})
    key = (id(make_device), shell)
    if key not in devices:
        devices[key] = make_device(shell, shell)
    return devices[key]


LINES = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r\n"), max_size=40
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=list(HealthCheck),
)
@given(old=st.lists(LINES, max_size=5), line=LINES, shell=st.sampled_from(SHELLS))
def test_any_line_is_kept(old: list[str], line: str, shell: str, make_device) -> None:
    """A line of any characters is added once, and all others stay as they were."""
    device = any_bytes_device(make_device, shell)
    path = device.root / "lines"
    path.write_text("".join(f"{text}\n" for text in old), newline="")
    wanted = old if line in old else [*old, line]
    reply = device.module("lineinfile", path="lines", line=line)
    assert (0, line not in old) == (reply.exit_status, reply.values["changed"]), reply
    assert "".join(f"{text}\n" for text in wanted) == path.read_bytes().decode()
    assert device.module("lineinfile", path="lines", line=line).values["changed"] is False
