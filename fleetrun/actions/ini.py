"""ini_file: its conditions as lines, which the device need not parse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetrun.model.values import Value
from fleetrun.planning.arguments import ArgumentError
from fleetrun.planning.toolbox import ActionContext, Prepared

_FIELDS = {"option", "value", "values"}


def prepare_ini_file(args: Mapping[str, Value], context: ActionContext) -> Prepared:
    """Returns the arguments with `section_has_values` as lines; raises ArgumentError."""
    del context
    wanted = args.get("section_has_values")
    if not isinstance(wanted, list | tuple):
        return Prepared(args=args)
    kept = {key: value for key, value in args.items() if key != "section_has_values"}
    words = [word for item in wanted for word in _condition(item)]
    if any("\n" in word for word in words):
        raise ArgumentError("ini_file: `section_has_values` cannot hold a newline")
    return Prepared(args={**kept, "_conditions": "".join(f"\n{word}" for word in words)})


def _condition(item: Value) -> Sequence[str]:
    """An option, the number of its values, and the values."""
    if not isinstance(item, Mapping) or "option" not in item or set(item) - _FIELDS:
        raise ArgumentError(
            "ini_file: `section_has_values` is a list of mappings with option, value and values"
        )
    values = item.get("values") or []
    values = [*values] if isinstance(values, list | tuple) else [values]
    if item.get("value") is not None:
        values.append(item["value"])
    return [str(item["option"]), str(len(values)), *map(str, values)]
