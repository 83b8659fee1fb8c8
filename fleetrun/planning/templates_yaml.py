"""The YAML filters; the YAML library itself is handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleetrun.planning.templates_functions import FilterError
from fleetrun.planning.templates_values import finish


def yaml_filters(
    dump: Callable[..., str] | None, load: Callable[[str], Any] | None
) -> Mapping[str, Callable[..., Any]]:
    """Returns to_yaml, to_nice_yaml and from_yaml on top of `dump` and `load`."""

    def to_yaml(
        value: Any, default_flow_style: bool | None = None, **options: Any
    ) -> str:
        if dump is None:
            raise FilterError("the filter 'to_yaml' is not available here")
        return dump(finish(value), default_flow_style=default_flow_style, **options)

    def to_nice_yaml(
        value: Any, indent: int = 4, default_flow_style: bool | None = False, **options: Any
    ) -> str:
        return to_yaml(value, default_flow_style, indent=indent, **options)

    def from_yaml(value: Any) -> Any:
        if load is None:
            raise FilterError("the filter 'from_yaml' is not available here")
        return load(value) if isinstance(value, str) else value

    return {"to_yaml": to_yaml, "to_nice_yaml": to_nice_yaml, "from_yaml": from_yaml}
