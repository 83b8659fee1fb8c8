"""The YAML filters; the YAML library itself is handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleetrun.planning.templates_functions import FilterError
from fleetrun.planning.templates_values import finish

#: PyYAML's own: Ansible breaks lines there, and files on devices are compared by content.
_WIDTH = 80


def yaml_filters(
    dump: Callable[..., str] | None, load: Callable[[str], Any] | None,
    load_all: Callable[[str], list[Any]] | None,
) -> Mapping[str, Callable[..., Any]]:
    """Returns the YAML filters on top of what writes and reads one or all documents."""

    def to_yaml(
        value: Any, default_flow_style: bool | None = None, **options: Any
    ) -> str:
        if dump is None:
            raise FilterError("the filter 'to_yaml' is not available here")
        options.setdefault("width", _WIDTH)
        return dump(finish(value), default_flow_style=default_flow_style, **options)

    def to_nice_yaml(
        value: Any, indent: int = 4, default_flow_style: bool | None = False, **options: Any
    ) -> str:
        return to_yaml(value, default_flow_style, indent=indent, **options)

    def from_yaml(value: Any) -> Any:
        if load is None:
            raise FilterError("the filter 'from_yaml' is not available here")
        return load(value) if isinstance(value, str) else value

    def from_yaml_all(value: Any) -> Any:
        if load_all is None:
            raise FilterError("the filter 'from_yaml_all' is not available here")
        return load_all(value) if isinstance(value, str) else value

    return {
        "from_yaml": from_yaml, "from_yaml_all": from_yaml_all, "to_nice_yaml": to_nice_yaml,
        "to_yaml": to_yaml,
    }
