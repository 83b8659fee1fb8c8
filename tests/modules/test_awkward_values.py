"""Names and contents of any kind are data: nothing in them is ever run or expanded."""

from __future__ import annotations

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
    (device.root / "w").mkdir()
    for name in NAMES:
        path = f"w/{name}"
        steps = [
            ("file", {"path": path, "state": "directory"}),
            ("copy", {"content": "one\n", "dest": f"{path}/{name}", "mode": "0600"}),
            ("lineinfile", {"path": f"{path}/{name}", "line": "two"}),
            ("stat", {"path": f"{path}/{name}"}),
            ("slurp", {"src": f"{path}/{name}"}),
            ("file", {"src": name, "path": f"{path}/{name}.l", "state": "link"}),
        ]
        replies = device.run(*(
            make_step(module, args, seq=seq) for seq, (module, args) in enumerate(steps)
        ))
        assert [0] * len(steps) == [reply.exit_status for reply in replies], (name, replies)
        assert path + "/" + name == replies[3].values["stat"]["path"]
        assert "b25lCnR3bwo=" == replies[4].values["content"]
        assert "one\ntwo\n" == (device.root / path / name).read_text()
        assert name == str((device.root / path / f"{name}.l").readlink())
        gone = device.module("file", path=path, state="absent")
        assert (0, True) == (gone.exit_status, gone.values["changed"]), name
        assert [] == list((device.root / "w").iterdir()), name
    assert not list(device.root.rglob("pwned"))


@pytest.mark.parametrize("shell", SHELLS)
def test_names_without_a_folder(shell: str, make_device) -> None:
    """A bare name, also one that looks like an option, is a file of the current folder."""
    device = make_device(shell)
    for name in [name for name in NAMES if not name.startswith("~")]:
        made = device.module("copy", content="x", dest=name, mode="0640")
        assert 0 == made.exit_status, (name, made)
        assert "x" == (device.root / name).read_text()
        assert 0 == device.module("file", path=name, state="absent").exit_status
        assert not (device.root / name).exists(), name


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
