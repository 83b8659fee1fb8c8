"""Filters on IP and MAC addresses: those of ansible.utils in common use.

A value is an address ("192.0.2.1"), an address with its prefix ("192.0.2.1/24") or
a network ("192.0.2.0/24"). What is none of these gives False, as there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

_Interface: TypeAlias = "ipaddress.IPv4Interface | ipaddress.IPv6Interface"
_Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

_MAC = re.compile(r"(?:[0-9a-f]{1,2}[:.-]){5}[0-9a-f]{1,2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"
                  r"|[0-9a-f]{12}|[0-9a-f]{6}[:-][0-9a-f]{6}", re.IGNORECASE)


def ipaddr(value: Any, query: Any = "", version: Any = False, alias: str = "ipaddr") -> Any:
    """Returns what `query` asks of an address, False when it is none of that kind.

    A list gives the list of its members that are.
    """
    del alias
    if isinstance(value, (list, tuple)):
        found = (ipaddr(item, query, version) for item in value)
        return [item for item in found if item not in (False, None, "")]
    interface, is_plain = _parsed(value)
    if interface is None or (version and interface.version != int(version)):
        return False
    return _answer(interface, is_plain, query, value)


def ipv4(value: Any, query: Any = "") -> Any:
    """Returns what `query` asks of an IPv4 address, False for any other."""
    return ipaddr(value, query, 4)


def ipv6(value: Any, query: Any = "") -> Any:
    """Returns what `query` asks of an IPv6 address, False for any other."""
    return ipaddr(value, query, 6)


def _parsed(value: Any) -> tuple[_Interface | None, bool]:
    """The address with its network, and whether no prefix was written."""
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


def _answer(interface: _Interface, is_plain: bool, query: Any, value: Any) -> Any:
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


def _nth(interface: _Interface, is_plain: bool, number: int) -> Any:
    network = interface.network
    if is_plain or not -network.num_addresses <= number < network.num_addresses:
        return False
    return f"{network[number]}/{network.prefixlen}"


def _is_network(interface: _Interface) -> bool:
    return interface.ip == interface.network.network_address


def _has_hosts(interface: _Interface) -> bool:
    return interface.network.num_addresses > 1


def _host(interface: _Interface, is_plain: bool, value: Any) -> Any:
    del value
    if is_plain or not _has_hosts(interface):
        return str(interface)
    small = interface.network.num_addresses == 2
    return False if _is_network(interface) and not small else str(interface)


def _address(interface: _Interface, is_plain: bool, value: Any) -> Any:
    del value
    if is_plain or not _has_hosts(interface) or not _is_network(interface):
        return str(interface.ip)
    is_one = interface.version == 6 or interface.network.num_addresses == 2
    return str(interface.ip) if is_one else None


def _net(interface: _Interface, is_plain: bool, value: Any) -> Any:
    del value
    if is_plain or not _has_hosts(interface) or not _is_network(interface):
        return False
    return str(interface.network)


def _when(test: Callable[[_Interface], bool]) -> Callable[[_Interface, bool, Any], Any]:
    def answer(interface: _Interface, is_plain: bool, value: Any) -> Any:
        return _answer(interface, is_plain, "", value) if test(interface) else None

    return answer


def _of(take: Callable[[_Interface], Any]) -> Callable[[_Interface, bool, Any], Any]:
    return lambda interface, _is_plain, _value: take(interface)


def _usable(interface: _Interface) -> tuple[int, int]:
    """First and last number in the network that a host may have."""
    size = interface.network.num_addresses
    return (0, size - 1) if size <= 2 else (1, size - 2 if interface.version == 4 else size - 1)


def _range_usable(interface: _Interface) -> str:
    first, last = _usable(interface)
    return f"{interface.network[first]}-{interface.network[last]}"


def _broadcast(interface: _Interface) -> Any:
    return str(interface.network.broadcast_address) if interface.network.num_addresses > 2 else ""


_QUERIES: Mapping[str, Callable[[_Interface, bool, Any], Any]] = {
    "address": _address, "ip": _address,
    "host": _host, "hostnet": _host, "router": _host, "host/prefix": _host,
    "net": _net, "network_id": _of(lambda i: str(i.network.network_address)),
    "network": _of(lambda i: str(i.network.network_address)),
    "network/prefix": _of(lambda i: str(i.network)), "subnet": _of(lambda i: str(i.network)),
    "network_netmask": _of(lambda i: f"{i.network.network_address} {i.network.netmask}"),
    "netmask": _of(lambda i: str(i.network.netmask)),
    "hostmask": _of(lambda i: str(i.network.hostmask)),
    "wildcard": _of(lambda i: str(i.network.hostmask)),
    "network_wildcard": _of(lambda i: f"{i.network.network_address} {i.network.hostmask}"),
    "prefix": _of(lambda i: i.network.prefixlen),
    "size": _of(lambda i: i.network.num_addresses),
    "size_usable": _of(lambda i: _usable(i)[1] - _usable(i)[0] + 1),
    "range_usable": _of(_range_usable),
    "first_usable": _of(lambda i: str(i.network[_usable(i)[0]])),
    "last_usable": _of(lambda i: str(i.network[_usable(i)[1]])),
    "broadcast": _of(_broadcast),
    "address/prefix": _host, "gateway": _host, "gw": _host,
    "ip/prefix": _host,
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
    interface, _ = _parsed(value)
    if interface is None or interface.version == 4:
        return value
    found = ipaddr(value, query)
    address, sign, prefix = str(found).partition("/")
    return f"[{address}]{sign}{prefix}" if found else value


def ipsubnet(value: Any, query: Any = "", index: Any = None) -> Any:
    """Returns a network's subnets: how many, the `index`-th, or the one around it."""
    interface, is_plain = _parsed(value)
    if interface is None:
        return False
    if query in ("", None):
        return str(interface.network)
    if not str(query).isdecimal():
        wanted = ipaddress.ip_network(str(query), strict=False)
        return _number_in(interface, wanted)
    prefix = int(query)
    if is_plain or prefix < interface.network.prefixlen:
        return _around(interface, prefix, index)
    return _inside(interface, prefix, index)


def _inside(interface: _Interface, prefix: int, index: Any) -> Any:
    count = 2 ** (prefix - interface.network.prefixlen)
    if index is None:
        return str(count)
    number = int(index)
    if not -count <= number < count:
        return False
    return str(_subnet(interface.network, prefix, number % count))


def _subnet(network: _Network, prefix: int, number: int) -> _Network:
    step = 2 ** (network.max_prefixlen - prefix)
    address = int(network.network_address) + number * step
    return ipaddress.ip_network((address, prefix))


def _around(interface: _Interface, prefix: int, index: Any) -> Any:
    """The network of `prefix` that an address lies in, or the one `index` steps into that."""
    if index is None:
        return str(ipaddress.ip_interface(f"{interface.ip}/{prefix}").network)
    wider = [
        ipaddress.ip_interface(f"{interface.ip}/{length}").network
        for length in range(prefix, interface.network.prefixlen)
    ]
    number = int(index)
    return str(wider[number]) if -len(wider) <= number < len(wider) else False


def _number_in(interface: _Interface, wanted: _Network) -> Any:
    """Which subnet of `wanted` it is, counted from 1."""
    network = interface.network
    if network.version != wanted.version or network.prefixlen < wanted.prefixlen:
        raise ValueError(f"{network} is not in the subnet {wanted}")
    offset = int(network.network_address) - int(wanted.network_address)
    if offset < 0 or offset >= wanted.num_addresses:
        raise ValueError(f"{network} is not in the subnet {wanted}")
    return str(offset // network.num_addresses + 1)


def nthhost(value: Any, query: Any = "") -> Any:
    """Returns the address with a number in a network, False outside of it."""
    interface, _ = _parsed(value)
    try:
        number = int(query)
    except (TypeError, ValueError):
        return False
    if interface is None or abs(number) >= interface.network.num_addresses:
        return False
    return str(interface.network[number])


def _neighbour(value: Any, offset: Any, sign: int) -> Any:
    interface, _ = _parsed(value)
    if interface is None:
        return False
    number = int(interface.ip) + sign * int(offset or 1)
    first, last = (int(interface.network[at]) for at in _usable(interface))
    return str(type(interface.ip)(number)) if first <= number <= last else None


def next_nth_usable(value: Any, offset: Any = 1) -> Any:
    """Returns the usable address `offset` after, None outside of the network."""
    return _neighbour(value, offset, 1)


def previous_nth_usable(value: Any, offset: Any = 1) -> Any:
    """Returns the usable address `offset` before, None outside of the network."""
    return _neighbour(value, offset, -1)


def network_in_network(value: Any, test: Any) -> bool:
    """True when the network or address `test` lies within `value`."""
    outer, inner = _parsed(value)[0], _parsed(test)[0]
    if outer is None or inner is None or outer.version != inner.version:
        return False
    edges = (inner.network.network_address, inner.network.broadcast_address)
    return all(edge in outer.network for edge in edges)


def network_in_usable(value: Any, test: Any) -> bool:
    """True when the network or address `test` lies among the usable ones of `value`."""
    outer, inner = _parsed(value)[0], _parsed(test)[0]
    if outer is None or inner is None or outer.version != inner.version:
        return False
    first, last = (int(outer.network[at]) for at in _usable(outer))
    return first <= int(inner.network[0]) and int(inner.network[-1]) <= last


def reduce_on_network(value: Any, network: Any) -> list[Any]:
    """Returns the members of a list that lie within a network."""
    return [item for item in value if network_in_network(network, item)]


def ipmath(value: Any, amount: Any) -> str:
    """Returns the address `amount` further on."""
    interface, _ = _parsed(value)
    if interface is None:
        raise ValueError(f"you must pass a valid IP address; {value} is invalid")
    if not isinstance(amount, int):
        raise TypeError(f"you must pass an integer for arithmetic; {amount} is not one")
    return str(interface.ip + amount)


def ip4_hex(value: Any, delimiter: str = "") -> str:
    """Returns an IPv4 address in hexadecimal digits."""
    parts = ipaddress.IPv4Address(str(value)).packed
    return delimiter.join(f"{part:02x}" for part in parts)


def cidr_merge(value: Any, action: str = "merge") -> Any:
    """Returns the fewest networks that cover a list, or the one that spans it."""
    networks: list[Any] = [ipaddress.ip_network(str(item), strict=False) for item in value]
    if action == "merge":
        merged: list[Any] = []
        for version in (4, 6):
            merged += ipaddress.collapse_addresses(
                [network for network in networks if network.version == version]
            )
        return [str(network) for network in merged]
    if action != "span":
        raise ValueError(f"cidr_merge: action is merge or span, not {action!r}")
    if not networks:
        return None
    span = networks[0]
    while not all(span.network_address <= n.network_address
                  and n.broadcast_address <= span.broadcast_address for n in networks):
        span = span.supernet()
    return str(span)


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
    interface, _ = _parsed(value)
    digits = hwaddr(mac, "bare")
    if interface is None or interface.version != 6 or not digits:
        return False
    number = int(digits[:6] + "FFFE" + digits[6:], 16) ^ (1 << 57)
    return str(ipaddress.IPv6Address(int(interface.network.network_address) + number))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "cidr_merge": cidr_merge,
    "hwaddr": hwaddr,
    "ip4_hex": ip4_hex,
    "ipaddr": ipaddr,
    "ipmath": ipmath,
    "ipsubnet": ipsubnet,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "ipwrap": ipwrap,
    "macaddr": hwaddr,
    "network_in_network": network_in_network,
    "network_in_usable": network_in_usable,
    "next_nth_usable": next_nth_usable,
    "nthhost": nthhost,
    "previous_nth_usable": previous_nth_usable,
    "reduce_on_network": reduce_on_network,
    "slaac": slaac,
}
