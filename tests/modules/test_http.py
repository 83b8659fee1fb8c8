"""get_url and uri by each program that can fetch, and what others on the device can see of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.http_server import http_server

PASSWORD = "s3 cr\"et'\\$é"  # the test server's
CLIENTS = ("curl", "wget")


@pytest.fixture(scope="module")
def url():
    """A web server on loopback."""
    with http_server() as address:
        yield address


@pytest.fixture(params=CLIENTS)
def device(request: pytest.FixtureRequest, make_device, busybox_path: str, tmp_path: Path):
    """A device whose only program that fetches is the one asked for; it tells its arguments."""
    made = make_device("dash")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in Path(busybox_path).iterdir():
        if tool.name != "wget":
            (tools / tool.name).symlink_to(tool.readlink())
    real = shutil.which(request.param)
    assert real is not None, f"{request.param} is not installed"
    program = tools / request.param
    program.write_text(
        f'#!/bin/sh\n{{ printf "%s\\n" "$@"; env; }} >>"{tmp_path}/seen"\nexec {real} "$@"\n'
    )
    program.chmod(0o755)
    return replace(made, path=str(tools))


def test_requests_of_all_kinds_are_the_same_by_each(device, url: str) -> None:
    """Methods, bodies, headers, redirects, failures and JSON do not depend on the program."""
    asked = device.module("uri", url=f"{url}/json").values
    assert (asked["status"], asked["redirected"]) == (200, False)
    assert asked["json"]["a"][2] == {"b": None}
    moved = device.module("uri", url=f"{url}/redirect").values
    assert (moved["url"], moved["redirected"]) == (f"{url}/json", True)
    stayed = device.module("uri", url=f"{url}/redirect", method="POST", status_code=302).values
    assert (stayed["status"], stayed["changed"]) == (302, False)
    for method in ("POST", "PUT", "DELETE"):
        echo = device.module(
            "uri", url=f"{url}/echo", method=method, content="a\\ é\n\"b\"",
            headers={"X-A": 'q"\\ z'},
        ).values["json"]
        assert (echo["method"], echo["body"]) == (method, "a\\ é\n\"b\"")
        assert echo["headers"]["x-a"] == 'q"\\ z'
        assert echo["headers"]["user-agent"] == "ansible-httpget"
    missing = device.module("uri", url=f"{url}/nono")
    assert missing.exit_status != 0
    assert (missing.values["status"], missing.values["content"]) == (404, "nope\n")
    assert device.module("uri", url=f"{url}/fresh", method="HEAD").values["status"] == 200
    assert device.module("uri", url="http://127.0.0.1:1/").values["status"] == -1


def test_files_are_fetched_by_each(device, url: str) -> None:
    """A new file, one that is as new as the server's, a wanted checksum."""
    new = device.module("get_url", url=f"{url}/file", dest="f")
    assert (new.values["changed"], new.values["status_code"]) == (True, 200), new
    assert (device.root / "f").read_text() == "hello\n"
    same = device.module("get_url", url=f"{url}/file", dest="f")
    assert (same.values["changed"], same.values["status_code"]) == (False, 304), same
    bad = device.module("get_url", url=f"{url}/file", dest="g", checksum="md5:" + "0" * 32)
    assert "did not match" in bad.values["msg"]
    checked = device.module("get_url", url=f"{url}/fresh", dest="g", check=True)
    assert (checked.values["changed"], (device.root / "g").exists()) == (True, False)
    none = device.module("get_url", url=f"{url}/nono", dest="g")
    assert (none.exit_status != 0, none.values["status_code"]) == (True, 404)


@pytest.mark.parametrize("in_url", [False, True])
def test_passwords_and_headers_are_seen_by_nobody(
    in_url: bool, device, url: str, tmp_path: Path
) -> None:
    """Neither arguments nor the environment hold them, and no file stays behind."""
    password = "s3cr-et" if in_url else PASSWORD
    args = {"url": f"{url}/echo", "headers": {"X-Token": "t0ken-of-mine"}}
    if in_url:
        args["url"] = args["url"].replace("://", f"://joe:{password}@")
    else:
        args |= {"url_username": "joe", "url_password": password}
    echo = device.module("uri", **args).values["json"]
    assert echo["headers"]["x-token"] == "t0ken-of-mine"
    assert echo["headers"]["authorization"].startswith("Basic ")
    seen = (tmp_path / "seen").read_text()
    assert "t0ken" not in seen
    assert password not in seen
    left = [path for path in device.tmp.rglob("*") if path.is_file()]
    assert left == []


def test_a_password_is_taken_as_it_is(device, url: str) -> None:
    """Quotes, backslashes and letters reach the server."""
    reply = device.module(
        "uri", url=f"{url}/auth", url_username="joe", url_password=PASSWORD, return_content=True,
    )
    assert reply.values.get("content") == "welcome\n", reply
