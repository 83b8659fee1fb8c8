"""The schema in the language server that editors use, as it comes from npm."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetrun.loading.json_schema import playbook_schema
from fleetrun.loading.modules import load_library

pytestmark = pytest.mark.slow

VERSION = "1.25.0"
GOOD = """
- hosts: all
  become: yes
  tasks:
    - copy: {src: a, dest: /b, mode: "0644"}
      when: x
    - ansible.builtin.service: {name: x, state: restarted}
"""
BAD = """
- hosts: all
  taskz: []
  tasks:
    - copy: {src: a, dezt: /b}
      whenn: x
    - service: {name: x, state: restart}
"""


class Server:
    """A language server over its standard streams."""

    def __init__(self, program: Path, schema: Path) -> None:
        self._schema = schema
        self._process = subprocess.Popen(
            [program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def wait(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = self._read()
            if "id" in message and "method" in message:
                self.send(id=message["id"], result=self._answer(message))
            elif is_wanted(message):
                return message

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline()) not in {b"\r\n", b""}:
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        found: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return found

    def _answer(self, message: dict[str, Any]) -> object:
        if message["method"] != "workspace/configuration":
            return None
        settings = {"schemas": {self._schema.as_uri(): "*.yml"}, "validate": True}
        return [
            settings if item.get("section") == "yaml" else {} for item in message["params"]["items"]
        ]

    def complaints(self, uri: str, text: str) -> list[str]:
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.send(method="textDocument/didOpen", params={"textDocument": document})
        said = self.wait(
            lambda message: message.get("method") == "textDocument/publishDiagnostics"
            and message["params"]["uri"] == uri
        )
        return [one["message"] for one in said["params"]["diagnostics"]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", f"yaml-language-server@{VERSION}"],
        cwd=tmp_path, check=True, capture_output=True, timeout=300,
    )
    schema = tmp_path / "playbook.json"
    schema.write_text(json.dumps(playbook_schema(load_library()), default=str))
    found = Server(tmp_path / "node_modules/.bin/yaml-language-server", schema)
    found.send(id=1, method="initialize", params={
        "processId": None, "rootUri": tmp_path.as_uri(),
        "capabilities": {"workspace": {"configuration": True}},
    })
    found.wait(lambda message: message.get("id") == 1)
    found.send(method="initialized", params={})
    yield found
    found.close()


def test_it_takes_the_schema_and_finds_mistakes(server: Server, tmp_path: Path) -> None:
    """A good playbook is quiet; unknown keywords, arguments and choices are named."""
    folder = tmp_path.as_uri()
    assert server.complaints(f"{folder}/good.yml", GOOD) == []
    said = " ".join(server.complaints(f"{folder}/bad.yml", BAD))
    assert all(word in said for word in ("taskz", "dezt", "whenn", '"restarted"'))
