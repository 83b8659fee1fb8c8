"""Filters on IP and MAC addresses: those of ansible.utils in common use.

A value is an address ("192.0.2.1"), an address with its prefix ("192.0.2.1/24") or
a network ("192.0.2.0/24"). What is none of these gives False, as there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Interface: TypeAlias = "ipaddress.IPv4Interface | ipaddress.IPv6Interface"
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"



def ipaddr(value: Any, query: Any = "", version: Any = False, alias: str = "ipaddr") -> Any:
    """Returns what `query` asks of an address, False when it is none of that kind.

    A list gives the list of its members that are.
    """
    del alias
    if isinstance(value, (list, tuple)):
        found = (ipaddr(item, query, version) for item in value)
        return [item for item in found if item not in (False, None, "")]
    interface, is_plain = parsed(value)
    if interface is None or (version and interface.version != int(version)):
        return False
    return _answer(interface, is_plain, query, value)


def ipv4(value: Any, query: Any = "") -> Any:
    """Returns what `query` asks of an IPv4 address, False for any other."""
    return ipaddr(value, query, 4)


def ipv6(value: Any, query: Any = "") -> Any:
    """Returns what `query` asks of an IPv6 address, False for any other."""
    return ipaddr(value, query, 6)


def parsed(value: Any) -> tuple[Interface | None, bool]:
    """Returns the address with its network, and whether no prefix was written."""
    if value is True or value is False or value is None or value == "":
        return None, False
    try:
        if isinstance(value, int):
            return ipaddress.ip_interface(value), True
        text = str(value)
        if text.isdecimal():
            return ipaddress.ip_interface(int(text)), True
        return ipaddress.ip_interface(text), "/" not in text
    except ValueError:
        return None, False


def _answer(interface: Interface, is_plain: bool, query: Any, value: Any) -> Any:
    if query in ("", None):
        return str(interface.ip) if is_plain else str(interface)
    text = str(query)
    if text in _QUERIES:
        return _QUERIES[text](interface, is_plain, value)
    if re.fullmatch(r"-?\d+", text):
        return _nth(interface, is_plain, int(text))
    try:
        wanted = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(
            f"unknown query {text!r}; there are {', '.join(sorted(_QUERIES))}, "
            "a number, and a network"
        ) from error
    if wanted.version != interface.version:
        return False
    is_inside = interface.ip in wanted
    return _answer(interface, is_plain, "", value) if is_inside else False


def _nth(interface: Interface, is_plain: bool, number: int) -> Any:
    network = interface.network
    if is_plain or not -network.num_addresses <= number < network.num_addresses:
        return False
    return f"{network[number]}/{network.prefixlen}"


def _is_network(interface: Interface) -> bool:
    return interface.ip == interface.network.network_address


def _has_hosts(interface: Interface) -> bool:
    return interface.network.num_addresses > 1


def _host(interface: Interface, is_plain: bool, value: Any) -> Any:
    del value
    if is_plain or not _has_hosts(interface):
        return str(interface)
    small = interface.network.num_addresses == 2
    return False if _is_network(interface) and not small else str(interface)


def _address(interface: Interface, is_plain: bool, value: Any) -> Any:
    del value
    if is_plain or not _has_hosts(interface) or not _is_network(interface):
        return str(interface.ip)
    is_one = interface.version == 6 or interface.network.num_addresses == 2
    return str(interface.ip) if is_one else None


def _net(interface: Interface, is_plain: bool, value: Any) -> Any:
    del value
    if is_plain or not _has_hosts(interface) or not _is_network(interface):
        return False
    return str(interface.network)


def _when(test: Callable[[Interface], bool]) -> Callable[[Interface, bool, Any], Any]:
    def answer(interface: Interface, is_plain: bool, value: Any) -> Any:
        return _answer(interface, is_plain, "", value) if test(interface) else None

    return answer


def _of(take: Callable[[Interface], Any]) -> Callable[[Interface, bool, Any], Any]:
    return lambda interface, _is_plain, _value: take(interface)


def usable(interface: Interface) -> tuple[int, int]:
    """Returns the first and last number in the network that a host may have."""
    size = interface.network.num_addresses
    return (0, size - 1) if size <= 2 else (1, size - 2 if interface.version == 4 else size - 1)


def _range_usable(interface: Interface) -> str:
    first, last = usable(interface)
    return f"{interface.network[first]}-{interface.network[last]}"


def _broadcast(interface: Interface) -> Any:
    return str(interface.network.broadcast_address) if interface.network.num_addresses > 2 else ""


_QUERIES: Mapping[str, Callable[[Interface, bool, Any], Any]] = {
    **{f"{name}/prefix": _host for name in ("address", "host", "ip")},
    **{f"{name}/prefix": _of(lambda i: str(i.network)) for name in ("network",)},
    "address": _address, "ip": _address,
    "host": _host, "hostnet": _host, "router": _host,
    "net": _net, "network_id": _of(lambda i: str(i.network.network_address)),
    "network": _of(lambda i: str(i.network.network_address)),
    "subnet": _of(lambda i: str(i.network)),
    "network_netmask": _of(lambda i: f"{i.network.network_address} {i.network.netmask}"),
    "netmask": _of(lambda i: str(i.network.netmask)),
    "hostmask": _of(lambda i: str(i.network.hostmask)),
    "wildcard": _of(lambda i: str(i.network.hostmask)),
    "network_wildcard": _of(lambda i: f"{i.network.network_address} {i.network.hostmask}"),
    "prefix": _of(lambda i: i.network.prefixlen),
    "size": _of(lambda i: i.network.num_addresses),
    "size_usable": _of(lambda i: usable(i)[1] - usable(i)[0] + 1),
    "range_usable": _of(_range_usable),
    "first_usable": _of(lambda i: str(i.network[usable(i)[0]])),
    "last_usable": _of(lambda i: str(i.network[usable(i)[1]])),
    "broadcast": _of(_broadcast),
    "gateway": _host, "gw": _host,
    "ip_netmask": _of(lambda i: f"{i.ip} {i.network.netmask}"),
    "ip_wildcard": _of(lambda i: f"{i.ip} {i.network.hostmask}"),
    "int": _of(lambda i: int(i.ip)),
    "revdns": _of(lambda i: f"{i.ip.reverse_pointer}."),
    "version": _of(lambda i: i.version), "type": lambda i, p, _v: (
        "address" if p or not _is_network(i) or not _has_hosts(i) else "network"
    ),
    "bool": _of(lambda _i: True),
    "private": _when(lambda i: i.is_private), "public": _when(lambda i: i.is_global),
    "loopback": _when(lambda i: i.ip.is_loopback), "lo": _when(lambda i: i.ip.is_loopback),
    "multicast": _when(lambda i: i.ip.is_multicast),
    "unicast": _when(lambda i: not i.ip.is_multicast),
    "link-local": _when(lambda i: i.ip.is_link_local),
    "ipv4": _when(lambda i: i.version == 4), "ipv6": _when(lambda i: i.version == 6),
}


def ipwrap(value: Any, query: Any = "") -> Any:
    """Returns an IPv6 address in brackets, anything else as it is."""
    if isinstance(value, (list, tuple)):
        return [ipwrap(item, query) for item in value]
    interface, _ = parsed(value)
    if interface is None or interface.version == 4:
        return value
    found = ipaddr(value, query)
    address, sign, prefix = str(found).partition("/")
    return f"[{address}]{sign}{prefix}" if found else value


FILTERS: Mapping[str, Callable[..., Any]] = {
    "ipaddr": ipaddr,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "ipwrap": ipwrap,
}
