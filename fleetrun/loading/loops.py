"""``loop``, ``with_X`` and ``loop_control`` of a task."""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.loading.conditions import read_conditions
from fleetrun.loading.fields import (
    Field,
    keywords,
    read_number,
    read_static_flag,
    read_variable_name,
    type_name,
)
from fleetrun.loading.schema import Level
from fleetrun.model.playbook import Loop, LoopControl
from fleetrun.model.values import TemplateText, Value

_PREFIX = "with_"


def read_loop(keys: Mapping[str, Field]) -> Loop | None:
    """The loop of a task with these keywords; None when it has none."""
    control = LoopControl()
    if "loop_control" in keys:
        control = _read_control(keys["loop_control"])
    given = [name for name in keys if name == "loop" or name.startswith(_PREFIX)]
    if not given:
        return None
    field = keys[given[0]]
    if len(given) > 1:
        second = keys[given[1]]
        second.complain(
            "input/several-loops", f"the task has both `{given[0]}` and `{given[1]}`",
            mark=second.key_mark, hint="keep one of them",
        )
    if given[0] == "loop" and not isinstance(field.value, list | TemplateText):
        field.complain(
            "input/type", f"`loop` needs a list, not {type_name(field.value)}",
            hint="write a list, or a template that gives one; "
            'a mapping needs "{{ NAME | dict2items }}"',
        )
    items: Value = field.value  # type: ignore[assignment]  # YAML gives plain values only
    lookup = given[0].removeprefix(_PREFIX)
    return Loop(
        items=items, flatten=lookup == "items", control=control,
        lookup="" if lookup in {"loop", "items"} else lookup,
    )


def _read_control(field: Field) -> LoopControl:
    keys = keywords(field, Level.LOOP_CONTROL, "`loop_control`")
    label: Value = keys["label"].value if "label" in keys else None  # type: ignore[assignment]  # plain values only
    return LoopControl(
        loop_var=read_variable_name(keys["loop_var"]) or "item" if "loop_var" in keys else "item",
        index_var=read_variable_name(keys["index_var"]) if "index_var" in keys else "",
        label=label,
        pause_s=_read_pause(keys["pause"]) if "pause" in keys else 0.0,
        extended=read_static_flag(keys["extended"]) if "extended" in keys else False,
        extended_allitems="extended_allitems" not in keys
        or read_static_flag(keys["extended_allitems"]),
        break_when=read_conditions(keys["break_when"]) if "break_when" in keys else (),
    )


def _read_pause(field: Field) -> float:
    if isinstance(field.value, TemplateText):
        field.complain(
            "input/template-not-allowed", "`pause` cannot hold a template here",
            hint="write the number of seconds",
        )
        return 0.0
    seconds = read_number(field, least=0)
    return float(seconds) if isinstance(seconds, int | float) else 0.0
