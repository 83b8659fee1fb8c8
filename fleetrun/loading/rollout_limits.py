"""``limits``, ``rate``, ``soak`` and ``pause`` of a rollout."""

from __future__ import annotations

import re
import shlex

from fleetrun.loading.fields import (
    Field,
    keywords,
    read_count,
    read_number,
    read_text,
    read_variable_name,
    read_word,
    type_name,
)
from fleetrun.loading.schema import Level
from fleetrun.model.rollout import (
    Approval,
    ExternalCheck,
    LimitSpec,
    OnInconclusive,
    OnTimeout,
    RateSpec,
    Size,
    SizeUnit,
)
from fleetrun.planning.times import parse_duration

_SIZE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(%?)\s*\Z")


def read_size(field: Field) -> Size | None:
    """A number of devices, or a percentage; patterns and mappings come later."""
    value = field.value
    found = None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        found = _SIZE.match(str(value))
    if found is None or (not found[2] and "." in found[1]):
        is_pattern = field.key == "pick" and isinstance(value, dict | str) and found is None
        field.complain(
            "input/unsupported-keyword" if is_pattern else "input/type",
            f"`{field.key}` takes a number of devices or a percentage"
            + (", nothing else yet" if is_pattern else ""),
            hint='write 5 or "10%"',
        )
        return None
    number = float(found[1])
    if number == 0 or (found[2] and number > 100):
        field.complain(
            "input/range", f"`{field.key}` must be "
            + ("above 0% and at most 100%" if found[2] else "at least 1"),
        )
        return None
    return Size(value=number, unit=SizeUnit.PERCENT if found[2] else SizeUnit.COUNT)


def read_duration(field: Field) -> float | None:
    """Seconds of a span such as 30m or 24h; None when it is not one."""
    text = read_text(field, is_static=True) if isinstance(field.value, str) else ""
    seconds = parse_duration(text)
    if seconds is None:
        field.complain(
            "input/type", f"`{field.key}` needs a span of time, not {field.value!r}",
            hint="write 90s, 30m, 24h, 14d or 1h30m",
        )
    return seconds


def read_limits(field: Field) -> tuple[LimitSpec, ...]:
    """The limits of ``limits``."""
    if not isinstance(field.value, list):
        field.complain(
            "input/type", f"`limits` must be a list, not {type_name(field.value)}",
            hint="write `- {per: site, max: 2}`",
        )
        return ()
    limits = [_read_limit(child) for child in field.children()]
    return tuple(limit for limit in limits if limit is not None)


def _read_limit(field: Field) -> LimitSpec | None:
    keys = keywords(field, Level.LIMIT, "a limit")
    missing = [name for name in ("per", "max") if name not in keys]
    if missing:
        if isinstance(field.value, dict) and not field.value.keys() & set(missing):
            field.complain(
                "input/missing-keyword", f"a limit has no `{missing[0]}`",
                hint="write `{per: site, max: 2}`",
            )
        return None
    per, size = read_variable_name(keys["per"]), read_size(keys["max"])
    return LimitSpec(per=per, size=size, mark=field.mark) if per and size else None


def read_rate(field: Field) -> RateSpec | None:
    """The rate of ``rate``."""
    keys = keywords(field, Level.RATE, "`rate`")
    if "per_minute" not in keys:
        if isinstance(field.value, dict) and "per_minute" not in field.value:
            field.complain(
                "input/missing-keyword", "`rate` has no `per_minute`",
                hint="write `rate: {per_minute: 50}`",
            )
        return None
    per_minute = _positive(keys["per_minute"])
    growth = _positive(keys["growth"], least=1.0) if "growth" in keys else 1.0
    most = _positive(keys["max_per_minute"]) if "max_per_minute" in keys else None
    after = _grow_after(keys["grow_after"]) if "grow_after" in keys else None
    if "growth" in keys and "grow_after" not in field.value:  # type: ignore[operator]  # a mapping, or there were no keys
        field.complain(
            "input/missing-keyword", "`rate` has `growth` and no `grow_after`",
            hint="write `grow_after: {succeeded: 1000}`",
        )
    if per_minute is None or growth is None:
        return None
    if most is not None and most < per_minute:
        keys["max_per_minute"].complain(
            "input/range", "`max_per_minute` is below `per_minute`",
        )
        return None
    return RateSpec(
        per_minute=per_minute, growth=growth, grow_after=after or 1, max_per_minute=most
    )


def _positive(field: Field, *, least: float = 0.01) -> float | None:
    number = read_number(field, least=least)
    if isinstance(number, int | float):
        return float(number)
    if number is not None:
        field.complain(
            "input/template-not-allowed", f"`{field.key}` cannot hold a template here",
            hint="write the number itself",
        )
    return None


def _grow_after(field: Field) -> int | None:
    if isinstance(field.value, dict) and set(field.value) == {"succeeded"}:
        return read_count(field.child("succeeded"))
    field.complain(
        "input/type", "`grow_after` needs a number of successes",
        hint="write `grow_after: {succeeded: 1000}`",
    )
    return None


def read_approval(field: Field) -> Approval | None:
    """The approval that ``pause`` of a stage waits for."""
    keys = keywords(field, Level.APPROVAL, "`pause`")
    who = read_text(keys["approval"], is_static=True) if "approval" in keys else ""
    if not who:
        if isinstance(field.value, dict) and "approval" not in field.value:
            field.complain(
                "input/missing-keyword", "`pause` has no `approval`",
                hint="say who is asked: `pause: {approval: ops}`",
            )
        return None
    word = read_word(keys["on_timeout"], list(OnTimeout)) if "on_timeout" in keys else ""
    return Approval(
        who=who, timeout_s=read_duration(keys["timeout"]) if "timeout" in keys else None,
        on_timeout=OnTimeout(word) if word else OnTimeout.ABORT,
    )


def read_external(field: Field) -> ExternalCheck | None:
    """The external check of a gate."""
    keys = keywords(field, Level.EXTERNAL, "`external`")
    if len(keys.keys() & {"cmd", "url"}) != 1:
        if isinstance(field.value, dict):
            field.complain(
                "input/missing-keyword", "`external` needs either `cmd` or `url`",
                hint="write `external: {cmd: ./kpi.sh, every: 10m, count: 3}`",
            )
        return None
    cmd = _read_command(keys["cmd"]) if "cmd" in keys else ()
    url = read_text(keys["url"], is_static=True) if "url" in keys else ""
    if url and not url.startswith(("http://", "https://")):
        keys["url"].complain("input/type", f"`{url}` is no URL of http or https")
    if not (cmd or url):
        return None
    word = read_word(keys["inconclusive"], list(OnInconclusive)) if "inconclusive" in keys else ""
    spans = {name: read_duration(keys[name]) for name in ("every", "timeout") if name in keys}
    counts = {
        name: read_count(keys[name], least=0 if name == "failures" else 1)
        for name in ("status", "count", "failures") if name in keys
    }
    return ExternalCheck(
        cmd=cmd, url=url, status=counts.get("status") or 200, count=counts.get("count") or 1,
        failure_limit=counts.get("failures") or 0, every_s=spans.get("every") or 60.0,
        timeout_s=spans.get("timeout") or 60.0,
        inconclusive=OnInconclusive(word) if word else OnInconclusive.PAUSE,
    )


def _read_command(field: Field) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(read_text(field, is_static=True)))
    except ValueError as error:
        field.complain("input/type", f"`cmd` cannot be split into words: {error}")
        return ()
    if not words:
        field.complain("input/type", "`cmd` is empty", hint="write `cmd: ./kpi.sh`")
    return words
