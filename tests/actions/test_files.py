"""copy, template and script: what the controller adds to their arguments."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from pathlib import Path

import pytest

from fleetrun.actions.contents import INLINE_BYTES
from fleetrun.errors import InputError
from fleetrun.planning.arguments import ArgumentError


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The operator's folder of files."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def test_a_file_travels_with_its_sums_and_name(files: Path, prepare) -> None:
    """The device gets the text, both checksums and the name for a folder."""
    (files / "app.conf").write_text("x = 1\n")
    found = prepare("copy", {"src": "app.conf", "dest": "/etc/"})
    assert found.args == {
        "dest": "/etc/", "content": "x = 1\n", "_basename": "app.conf",
        "_sha256": hashlib.sha256(b"x = 1\n").hexdigest(),
        "_sha1": hashlib.sha1(b"x = 1\n").hexdigest(),
    }
    assert found.upload is None


def test_a_large_file_is_uploaded(files: Path, prepare) -> None:
    """What is too large for the program text goes beside it."""
    content = os.urandom(INLINE_BYTES + 1)
    (files / "image").write_bytes(content)
    found = prepare("copy", {"src": "image", "dest": "/tmp/image"})
    assert found.upload is not None
    assert found.upload.content == content
    assert "content" not in found.args


def test_bytes_are_escaped(files: Path, prepare) -> None:
    """What is no text is written for printf."""
    (files / "bin").write_bytes(b"a\x00\\")
    assert prepare("copy", {"src": "bin", "dest": "f"}).args["_content_b"] == "a\\0000\\0134"


def test_preserve_is_the_files_own_mode(files: Path, prepare) -> None:
    """The device cannot see the controller's file."""
    (files / "run").write_text("")
    (files / "run").chmod(0o4751)
    assert prepare("copy", {"src": "run", "dest": "f", "mode": "preserve"}).args["mode"] == "4751"
    with pytest.raises(ArgumentError, match="preserve"):
        prepare("copy", {"content": "x", "dest": "f", "mode": "preserve"})


def test_values_are_written_as_json(prepare) -> None:
    """content may be a list or a mapping."""
    assert prepare("copy", {"content": {"a": ["é"]}, "dest": "f"}).args["content"] == '{"a": ["é"]}'


def unpacked(found) -> dict[str, object]:
    """Names in the archive, with text, link or None for a folder."""
    raw = str(found.args.get("_content_b", found.args.get("content", "")))
    raw_bytes = re.sub(r"\\0(\d{3})", lambda octal: chr(int(octal[1], 8)), raw).encode("latin-1")
    with tarfile.open(fileobj=io.BytesIO(raw_bytes)) as tar:
        return {
            item.name: item.linkname if item.issym()
            else tar.extractfile(item).read().decode() if item.isfile() else None
            for item in tar
        }


@pytest.fixture
def tree(files: Path) -> Path:
    """A folder with all kinds of things in it."""
    folder = files / "app"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "a").write_text("A")
    (folder / "sub" / "b").write_text("B")
    (folder / "link").symlink_to("a")
    return folder


def test_a_folder_travels_as_one_archive(tree: Path, prepare) -> None:
    """With its name, or without it when src ends with a slash; links are followed."""
    del tree
    found = prepare("copy", {"src": "app", "dest": "/opt"})
    assert (found.args["_tree"], found.args["_basename"]) == (True, "app")
    assert unpacked(found) == {"a": "A", "link": "A", "sub": None, "sub/b": "B", "sub/empty": None}
    assert prepare("copy", {"src": "app/", "dest": "/opt"}).args["_basename"] == ""
    links = prepare("copy", {"src": "app", "dest": "/opt", "local_follow": False})
    assert unpacked(links)["link"] == "a"


def test_an_archive_is_the_same_until_something_changes(tree: Path, prepare) -> None:
    """Equal contents give equal archives, so devices know them again."""
    args = {"src": "app", "dest": "/opt"}
    first = prepare("copy", args)
    assert prepare("copy", args).args is not first.args
    assert prepare("copy", args).args["_sha256"] == first.args["_sha256"]
    (tree / "sub" / "b").write_text("changed")
    assert unpacked(prepare("copy", args))["sub/b"] == "changed"


def test_links_that_lead_nowhere_or_in_circles_are_named(tree: Path, prepare) -> None:
    """A folder that cannot be followed to its end is an input error."""
    (tree / "sub" / "up").symlink_to("..")
    with pytest.raises(InputError, match="a folder that it lies in"):
        prepare("copy", {"src": "app", "dest": "/opt"})
    (tree / "sub" / "up").unlink()
    (tree / "gone").symlink_to("nowhere")
    with pytest.raises(InputError, match="gone"):
        prepare("copy", {"src": "app", "dest": "/opt"})
    kept = prepare("copy", {"src": "app", "dest": "/opt", "local_follow": False})
    assert unpacked(kept)["gone"] == "nowhere"


def test_what_is_on_the_device_is_left_to_it(prepare) -> None:
    """remote_src needs nothing from here."""
    args = {"src": "/etc/app", "dest": "/opt", "remote_src": True}
    assert prepare("copy", args).args == args


@pytest.fixture
def template(tmp_path: Path):
    """Returns a function that writes a template."""
    (tmp_path / "templates").mkdir()

    def write(text: str) -> str:
        (tmp_path / "templates" / "t.j2").write_text(text)
        return "t.j2"

    return write


@pytest.mark.parametrize(("text", "options", "content"), [
    ("{% if x %}\n{{ x }}\n{% endif %}\n", {}, "1\n"),
    ("{% if x %}\n{{ x }}\n{% endif %}\n", {"trim_blocks": False}, "\n1\n\n"),
    ("  {% if x %}\n{{ x }}\n  {% endif %}\n", {"lstrip_blocks": True}, "1\n"),
    ("[[ x ]] {{ x }}\n", {"variable_start_string": "[[", "variable_end_string": "]]"},
     "1 {{ x }}\n"),
    ("<% if x %>\ny\n<% endif %>\n", {"block_start_string": "<%", "block_end_string": "%>"}, "y\n"),
    ("a<# no #>b\n", {"comment_start_string": "<#", "comment_end_string": "#>"}, "ab\n"),
    ("a\nb\n", {"newline_sequence": "\r\n"}, "a\r\nb\r\n"),
    ("a\nb\n", {"newline_sequence": "\\r\\n"}, "a\r\nb\r\n"),
    ("{{ template_path }} {{ template_destpath }}\n", {}, "t.j2 /etc/f\n"),
])
def test_templates_are_rendered_by_their_options(
    text: str, options, content: str, template, prepare
) -> None:
    """Jinja's options are the task's."""
    found = prepare("template", {"src": template(text), "dest": "/etc/f", **options}, x=1)
    assert found.args["content"] == content
    assert not set(found.args) & set(options)
    assert found.args["_basename"] == "t.j2"


def test_templates_are_written_in_another_encoding(template, prepare) -> None:
    """output_encoding is any that Python knows."""
    args = {"src": template("é\n"), "dest": "f", "output_encoding": "latin-1"}
    assert prepare("template", args).args["_content_b"] == "\\0351\\0012"
    with pytest.raises(ArgumentError, match="output_encoding"):
        prepare("template", {**args, "output_encoding": "klingon"})
    with pytest.raises(ArgumentError, match="output_encoding"):
        prepare("template", {**args, "output_encoding": "ascii"})


def test_a_script_goes_with_its_words(files: Path, prepare) -> None:
    """The first word is the file, the rest is the device's."""
    (files / "run.sh").write_bytes(b"echo \xff\n")
    found = prepare("script", {"_raw_params": "run.sh --from 1 'a b'", "chdir": "/tmp"})
    assert found.args == {
        "chdir": "/tmp", "_script_text": "echo \udcff\n", "_script_args": "--from 1 'a b'",
    }


def test_an_archive_of_the_controller_is_sent(files: Path, prepare) -> None:
    """Its name goes along; with remote_src nothing is read here."""
    (files / "app.tgz").write_bytes(b"\x1f\x8b")
    found = prepare("unarchive", {"src": "app.tgz", "dest": "/opt"}).args
    assert (found["_basename"], found["_content_b"]) == ("app.tgz", "\\0037\\0213")
    assert found["src"] == "app.tgz"
    remote = {"src": "/app.tgz", "dest": "/opt", "remote_src": True}
    assert prepare("unarchive", remote).args == remote
    with pytest.raises(ArgumentError, match="remote_src"):
        prepare("unarchive", {"src": "http://127.0.0.1/a.tgz", "dest": "/opt"})
