"""Filters on networks: subnets, neighbours, what lies in what. See `addresses`."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from fleetrun.planning.filters.addresses import Interface, Network, parsed, usable


def ipsubnet(value: Any, query: Any = "", index: Any = None) -> Any:
    """Returns a network's subnets: how many, the `index`-th, or the one around it."""
    interface, is_plain = parsed(value)
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


def _inside(interface: Interface, prefix: int, index: Any) -> Any:
    count = 2 ** (prefix - interface.network.prefixlen)
    if index is None:
        return str(count)
    number = int(index)
    if not -count <= number < count:
        return False
    return str(_subnet(interface.network, prefix, number % count))


def _subnet(network: Network, prefix: int, number: int) -> Network:
    step = 2 ** (network.max_prefixlen - prefix)
    address = int(network.network_address) + number * step
    return ipaddress.ip_network((address, prefix))


def _around(interface: Interface, prefix: int, index: Any) -> Any:
    """The network of `prefix` that an address lies in, or the one `index` steps into that."""
    if index is None:
        return str(ipaddress.ip_interface(f"{interface.ip}/{prefix}").network)
    wider = [
        ipaddress.ip_interface(f"{interface.ip}/{length}").network
        for length in range(prefix, interface.network.prefixlen)
    ]
    number = int(index)
    return str(wider[number]) if -len(wider) <= number < len(wider) else False


def _number_in(interface: Interface, wanted: Network) -> Any:
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
    interface, _ = parsed(value)
    try:
        number = int(query)
    except (TypeError, ValueError):
        return False
    if interface is None or abs(number) >= interface.network.num_addresses:
        return False
    return str(interface.network[number])


def _neighbour(value: Any, offset: Any, sign: int) -> Any:
    interface, _ = parsed(value)
    if interface is None:
        return False
    number = int(interface.ip) + sign * int(offset or 1)
    first, last = (int(interface.network[at]) for at in usable(interface))
    return str(type(interface.ip)(number)) if first <= number <= last else None


def next_nth_usable(value: Any, offset: Any = 1) -> Any:
    """Returns the usable address `offset` after, None outside of the network."""
    return _neighbour(value, offset, 1)


def previous_nth_usable(value: Any, offset: Any = 1) -> Any:
    """Returns the usable address `offset` before, None outside of the network."""
    return _neighbour(value, offset, -1)


def network_in_network(value: Any, test: Any) -> bool:
    """True when the network or address `test` lies within `value`."""
    outer, inner = parsed(value)[0], parsed(test)[0]
    if outer is None or inner is None or outer.version != inner.version:
        return False
    edges = (inner.network.network_address, inner.network.broadcast_address)
    return all(edge in outer.network for edge in edges)


def network_in_usable(value: Any, test: Any) -> bool:
    """True when the network or address `test` lies among the usable ones of `value`."""
    outer, inner = parsed(value)[0], parsed(test)[0]
    if outer is None or inner is None or outer.version != inner.version:
        return False
    first, last = (int(outer.network[at]) for at in usable(outer))
    return first <= int(inner.network[0]) and int(inner.network[-1]) <= last


def reduce_on_network(value: Any, network: Any) -> list[Any]:
    """Returns the members of a list that lie within a network."""
    return [item for item in value if network_in_network(network, item)]


def ipmath(value: Any, amount: Any) -> str:
    """Returns the address `amount` further on."""
    interface, _ = parsed(value)
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


FILTERS: Mapping[str, Callable[..., Any]] = {
    "cidr_merge": cidr_merge,
    "ip4_hex": ip4_hex,
    "ipmath": ipmath,
    "ipsubnet": ipsubnet,
    "network_in_network": network_in_network,
    "network_in_usable": network_in_usable,
    "next_nth_usable": next_nth_usable,
    "nthhost": nthhost,
    "previous_nth_usable": previous_nth_usable,
    "reduce_on_network": reduce_on_network,
}
