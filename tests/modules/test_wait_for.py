"""wait_for against real sockets: dialled, read from, and seen in /proc/net/tcp."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

TOOLS = {"bash": ("dash", "bash"), "nc": ("dash", "nc"), "curl": ("dash", "curl")}


@contextmanager
def listening(said: bytes = b"", delay_s: float = 0) -> Iterator[int]:
    """A port of loopback that greets with `said`; open after `delay_s`."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    if delay_s:
        server.close()
    stop = threading.Event()

    def serve() -> None:
        nonlocal server
        if delay_s:
            time.sleep(delay_s)
            server = socket.create_server(("127.0.0.1", port))
        server.settimeout(0.1)
        while not stop.is_set():
            try:
                peer, _ = server.accept()
            except TimeoutError:
                continue
            with peer:
                peer.sendall(said)
                time.sleep(0.05)
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield port
    finally:
        stop.set()
        thread.join()


@pytest.fixture(params=["bash", "nc", "curl", "busybox"])
def device(request: pytest.FixtureRequest, make_device, busybox_path: str, tmp_path: Path):
    """A device with one dialling tool only."""
    if request.param == "busybox":
        return make_device("busybox")
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in (path.name for path in Path(busybox_path).iterdir()):
        if name not in {"bash", "nc"}:
            (folder / name).symlink_to(Path(busybox_path) / name)
    tool = shutil.which(request.param)
    assert tool is not None, f"{request.param} is not installed"
    (folder / request.param).symlink_to(tool)
    made = make_device("dash")
    return replace(made, path=str(folder))


def test_finds_a_port_open_and_another_closed(device) -> None:
    """Open is started and not stopped; closed is stopped and not started."""
    with listening() as port:
        assert device.module("wait_for", port=port, timeout=5).exit_status == 0
        reply = device.module("wait_for", port=port, state="stopped", timeout=0)
        assert f"Timeout when waiting for 127.0.0.1:{port} to stop." == reply.values["msg"]
    assert device.module("wait_for", port=port, state="stopped", timeout=5).exit_status == 0
    reply = device.module("wait_for", port=port, timeout=0)
    assert f"Timeout when waiting for 127.0.0.1:{port}" == reply.values["msg"]


def test_finds_what_a_port_says(device) -> None:
    """search_regex looks at what comes after the connection."""
    with listening(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        reply = device.module(
            "wait_for", port=port, search_regex="OpenSSH_([0-9]+)", timeout=5, connect_timeout=1
        )
        assert ["9"] == reply.values["match_groups"], reply
        reply = device.module(
            "wait_for", port=port, search_regex="dropbear", timeout=0, connect_timeout=1
        )
        assert "Timeout when waiting for search string dropbear" in reply.values["msg"]


def test_waits_until_a_port_opens(make_device) -> None:
    """It looks again until the port is there."""
    with listening(delay_s=1.5) as port:
        reply = make_device("dash").module("wait_for", port=port, timeout=20)
    assert (0, "started") == (reply.exit_status, reply.values["state"])
    assert reply.values["elapsed"] >= 1


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_sees_open_connections_of_this_device(shell: str, make_device) -> None:
    """drained waits for connections to the port, unless they are of an excluded host."""
    device = make_device(shell)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            reply = device.module("wait_for", port=port, state="drained", timeout=0)
            assert f"Timeout when waiting for 127.0.0.1:{port} to drain" == reply.values["msg"]
            reply = device.module(
                "wait_for", port=port, state="drained", timeout=0, exclude_hosts="127.0.0.1"
            )
            assert reply.exit_status == 0, reply
