"""The lines of Ansible's PLAY RECAP. Pure."""

from __future__ import annotations

from typing import Final

from fleetrun.model.result import Recap
from fleetrun.reporters.ansible_paint import Paint

_COUNTS: Final = (
    ("ok", "ok"), ("changed", "changed"), ("unreachable", "unreachable"), ("failed", "error"),
    ("skipped", "skip"), ("rescued", "ok"), ("ignored", "warning"),
)


def recap_line(device: str, recap: Recap, paint: Paint) -> str:
    """Returns one line: the device, padded, and its counts."""
    counts = " ".join(_count(name, getattr(recap, name), colour, paint)
                      for name, colour in _COUNTS)
    return f"{_host(device, recap, paint)} : {counts}"


def _host(device: str, recap: Recap, paint: Paint) -> str:
    if not paint.is_used:
        return f"{device:<26}"
    colour = "error" if recap.failed or recap.unreachable else (
        "changed" if recap.changed else "ok"
    )
    return f"{paint.text(device, colour):<37}"


def _count(name: str, number: int, colour: str, paint: Paint) -> str:
    text = f"{name}={number:<4}"
    return paint.text(text, colour) if number else text
