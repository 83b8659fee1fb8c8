"""uri: the body of the request as the controller writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.planning.arguments import ArgumentError

URL = {"url": "http://127.0.0.1/"}


@pytest.mark.parametrize(("style", "body", "text", "kind"), [
    ("raw", "as it is\n", "as it is\n", ""),
    ("raw", {"a": 1}, '{"a": 1}', ""),
    ("json", {"a": ["é", None, True]}, '{"a": ["\\u00e9", null, true]}', "application/json"),
    ("json", '{"ready": 1}', '{"ready": 1}', "application/json"),
    ("form-urlencoded", {"a": "x y&z", "b": [1, 2]}, "a=x+y%26z&b=1&b=2",
     "application/x-www-form-urlencoded"),
    ("form-urlencoded", [["a", "é"], ["a", 2]], "a=%C3%A9&a=2",
     "application/x-www-form-urlencoded"),
    ("form-urlencoded", "a=1", "a=1", "application/x-www-form-urlencoded"),
])
def test_a_body_is_written_in_its_format(style: str, body, text: str, kind: str, prepare) -> None:
    """What is text already stays as it is."""
    found = prepare("uri", {**URL, "body": body, "body_format": style}).args
    assert (found["content"], found["_content_type"]) == (text, kind)
    assert "body" not in found


def test_fields_and_files_make_a_multipart_body(tmp_path: Path, prepare) -> None:
    """Names cannot end their quotes; a file brings its type."""
    (tmp_path / "log.txt").write_text("line\n")
    body = {"na\"me\r\n": "é", "log": {"filename": "log.txt"},
            "own": {"content": "{}", "filename": "o", "mime_type": "application/json"}}
    found = prepare("uri", {**URL, "body": body, "body_format": "form-multipart"}).args
    boundary = found["_content_type"].partition("boundary=")[2]
    parts = found["content"].split(f"--{boundary}")
    assert [part.strip("\r\n") for part in parts] == [
        "", 'Content-Disposition: form-data; name="na%22me%0D%0A"\r\n\r\né',
        'Content-Disposition: form-data; name="log"; filename="log.txt"\r\n'
        "Content-Type: text/plain\r\n\r\nline",
        'Content-Disposition: form-data; name="own"; filename="o"\r\n'
        "Content-Type: application/json\r\n\r\n{}", "--",
    ]


@pytest.mark.parametrize(("style", "body"), [
    ("form-urlencoded", 5), ("form-urlencoded", ["a"]), ("form-multipart", "text"),
    ("form-multipart", {"a": {"mime_type": "x"}}),
])
def test_bodies_that_make_no_form_are_refused(style: str, body, prepare) -> None:
    """The task stops before the device is asked anything."""
    with pytest.raises(ArgumentError, match="uri: "):
        prepare("uri", {**URL, "body": body, "body_format": style})


def test_a_file_is_the_body(tmp_path: Path, prepare) -> None:
    """src is the controller's, or with remote_src left to the device."""
    (tmp_path / "b.bin").write_bytes(b"\xff\x00")
    found = prepare("uri", {**URL, "src": "b.bin", "method": "PUT"}).args
    assert found["_content_b"] == "\\0377\\0000"
    remote = {**URL, "src": "/b.bin", "remote_src": True}
    assert prepare("uri", remote).args == remote


def test_nothing_is_added_without_a_body(prepare) -> None:
    """A GET stays one."""
    assert prepare("uri", {**URL, "body_format": "raw"}).args == URL
