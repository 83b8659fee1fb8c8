"""Devices that lack tools: another way is found, or it is said before anything is changed."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

SHELLS = ("dash", "busybox", "bash")


@pytest.fixture(params=SHELLS)
def make_small(request: pytest.FixtureRequest, make_device, busybox_path: str, tmp_path: Path):
    """Returns a function that makes a device with busybox's tools but for some."""

    def make(*without: str):
        device = make_device(request.param)
        tools = tmp_path / "tools"
        tools.mkdir()
        for tool in Path(busybox_path).iterdir():
            if tool.name not in without:
                (tools / tool.name).symlink_to(tool.readlink())
        return replace(device, path=str(tools))

    return make


def test_files_are_managed_without_stat(make_small) -> None:
    """ls tells what stat would: mode, owner and size; times are left out."""
    device = make_small("stat")
    made = device.module("copy", content="hello\n", dest="f", mode="0640")
    assert (made.exit_status, made.values["changed"], made.values["mode"]) == (0, True, "0640")
    again = device.module("copy", content="hello\n", dest="f", mode="0640")
    assert (again.exit_status, again.values["changed"], again.values["size"]) == (0, False, 6)
    looked = device.module("stat", path="f", get_checksum=False).values["stat"]
    assert (looked["mode"], looked["size"], looked["isreg"], looked["uid"]) == ("0640", 6, True, 0)
    assert (looked["isuid"], looked["rgrp"], looked["roth"]) == (False, True, False)
    line = device.module("lineinfile", path="f", line="more", mode="0600")
    assert (line.exit_status, line.values["changed"]) == (0, True)
    folder = device.module("file", path="d", state="directory", mode="1777")
    assert (folder.exit_status, folder.values["mode"]) == (0, "1777")
    assert device.module("file", path="d", mode="1777").values["changed"] is False


@pytest.mark.parametrize(
    ("without", "module", "args"),
    [
        (("awk",), "lineinfile", {"path": "f", "line": "x", "create": True}),
        (("awk",), "setup", {}),
        (("sha256sum", "openssl", "busybox"), "copy", {"content": "x", "dest": "f"}),
        (("md5sum", "openssl"), "stat", {"path": "tools", "checksum_algorithm": "md5"}),
    ],
)
def test_a_missing_tool_is_named(without, module: str, args, make_small) -> None:
    """Without the tool nothing is changed, and the message says which it is."""
    device = make_small(*without)
    (device.root / "tools").write_text("x")
    reply = device.module(module, **args)
    assert reply.error_kind == "module/missing-tool", reply
    assert reply.values["msg"] == f"missing: {without[0]}"
    assert not (device.root / "f").exists()


def test_slurp_needs_no_base64(make_small) -> None:
    """od and awk do what base64 would."""
    device = make_small("base64", "openssl")
    for content in (b"", b"a", b"ab", b"abc", bytes(range(256))):
        (device.root / "f").write_bytes(content)
        reply = device.module("slurp", src="f")
        assert base64.b64encode(content).decode() == reply.values["content"]


def test_facts_need_neither_ip_nor_od_nor_df(make_small) -> None:
    """What a tool would tell is left out; the rest is there."""
    device = make_small("ip", "ifconfig", "od", "df", "stat", "timeout", "tr")
    reply = device.module("setup")
    facts = reply.values["ansible_facts"]
    assert reply.exit_status == 0
    assert facts["ansible_memtotal_mb"] > 0
    assert facts["ansible_user_uid"] == 0
    assert facts["ansible_date_time"]["epoch"].isdigit()
