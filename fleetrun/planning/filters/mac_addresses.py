"""Filters on MAC addresses. See `addresses`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from fleetrun.planning.filters.addresses import parsed

_MAC = re.compile(r"(?:[0-9a-f]{1,2}[:.-]){5}[0-9a-f]{1,2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"
                  r"|[0-9a-f]{12}|[0-9a-f]{6}[:-][0-9a-f]{6}", re.IGNORECASE)


def hwaddr(value: Any, query: str = "", alias: str = "hwaddr") -> Any:
    """Returns a MAC address as `query` wants it written, False when it is none."""
    del alias
    text = str(value)
    if not _MAC.fullmatch(text):
        return None if query == "bool" else False
    digits = re.sub(r"[^0-9a-f]", "", _padded(text).lower())
    if query not in _MAC_FORMS:
        raise ValueError(f"hwaddr knows {', '.join(filter(None, _MAC_FORMS))}, not {query!r}")
    return value if query == "" else _MAC_FORMS[query](digits)


def _padded(text: str) -> str:
    parts = re.split(r"[:-]", text)
    return "".join(part.zfill(2) for part in parts) if len(parts) == 6 else text


def _grouped(digits: str, size: int, sign: str) -> str:
    return sign.join(digits[at:at + size] for at in range(0, len(digits), size))


_MAC_FORMS: Mapping[str, Callable[[str], Any]] = {
    "": lambda digits: digits,
    "bare": lambda digits: digits.upper(),
    "bool": bool,
    "int": lambda digits: int(digits, 16),
    "cisco": lambda digits: _grouped(digits, 4, "."),
    **dict.fromkeys(("eui48", "win"), lambda digits: _grouped(digits.upper(), 2, "-")),
    **dict.fromkeys(("linux", "unix"), lambda digits: _grouped(digits, 2, ":")),
    **dict.fromkeys(("pgsql", "postgresql", "psql"), lambda digits: _grouped(digits, 6, ":")),
}


def slaac(value: Any, mac: str = "") -> Any:
    """Returns the IPv6 address that a MAC address gives in a network."""
    interface, _ = parsed(value)
    digits = hwaddr(mac, "bare")
    if interface is None or interface.version != 6 or not digits:
        return False
    number = int(digits[:6] + "FFFE" + digits[6:], 16) ^ (1 << 57)
    return str(ipaddress.IPv6Address(int(interface.network.network_address) + number))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "hwaddr": hwaddr,
    "macaddr": hwaddr,
    "slaac": slaac,
}
