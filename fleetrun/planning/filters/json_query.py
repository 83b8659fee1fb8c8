"""The filter ``json_query``: JMESPath over plain data."""

from __future__ import annotations

from typing import Any

from fleetrun.planning.templates_values import finish


def json_query(value: Any, expression: str) -> Any:
    """Returns what a JMESPath expression selects of `value`; None when nothing."""
    import jmespath  # noqa: PLC0415  # only playbooks that use it pay for the import

    try:
        return jmespath.search(expression, finish(value))
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"json_query cannot use {expression!r}: {error}") from error
