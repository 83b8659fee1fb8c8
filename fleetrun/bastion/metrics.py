"""Figures for Prometheus, on a loopback port."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

_REQUEST_LIMIT_BYTES = 8192
_REQUEST_TIMEOUT_S = 5.0
#: name -> (type, help)
_FIGURES: Mapping[str, tuple[str, str]] = {
    "tunnels": ("gauge", "Devices that are connected."),
    "operators": ("gauge", "Operator connections."),
    "channels": ("gauge", "Open connections to devices."),
    "pending": ("gauge", "Connections that are not logged in yet."),
    "audit_events": ("gauge", "Lines written to the audit log since the start."),
    "accepted_total": ("counter", "Connections that were let in to log in."),
    "refused_total": ("counter", "Connections closed before the banner, by reason."),
    "logins_total": ("counter", "Logins, by role."),
    "login_failures_total": ("counter", "Keys that were not let in, by reason."),
    "replaced_total": ("counter", "Tunnels that a newer one of the same device replaced."),
    "evicted_total": ("counter", "Connections the bastion ended, by reason."),
    "dials_total": ("counter", "Dials to devices, by result."),
}


class Figures:
    """Counters by name and label; gauges are read when they are asked for."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._gauges: dict[str, Callable[[], float]] = {}

    def count(self, name: str, label: str = "") -> None:
        """Adds one. `label` is a word of ours, never a client's."""
        self._counts[name, label] += 1

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Says where a gauge is read."""
        self._gauges[name] = read

    def value(self, name: str, label: str = "") -> int:
        """Returns a counter."""
        return self._counts[name, label]

    def text(self) -> str:
        """Returns all figures in Prometheus' text format."""
        lines: list[str] = []
        for name, (kind, words) in _FIGURES.items():
            full = f"fleetrun_bastion_{name}"
            lines += [f"# HELP {full} {words}", f"# TYPE {full} {kind}"]
            if kind == "gauge":
                lines.append(f"{full} {self._gauges[name]() if name in self._gauges else 0:g}")
                continue
            counts = {label: n for (key, label), n in self._counts.items() if key == name}
            lines += [
                f'{full}{{kind="{label}"}} {number}' if label else f"{full} {number}"
                for label, number in sorted(counts.items())
            ] or [f"{full} 0"]
        return "\n".join(lines) + "\n"


async def serve_figures(figures: Figures, host: str, port: int) -> asyncio.Server:
    """Answers GET /metrics on `host`:`port`; raises OSError when it cannot listen."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                request = await reader.readuntil(b"\r\n\r\n")
                is_known = request.split(b" ", 2)[:2] == [b"GET", b"/metrics"]
                body = figures.text().encode() if is_known else b"see /metrics\n"
                status = b"200 OK" if is_known else b"404 Not Found"
                writer.write(
                    b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain; version=0.0.4\r\n"
                    b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
                )
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asks this way gets no figures
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=_REQUEST_LIMIT_BYTES)
