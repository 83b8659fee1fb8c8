"""file: times in a format of the operator's, as the device's touch takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fleetrun.model.values import Value
from fleetrun.planning.arguments import ArgumentError
from fleetrun.planning.toolbox import ActionContext, Prepared

_TOUCH = "%Y%m%d%H%M.%S"
_NAMES = ("modification_time", "access_time")


def prepare_file(args: Mapping[str, Value], context: ActionContext) -> Prepared:
    """Returns the arguments with times as YYYYMMDDhhmm.ss; raises ArgumentError."""
    del context
    kept = {key: value for key, value in args.items() if not key.endswith("_time_format")}
    for name in _NAMES:
        wanted = kept.get(name)
        if wanted not in {None, "now", "preserve"}:
            kept[name] = _for_touch(name, str(wanted), str(args.get(f"{name}_format") or _TOUCH))
    return Prepared(args=kept)


def _for_touch(name: str, text: str, style: str) -> str:
    try:
        # It is the device's local time, whatever the controller's zone is.
        return datetime.strptime(text, style).strftime(_TOUCH)  # noqa: DTZ007
    except ValueError as error:
        raise ArgumentError(f"file: `{name}` is not a time as {style}: {text}") from error
