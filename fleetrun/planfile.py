"""Saved plans: what `plan -o` writes and `apply` holds against the world."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetrun import __version__
from fleetrun.app import Loaded
from fleetrun.engine.controller import PlayPlan
from fleetrun.errors import JournalError, UsageError
from fleetrun.journal.codec import decode_invocation, encode_invocation
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Block, Node
from fleetrun.model.rollout import Gate
from fleetrun.model.run import Invocation

FORMAT = 1


def plan_document(loaded: Loaded, plans: Sequence[PlayPlan]) -> dict[str, Any]:
    """Returns a plan as plain data: the invocation, hashes, stages and waves."""
    return {
        "format": FORMAT,
        "fleetrun": __version__,
        "invocation": json.loads(encode_invocation(loaded.kept_invocation)),
        "cwd": str(Path.cwd()),
        "files": dict(loaded.file_hashes),
        "inventory": inventory_hash(loaded.inventory),
        "plays": [_play(plan) for plan in plans],
    }


def _play(plan: PlayPlan) -> dict[str, Any]:
    return {
        "index": plan.play.index,
        "name": plan.play.name,
        "tasks": sum(
            _count(nodes)
            for nodes in (plan.play.pre_tasks, plan.play.tasks, plan.play.post_tasks)
        ),
        "concurrency": plan.rollout.concurrency,
        "waves": list(plan.rollout.wave_names),
        "stages": [
            {
                "name": stage.name,
                "gate": gate_text(stage.gate),
                "waves": [list(wave) for wave in stage.waves],
            }
            for stage in plan.rollout.stages
        ],
    }


def _count(nodes: tuple[Node, ...]) -> int:
    return sum(
        _count(node.block) + _count(node.always) if isinstance(node, Block) else 1
        for node in nodes
    )


def gate_text(gate: Gate) -> str:
    """Returns a gate in words."""
    parts = []
    if gate.success_pct is not None:
        parts.append(f"{gate.success_pct:g} % of attempted succeed")
    for rule in gate.abort_on:
        limit = f"over {rule.over_pct:g} %" if rule.over_pct is not None else f"{rule.count}"
        parts.append(f"halt at {limit} {rule.failure_class.value}")
    return ", ".join(parts) or "none"


def inventory_hash(inventory: Inventory) -> str:
    """Returns a digest of devices, groups and variables."""
    digest = hashlib.sha256(inventory.digest.encode())
    for line in _lines(inventory):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _lines(inventory: Inventory) -> Iterator[str]:
    # What the sources say of half a million devices is in their digest already.
    names = _with_own_folders(inventory) if inventory.digest else inventory.devices
    for device in map(inventory.devices.__getitem__, names):
        yield f"{device.name} {device.groups} {_layers(device.layers)}\n"
    for group in inventory.groups.values():
        yield f"{group.name} {group.children} {group.devices} {_layers(group.layers)}\n"


def _with_own_folders(inventory: Inventory) -> list[str]:
    """Devices that host_vars/ speak of."""
    beside = getattr(inventory.devices, "with_folders", None)
    if beside is not None:
        return sorted(beside())
    return sorted(
        device.name for device in inventory.devices.values()
        if device.layers.beside_inventory or device.layers.beside_playbook
    )


def _layers(layers: Any) -> str:
    parts = (layers.source, layers.beside_inventory, layers.beside_playbook)
    return json.dumps(parts, sort_keys=True, default=str)


def write_plan(path: str, document: Mapping[str, Any]) -> None:
    """Saves a plan; raises UsageError when the file cannot be written."""
    try:
        Path(path).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot save the plan to {path}: {error.strerror}", kind="usage/plan-file",
            hint="name a file in a folder that exists and is yours: -o FILE",
        ) from error


def read_plan(path: str) -> dict[str, Any]:
    """Returns a saved plan; raises UsageError when it is none."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"plan {path}: {error.strerror}", kind="usage/plan-file") from error
    except ValueError as error:
        raise UsageError(
            f"{path} is no saved plan: {error}", kind="usage/plan-file",
            hint="make one with `fleetrun plan PLAYBOOK -o FILE`",
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError(
            f"{path} is no plan of format {FORMAT}", kind="usage/plan-file",
            hint="make it again with this version of fleetrun",
        )
    _check_whole(path, document)
    return document


def _check_whole(path: str, document: Mapping[str, Any]) -> None:
    """Refuses a plan that lost a part since it was saved, before anything leans on it."""
    try:
        plan_invocation(document)
        _devices(document)
        parts = (document["cwd"], document["inventory"], document["files"])
        is_whole = tuple(map(type, parts)) == (str, str, dict)
    except (KeyError, TypeError, AttributeError, JournalError):
        is_whole = False
    if not is_whole:
        raise UsageError(
            f"{path} is damaged: a part of the plan is missing", kind="usage/plan-file",
            hint="make it again: fleetrun plan PLAYBOOK -o FILE",
        )


def plan_invocation(document: Mapping[str, Any]) -> Invocation:
    """Returns the invocation that a plan was made for."""
    return decode_invocation(json.dumps(document["invocation"]))


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns what changed since a plan was saved, as sentences."""
    found = [
        f"{path} was edited" if path in saved["files"] and path in now["files"]
        else f"{path} is {'new' if path in now['files'] else 'gone'}"
        for path in sorted(saved["files"].keys() | now["files"].keys())
        if saved["files"].get(path) != now["files"].get(path)
    ]
    found += _membership(saved, now)
    if not found and saved["inventory"] != now["inventory"]:
        found.append("variables or groups of the inventory changed")
    if not found and saved["plays"] != now["plays"]:
        found.append("stages or waves are not the same any more")
    return tuple(found)


def _membership(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    before, after = _devices(saved), _devices(now)
    found = []
    for word, names in (("joined", after - before), ("left", before - after)):
        if names:
            some = ", ".join(sorted(names)[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            found.append(f"{some}{more} {word} the selection")
    return found


def _devices(document: Mapping[str, Any]) -> set[str]:
    return {
        device
        for play in document["plays"]
        for stage in play["stages"]
        for wave in stage["waves"]
        for device in wave
    }
