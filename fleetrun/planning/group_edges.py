"""Who waits for whom, as group variables say it; and how much of a group is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from fleetrun.errors import InputError, Problem
from fleetrun.model.inventory import Group, Inventory
from fleetrun.model.rollout import GraphEdge
from fleetrun.model.values import Expression, TemplateText, Value


class BadNeed(Enum):
    """A value of ``need`` that cannot be read."""

    BAD = "bad"


BAD_NEED: Final = BadNeed.BAD
#: The scope that is no scope: wait for all of the upstream group.
FLEET: Final = "fleet"
_NEED: Final = re.compile(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*%\s*\Z")
#: Group variable that names the groups a group starts after.
DEPENDS_ON = "depends_on"


def collect_group_edges(inventory: Inventory) -> tuple[GraphEdge, ...]:
    """Returns the edges that the group variable `depends_on` names.

    Its value is a group's name, a list of names, or a mapping as in ``graph``
    (``{after: gateways, scope: site, need: 95%}``). In the order of the
    inventory's groups.

    Raises:
        InputError: ``input/bad-depends-on``, for anything else; templates
            too, since the graph is one for all devices.
    """
    problems: list[Problem] = []
    edges: list[GraphEdge] = []
    for group in inventory.groups.values():
        edge = _depends_on(group)
        if edge is None:
            problems.append(_bad_depends_on(group))
        elif edge.after:
            edges.append(edge)
    if problems:
        raise InputError(problems)
    return tuple(edges)


def _depends_on(group: Group) -> GraphEdge | None:
    """The edge of `depends_on`, without upstream groups when there is none; None if unreadable."""
    layers = group.layers
    found: Value = None
    for variables in (layers.source, layers.beside_inventory, layers.beside_playbook):
        found = variables.get(DEPENDS_ON, found)
    if not isinstance(found, Mapping):
        found = {"after": found}
    after, scope = _names(found.get("after")), found.get("scope", FLEET)
    need = parse_need(found.get("need"))
    is_readable = after is not None and need is not BAD_NEED and _is_name(scope)
    if not is_readable or found.keys() - {"after", "scope", "need"}:
        return None
    return GraphEdge(
        group=group.name, after=after or (), scope="" if scope == FLEET else str(scope),
        need_pct=need if isinstance(need, float) else None, mark=group.mark,
    )


def _names(found: Value) -> tuple[str, ...] | None:
    if found is None:
        return ()
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, list | tuple) or not all(map(_is_name, names)):
        return None
    return tuple(dict.fromkeys(str(name) for name in names))


def parse_need(value: object) -> float | BadNeed | None:
    """What ``need`` asks of an upstream group: a share, 100.0 for all, None for any.

    `BAD_NEED` when it is neither "any", "all" nor a percentage.
    """
    if value is None or value == "any":
        return None
    if value == "all":
        return 100.0
    found = _NEED.match(value) if isinstance(value, str) else None
    share = float(found[1]) if found else -1.0
    return share if 0 <= share <= 100 else BAD_NEED


def _is_name(value: Value) -> bool:
    return isinstance(value, str) and not isinstance(value, TemplateText | Expression) and (
        value.strip() == value != ""
    )


def _bad_depends_on(group: Group) -> Problem:
    return Problem(
        kind="input/bad-depends-on",
        message=(
            f"{DEPENDS_ON} of the group {group.name} is not a group's name, a list of these, "
            "or a mapping with `after`, `scope` and `need`"
        ),
        mark=group.mark,
        hint=f"Write `{DEPENDS_ON}: gateways` or `{DEPENDS_ON}: [gateways, switches]`.",
    )
