"""Checks and coerces a module's arguments against its spec, by Ansible's rules.

Two moments: when a playbook is loaded only the *names* can be judged (values
may still be templates, `check_names`); when a task is about to run on a device
the rendered values are coerced (`coerce`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fleetrun.errors import FleetrunError
from fleetrun.model.module import ArgSpec, ArgType, ModuleKind, ModuleSpec
from fleetrun.model.values import Value
from fleetrun.planning.coercions import COERCIONS, Misfit, to_list
from fleetrun.planning.free_form import RAW_PARAMS, split_words, unquote

__all__ = ["ANY_NAME", "ArgumentError", "check_names", "coerce", "parse_free_form"]

#: An argument of this name in a spec means "any other name, too" (set_fact).
ANY_NAME: Final = "*"

#: Never taken out of free text: `command: cmd=1 make` runs the words as they are.
_NEVER_IN_FREE_TEXT: Final = frozenset({"cmd", "argv"})


class ArgumentError(FleetrunError):
    """A module was given arguments that its spec does not allow."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, kind="module/bad-arguments", hint=hint)


def check_names(spec: ModuleSpec, names: Iterable[str]) -> list[tuple[str, str]]:
    """Returns (bad name, closest allowed name or "") in the order of `names`.

    Names that start with "_" are fleetrun's own and never allowed, but for
    the free text of a module that takes it.
    """
    if ANY_NAME in spec.args:
        return []
    allowed = _canonical_names(spec)
    return [
        (name, _closest(name, allowed))
        for name in names
        if name not in allowed and not (name == RAW_PARAMS and spec.free_form)
    ]


def coerce(spec: ModuleSpec, args: Mapping[str, Value]) -> Mapping[str, Value]:
    """Returns `args` with aliases resolved, types coerced and defaults filled.

    An argument that is null counts as omitted, but for facts and messages.
    Omitted arguments without a default are absent from the result. Raises
    ArgumentError.
    """
    _reject_unknown(spec, args)
    given = _resolve_aliases(spec, args)
    _check_groups(spec, given)
    coerced: dict[str, Value] = {}
    for name, arg in spec.args.items():
        if name in given:
            coerced[name] = _coerce_one(spec, arg, given.pop(name))
        elif arg.default is not None:
            coerced[name] = arg.default
    coerced.update(given)  # free text and free names, as they are
    return coerced


def parse_free_form(spec: ModuleSpec, text: str) -> dict[str, Value]:
    """Returns the arguments in a string such as ``src=a dest="b c"``.

    Quotes group and are removed from values; spaces inside ``{{ }}`` and
    ``{% %}`` do not split. Words that are no argument make up the free text
    (key ``_raw_params``, kept exactly as written) where the module takes it;
    elsewhere they raise ArgumentError, as do unbalanced quotes.
    """
    known = _canonical_names(spec)
    options: dict[str, Value] = {}
    raw: list[str] = []
    try:
        words = split_words(text)
    except ValueError as exc:
        raise ArgumentError(f"{spec.name}: {exc} in: {text}") from exc
    for gap, word in words:
        name, equals, written = word.partition("=")
        name = name.strip()
        if equals and name.isidentifier() and _is_option(spec, name, known):
            options[name] = unquote(written)
        elif spec.free_form:
            raw.append(gap + word if raw else word)
        else:
            raise ArgumentError(
                f"{spec.name}: expected name=value, found: {word}",
                hint=f"`fleetrun doc {spec.name}` lists the arguments.",
            )
    if raw:
        options[RAW_PARAMS] = "".join(raw)
    return options


def _is_option(spec: ModuleSpec, name: str, known: Mapping[str, str]) -> bool:
    """True when ``name=…`` is an argument and not a word of the free text."""
    if not spec.free_form:
        return True
    return ANY_NAME in spec.args or (name in known and name not in _NEVER_IN_FREE_TEXT)


def _canonical_names(spec: ModuleSpec) -> dict[str, str]:
    """Every name that a user may write -> the argument's own name."""
    names: dict[str, str] = {}
    for name, arg in spec.args.items():
        if not name.startswith("_") and name != ANY_NAME:
            names[name] = name
            names.update(dict.fromkeys(arg.aliases, name))
    return names


def _closest(name: str, allowed: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  # only errors pay for it

    return next(iter(get_close_matches(name, sorted(allowed), n=1)), "")


def _reject_unknown(spec: ModuleSpec, args: Mapping[str, Value]) -> None:
    bad = check_names(spec, args)
    if not bad:
        return
    parts = [f"`{name}`" + (f" (did you mean `{near}`?)" if near else "") for name, near in bad]
    noun = "argument" if len(bad) == 1 else "arguments"
    raise ArgumentError(
        f"{spec.name} has no {noun} {', '.join(parts)}",
        hint=f"It has: {', '.join(sorted(set(_canonical_names(spec).values())))}.",
    )


def _resolve_aliases(spec: ModuleSpec, args: Mapping[str, Value]) -> dict[str, Value]:
    """Arguments under their own names, without nulls that say nothing.

    The own name beats an alias.
    """
    known = _canonical_names(spec)
    given: dict[str, Value] = {}
    for written, value in args.items():
        name = known.get(written, written)
        is_said = value is not None or _takes_null(spec, name)
        if is_said and (name not in given or name == written):
            given[name] = value
    return given


def _takes_null(spec: ModuleSpec, name: str) -> bool:
    """True where null is a value: a fact that is set, a message that is shown."""
    arg = spec.args.get(name)
    if arg is None:
        return ANY_NAME in spec.args
    is_shown = spec.kind is ModuleKind.CONTROLLER and arg.type is ArgType.RAW
    return is_shown and not arg.required


def _check_groups(spec: ModuleSpec, given: Mapping[str, Value]) -> None:
    missing = [name for name, arg in spec.args.items() if arg.required and name not in given]
    if missing:
        raise ArgumentError(f"{spec.name} needs {_and(missing)}")
    for group in spec.exclusive:
        both = [name for name in group if name in given]
        if len(both) > 1:
            raise ArgumentError(f"{spec.name} takes only one of {_and(both)}")
    for group in spec.one_of:
        if not any(name in given for name in group):
            raise ArgumentError(f"{spec.name} needs one of {', '.join(f'`{n}`' for n in group)}")


def _and(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _coerce_one(spec: ModuleSpec, arg: ArgSpec, value: Value) -> Value:
    try:
        coerced = _coerce_value(arg, value)
    except Misfit as exc:
        shown = "" if arg.secret else f": {_shown(value)}"
        raise ArgumentError(f"{spec.name}: `{arg.name}` {exc}{shown}") from exc
    _check_choices(spec, arg, coerced)
    return coerced


def _coerce_value(arg: ArgSpec, value: Value) -> Value:
    """`value` in the argument's type, elements included; raises Misfit."""
    if isinstance(value, bool) and arg.type is ArgType.STR:
        value = _word_of(value, arg.choices)
    if arg.type is ArgType.LIST:
        element = COERCIONS[arg.elements]
        return [element(item) for item in to_list(value)]
    return COERCIONS[arg.type](value)


def _word_of(flag: bool, choices: Sequence[Value]) -> Value:
    """The one choice that YAML turned into a boolean (`upgrade: yes`), or the boolean."""
    words = [choice for choice in choices if choice in ({"yes", "on"} if flag else {"no", "off"})]
    return words[0] if len(words) == 1 else flag


def _check_choices(spec: ModuleSpec, arg: ArgSpec, value: Value) -> None:
    if not arg.choices:
        return
    # Of a mapping they are the names that it may have.
    for item in value if isinstance(value, list | dict) else [value]:
        if item not in arg.choices:
            allowed = [str(choice) for choice in arg.choices]
            near = _closest(str(item), allowed)
            raise ArgumentError(
                f"{spec.name}: `{arg.name}` must be one of {', '.join(allowed)}; "
                f"it is {_shown(item)}",
                hint=f"Did you mean `{near}`?" if near else "",
            )


def _shown(value: Value) -> str:
    """`value` as it is best read in an error, at most 80 characters."""
    text = repr(str(value) if isinstance(value, str) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."
