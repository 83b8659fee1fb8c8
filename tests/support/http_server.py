"""A web server on loopback that answers as tests of get_url and uri need it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HELLO = b"hello\n"
SHA256 = hashlib.sha256(HELLO).hexdigest()
LAST_MODIFIED = "Wed, 01 Jan 2020 00:00:00 GMT"
CREDENTIALS = base64.b64encode("joe:s3 cr\"et'\\$é".encode()).decode()


class Handler(BaseHTTPRequestHandler):
    """One request; the path says what comes back."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        path = urlsplit(self.path).path
        method = getattr(self, "on_" + path.strip("/").split("/")[0].split(".")[0], None)
        if method is None:
            self.answer(404, b"nope\n")
        else:
            method()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the library's names

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        """Sends an answer; `_` in names of headers is `-`."""
        self.send_response(status)
        for name, value in headers.items():
            for item in value.split("|"):
                self.send_header(name.replace("_", "-"), item)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(content)

    def on_file(self) -> None:
        if self.headers.get("If-Modified-Since"):
            self.answer(304, b"")
        else:
            self.answer(200, HELLO, Last_Modified=LAST_MODIFIED)

    def on_fresh(self) -> None:
        self.answer(200, HELLO)

    def on_sums(self) -> None:
        self.answer(200, f"{'0' * 64}  other\n{SHA256} *./fresh\n".encode())

    def on_sum(self) -> None:
        self.answer(200, f"{SHA256.upper()}\n".encode())

    def on_json(self) -> None:
        self.answer(200, '{"a": [1, "é\\n", {"b": null}],\r\n "c": -1.5e3}'.encode(),
                    Content_Type="application/json; charset=utf-8")

    def on_badjson(self) -> None:
        self.answer(200, b'{"a": 1, "b": 0x10}', Content_Type="application/json")

    def on_redirect(self) -> None:
        self.answer(302, b"gone\n", Location=f"http://{self.headers['Host']}/json")

    def on_echo(self) -> None:
        self.answer(200, json.dumps({
            "method": self.command, "body": self.body.decode("utf-8", "replace"),
            "headers": {key.lower(): value for key, value in self.headers.items()},
        }).encode(), Content_Type="application/json")

    def on_auth(self) -> None:
        if self.headers.get("Authorization") == f"Basic {CREDENTIALS}":
            self.answer(200, b"welcome\n")
        else:
            self.answer(401, b"who?\n", WWW_Authenticate='Basic realm="x"')

    def on_named(self) -> None:
        self.answer(200, HELLO, Content_Disposition='attachment; filename="../../named.txt"')

    def on_headers(self) -> None:
        self.answer(
            200, b"x", X_Multi="a|b", Changed="true", Ansible_Facts="x", Failed="yes",
            Set_Cookie="id=1; Path=/|lang=de", Error_Kind="x", X_Quote='a"b\\c', _x="1",
        )

    def on_slow(self) -> None:
        time.sleep(3)
        self.answer(200, b"late\n")

    def on_tar(self) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
            info = tarfile.TarInfo("hello")
            info.size = len(HELLO)
            tar.addfile(info, io.BytesIO(HELLO))
        self.answer(200, packed.getvalue())

    def on_made(self) -> None:
        self.answer(201, b"made\n")

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


@contextmanager
def http_server() -> Iterator[str]:
    """Yields the URL of a server that runs meanwhile."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
