"""The external check of a gate: real commands, a real HTTP server."""

from __future__ import annotations

import asyncio
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetrun.actions.gate_probe import GateProbe
from fleetrun.model.rollout import CheckVerdict, ExternalCheck


def probe(folder: Path, *cmd: str, url: str = "", timeout_s: float = 5) -> tuple[str, str]:
    check = ExternalCheck(cmd=cmd, url=url, timeout_s=timeout_s)
    told = {"FLEETRUN_STAGE": "canary"}
    verdict, text = asyncio.run(GateProbe(str(folder))(check, told))
    return verdict.value, text


@pytest.mark.parametrize(("script", "expected"), [
    ("echo one; echo 'errors: 1 %'", ("ok", "errors: 1 %")),
    ("echo bad >&2; exit 3", ("failed", "bad")),
    ("exit 1", ("failed", "status 1")),
    ("echo no data; exit 75", ("inconclusive", "no data")),
    ("kill -9 $$", ("inconclusive", "status -9")),
    ("echo $FLEETRUN_STAGE in $(pwd)", ("ok", "canary in FOLDER")),
])
def test_a_command_says_it_by_its_status(
    tmp_path: Path, script: str, expected: tuple[str, str]
) -> None:
    """0 passes, 75 and a signal tell nothing, anything else fails; the last line is kept."""
    verdict, text = expected
    assert probe(tmp_path, "sh", "-c", script) == (verdict, text.replace("FOLDER", str(tmp_path)))


def test_a_command_that_is_not_there_is_inconclusive(tmp_path: Path) -> None:
    """The fleet must not be blamed for a missing file."""
    verdict, text = probe(tmp_path, "./kpi.sh")
    assert verdict == CheckVerdict.INCONCLUSIVE
    assert "cannot start ./kpi.sh" in text


def test_a_command_without_end_is_ended_with_its_children(tmp_path: Path) -> None:
    """Whatever it left running is gone, too."""
    began = time.monotonic()
    script = "sleep 60 & echo $! > child; wait"
    assert probe(tmp_path, "sh", "-c", script, timeout_s=0.5) == (
        "inconclusive", "no answer within 0.5 s"
    )
    assert time.monotonic() - began < 10
    child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    for _ in range(50):
        # An orphan may stay a zombie until its new parent looks.
        if not child.exists() or child.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the child still runs")


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stays silent."""


@pytest.fixture
def server() -> Iterator[str]:
    """An HTTP server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def test_a_url_says_it_by_its_status(server: str, tmp_path: Path) -> None:
    """200 passes; another answer fails; no answer tells nothing."""
    assert probe(tmp_path, url=f"{server}/200") == ("ok", "HTTP 200")
    assert probe(tmp_path, url=f"{server}/503") == ("failed", "HTTP 503")
    verdict, _ = probe(tmp_path, url="http://127.0.0.1:9/")
    assert verdict == "inconclusive"
