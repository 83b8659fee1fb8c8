"""inventory_hostnames, config and dig: names, settings and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from fleetrun.actions.lookups.places import as_bool
from fleetrun.errors import FleetrunError
from fleetrun.model.inventory import Device, Group, Inventory
from fleetrun.model.run import Invocation
from fleetrun.planning.lookup_call import LookupCall
from fleetrun.planning.select import select
from fleetrun.planning.variables import Groups


def inventory_hostnames(call: LookupCall) -> list[str]:
    """Returns the devices that patterns select; [] where a pattern selects none."""
    groups = call.scope.find("groups")
    found: list[str] = []
    for term in call.terms:
        try:
            found += _matching(groups, str(term))
        except FleetrunError:
            continue
    return found


def _matching(groups: Any, pattern: str) -> tuple[str, ...]:
    if isinstance(groups, Groups):
        return groups.matching(pattern)
    if not isinstance(groups, Mapping):
        return ()
    everyone = dict.fromkeys(name for names in groups.values() for name in names)
    inventory = Inventory(
        devices={name: Device(name=name) for name in everyone},
        groups={
            name: Group(name=name, devices=tuple(members)) for name, members in groups.items()
        },
    )
    return select(inventory, pattern)


class ConfigLookup:
    """``lookup('config', NAME)``: Ansible's names for what this run was told."""

    def __init__(self, invocation: Invocation) -> None:
        self._known: Mapping[str, Any] = {
            "DEFAULT_FORKS": invocation.forks,
            "DEFAULT_REMOTE_USER": invocation.remote_user or None,
            "DEFAULT_BECOME": invocation.become,
            "DEFAULT_BECOME_USER": invocation.become_user or "root",
            "DEFAULT_BECOME_METHOD": invocation.become_method or "sudo",
            "DEFAULT_HOST_LIST": list(invocation.inventories),
            "DEFAULT_PRIVATE_KEY_FILE": next(iter(invocation.private_keys), None),
            "DEFAULT_FORCE_HANDLERS": invocation.force_handlers,
            "DEFAULT_TRANSPORT": invocation.connection,
            "HOST_KEY_CHECKING": True,
            "TAGS_RUN": list(invocation.tags) or ["all"],
            "TAGS_SKIP": list(invocation.skip_tags),
        }

    def __call__(self, call: LookupCall) -> list[Any]:
        """Returns the settings; raises ValueError for unknown ones unless told to skip."""
        mode = str(call.option("on_missing", "error")).lower()
        found = []
        for term in call.terms:
            if term in self._known:
                found.append(self._known[term])
            elif mode == "error":
                raise ValueError(
                    f"no setting {term!r} here; there are {', '.join(self._known)}"
                )
        return found


def dig(call: LookupCall) -> list[Any]:
    """Returns what name servers say about names; "NXDOMAIN" for one that is not known.

    Terms are names, ``@server`` and ``name=value`` options, as Ansible's lookup has them.
    """
    try:
        resolver_module = import_module("dns.resolver")
    except ImportError as error:
        raise ValueError(
            "it needs dnspython beside fleetrun: pip install 'fleetrun[dns]'"
        ) from error
    names, servers, options = _dig_terms(call)
    resolver = resolver_module.Resolver()
    if servers:
        resolver.nameservers = servers
    resolver.lifetime = float(options.get("timeout", 10))
    found: list[Any] = []
    for name in names:
        found += _answers(resolver_module, resolver, name, options)
    return found


def _dig_terms(call: LookupCall) -> tuple[list[str], list[str], dict[str, Any]]:
    names: list[str] = []
    servers: list[str] = []
    options = dict(call.options)
    for term in map(str, call.terms):
        key, sign, value = term.partition("=")
        if term.startswith("@"):
            servers += term[1:].split(",")
        elif sign:
            options[key] = value
        elif "/" in term:
            name, _, options["qtype"] = term.partition("/")
            names.append(name)
        else:
            names.append(term)
    return names, servers, options


def _answers(module: Any, resolver: Any, name: str, options: Mapping[str, Any]) -> list[Any]:
    kind = str(options.get("qtype") or options.get("record_type") or "A").upper()
    if kind == "PTR" and not name.rstrip(".").endswith("arpa"):
        name = str(import_module("dns.reversename").from_address(name))
    try:
        records = resolver.resolve(name, kind)
    except module.NXDOMAIN:
        return [] if as_bool(options.get("real_empty", False)) else ["NXDOMAIN"]
    except module.NoAnswer:
        return [] if as_bool(options.get("real_empty", False)) else [""]
    except import_module("dns.exception").DNSException as error:
        if as_bool(options.get("fail_on_error", False)):
            raise ValueError(f"cannot resolve {name}: {error}") from error
        return []
    texts = [
        record.to_text().strip('"') if kind == "TXT" else record.to_text() for record in records
    ]
    return texts if not as_bool(options.get("flat", True)) else [",".join(texts)]
