"""assemble: fragments of the controller become one content."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.errors import InputError
from fleetrun.planning.arguments import ArgumentError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with fragments where the operator keeps files."""
    found = tmp_path / "files" / "parts"
    (found / "folder").mkdir(parents=True)
    for name, text in {"20": "b\n", "10": "a", ".h": "h\n", "30.bak": "c"}.items():
        (found / name).write_text(text)
    return found


@pytest.mark.parametrize(("args", "content"), [
    ({}, "h\na\nb\nc"),
    ({"ignore_hidden": True}, "a\nb\nc"),
    ({"regexp": r"^\d+$"}, "a\nb\n"),
    ({"regexp": r"^\d+$", "delimiter": "-- \\x41\\t"}, "a\n-- A\t\nb\n"),
    ({"regexp": r"^\d+$", "delimiter": "\\n"}, "a\n\nb\n"),
])
def test_fragments_are_joined_in_order(args, content: str, folder: Path, prepare) -> None:
    """By name, a newline where one is missing, a delimiter between."""
    del folder
    found = prepare("assemble", {"src": "parts", "dest": "f", "remote_src": False, **args})
    assert found.args["content"] == content
    assert "src" not in found.args


def test_the_device_gets_the_delimiter_unescaped(prepare) -> None:
    """With remote_src nothing is read here."""
    found = prepare("assemble", {"src": "/d", "dest": "f", "remote_src": True, "delimiter": "é\\n"})
    assert found.args["_delimiter"] == "é\n"
    assert found.args["src"] == "/d"


def test_bad_input_is_named(folder: Path, prepare) -> None:
    """A file in place of a folder, a folder that is missing, a bad expression."""
    (folder.parent / "file").write_text("")
    with pytest.raises(InputError, match="is not a directory"):
        prepare("assemble", {"src": "file", "dest": "f", "remote_src": False})
    with pytest.raises(InputError, match="no file `nono`"):
        prepare("assemble", {"src": "nono", "dest": "f", "remote_src": False})
    with pytest.raises(ArgumentError, match="Invalid Regexp"):
        prepare("assemble", {"src": "parts", "dest": "f", "remote_src": False, "regexp": "("})
