"""The operator's files for copy, template and script."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.contracts import FileReader
from fleetrun.errors import InputError
from fleetrun.loading import files
from fleetrun.loading.files import OperatorFiles


def write(path: Path, content: bytes = b"x") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def test_the_folder_comes_before_the_base_and_the_playbook_last(tmp_path: Path) -> None:
    """base/files/a, base/a, playbook/files/a, playbook/a."""
    reader: FileReader = OperatorFiles([str(tmp_path)])
    base = tmp_path / "sub"
    last = write(tmp_path / "a")
    found = [reader.find("a", "files", (str(base),))]
    expected = [last]
    for place in (tmp_path / "files/a", base / "a", base / "files/a"):
        expected.append(write(place))
        found.append(reader.find("a", "files", (str(base),)))

    assert found == expected


def test_absolute_paths_are_taken_as_they_are(tmp_path: Path) -> None:
    """They need no folder; a folder can be found, too."""
    path = write(tmp_path / "a")

    assert OperatorFiles().find(path, "files", ("/nowhere",)) == path
    assert OperatorFiles().find(str(tmp_path), "files", ("/nowhere",)) == str(tmp_path)


def test_a_missing_file_names_all_places(tmp_path: Path) -> None:
    """The error lists where it looked."""
    with pytest.raises(InputError) as caught:
        OperatorFiles().find("a.conf", "templates", (str(tmp_path),))

    message = caught.value.problems[0].message
    assert f"{tmp_path}/templates/a.conf, {tmp_path}/a.conf" in message


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_impossible_names_are_input_errors(tmp_path: Path, name: str) -> None:
    """Nothing but InputError comes out."""
    with pytest.raises(InputError):
        OperatorFiles().find(name, "files", (str(tmp_path),))


def test_reading_gives_the_bytes(tmp_path: Path) -> None:
    """Any bytes, as they are."""
    assert OperatorFiles().read(write(tmp_path / "a", b"\xff\0")) == b"\xff\0"


def test_what_cannot_be_read_is_an_input_error(tmp_path: Path, monkeypatch) -> None:
    """Folders, missing files and files beyond the limit."""
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1 << 20)
    big = write(tmp_path / "big", b"x" * ((1 << 20) + 1))
    for path, part in ((str(tmp_path), "cannot read"), ("/nowhere/a", "cannot read"),
                       (big, "larger than 1 MiB")):
        with pytest.raises(InputError, match=part):
            OperatorFiles().read(path)
