"""Values on their way through a template: undefined, omitted, raw and finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from datetime import date, time, timedelta
from typing import Any, Final, cast

from jinja2 import StrictUndefined, Undefined
from jinja2.exceptions import TemplateRuntimeError, UndefinedError
from jinja2.utils import missing
from typing_extensions import override

from fleetrun.errors import TemplateError
from fleetrun.model.values import Expression, SecretText, TemplateText, Value
from fleetrun.planning.scope import LiveMapping

#: Types that are values already and hold no others.
PLAIN: Final = frozenset({str, int, float, bool, type(None)})


class _Omit:
    """The value of ``omit``: the argument it stands for was not given."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return "OMIT"

    @override
    def __reduce__(self) -> str:
        return "OMIT"


#: What ``omit`` gives; `omit_missing` takes it out of arguments.
OMIT: Final[Value] = cast("Value", _Omit())


def omit_missing(value: Any) -> Any:
    """Returns `value` without `OMIT` at any depth; itself when there is none.

    `OMIT` itself comes back as it is: the caller leaves that argument out.
    """
    if isinstance(value, Mapping):
        if isinstance(value, LiveMapping):
            return value
        kept = {key: omit_missing(item) for key, item in value.items() if item is not OMIT}
        is_same = len(kept) == len(value) and all(kept[key] is value[key] for key in kept)
        return value if is_same else kept
    if isinstance(value, (list, tuple)):
        items = [omit_missing(item) for item in value if item is not OMIT]
        is_same = len(items) == len(value) and all(map(_is, items, value))
        return value if is_same else items
    return value


def _is(one: object, other: object) -> bool:
    return one is other


class BudgetError(Exception):
    """A template went over what one rendering may cost."""


class Budget:
    """What one rendering may still cost. No time in it: the same everywhere."""

    __slots__ = ("left", "max_chars", "max_steps")

    def __init__(self, *, max_steps: int, max_chars: int) -> None:
        self.max_steps = max_steps
        #: Longest text, and longest list, that an operation may make.
        self.max_chars = max_chars
        self.left = max_steps

    def reset(self) -> None:
        """Begins a new rendering."""
        self.left = self.max_steps

    def spend(self, steps: int) -> None:
        """Takes `steps` (loop rounds, calls) off; raises BudgetError at the end."""
        self.left -= steps
        if self.left < 0:
            raise BudgetError(f"it takes more than {self.max_steps:,} steps")

    def check_size(self, size: int) -> None:
        """Raises BudgetError when a text or list of `size` would be too long."""
        if size > self.max_chars:
            raise BudgetError(f"it would make a value of over {self.max_chars:,} characters")

    def counted(self, items: Iterable[Any]) -> Iterable[Any]:
        """Returns `items` for a loop, its rounds paid for."""
        if isinstance(items, Sized):
            self.spend(len(items))
            return items
        return self._counting(items)

    def _counting(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.spend(1)
            yield item


class UndefinedValueError(UndefinedError):
    """An undefined value was used."""

    def __init__(self, marker: Missing) -> None:
        super().__init__(marker.message)
        self.marker = marker


class Missing(StrictUndefined):
    """An undefined value: may be passed on and asked after, not used.

    Attributes and items of it are undefined too, so that ``a.b.c | default(1)``
    works when there is no ``a``.
    """

    __slots__ = ("error", "path", "place", "special")

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError, *, path: str = "",
        error: TemplateError | None = None,
    ) -> None:
        self._undefined_hint = hint
        self._undefined_obj = obj
        self._undefined_name = name
        #: How the template wrote it, "a.b"; "" when not known.
        self.path = path or (name if obj is missing and isinstance(name, str) else "")
        #: What went wrong when the variable was rendered, if that is the cause.
        self.error = error
        #: File and line of the template that puts it out.
        self.place: tuple[str, int] | None = None
        self.special = None if exc is UndefinedError else exc

    @property
    @override
    def _undefined_exception(self) -> Callable[[str], Exception]:  # type: ignore[override]  # called
        return self._exception

    def _exception(self, message: str) -> Exception:
        if self.error is not None:
            return self.error
        return UndefinedValueError(self) if self.special is None else self.special(message)

    @property
    def message(self) -> str:
        """What is undefined, for people."""
        if self._undefined_hint or not self.path:
            return self._undefined_message
        return f"'{self.path}' is undefined"

    @property
    def custom_hint(self) -> str:
        """The message that came with it, or ""."""
        return self._undefined_hint or ""

    @property
    def is_variable(self) -> bool:
        """True when a variable is missing, not a part of one."""
        return self._undefined_obj is missing

    @property
    def name(self) -> Any:
        """The name or key that was looked for."""
        return self._undefined_name

    @property
    def holder(self) -> Any:
        """The object it was looked for in."""
        return self._undefined_obj

    def use(self) -> None:
        """Raises the error of using it."""
        self._fail_with_undefined_error()

    @override
    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    @override
    def __getitem__(self, key: Any) -> Any:
        return self

    @override
    def __repr__(self) -> str:
        # Python takes it for a list's text: "[<undefined>]" must not reach a device.
        self.use()
        return ""

    def __index__(self) -> int:
        self.use()
        return 0


def holds_templates(value: Value) -> bool:
    """True when `value` is or holds a `TemplateText`: rendering may change it."""
    if value.__class__ in PLAIN:
        return False
    if isinstance(value, TemplateText):
        return True
    if isinstance(value, LiveMapping):
        return False
    if isinstance(value, Mapping):
        return any(holds_templates(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(holds_templates(item) for item in value)
    return False


def render_deep(raw: Any, render: Callable[[TemplateText], Any]) -> Any:
    """Returns `raw` with every template in it rendered; itself when it has none."""
    kind = raw.__class__
    if kind in PLAIN:
        return raw
    if kind is dict:
        return _render_mapping(raw, render)
    if kind is list or kind is tuple:
        return _render_list(raw, render)
    if kind is TemplateText:
        return render(raw)
    if isinstance(raw, Mapping) and not isinstance(raw, LiveMapping):
        return _render_mapping(raw, render)
    return raw


def _render_list(raw: Any, render: Callable[[TemplateText], Any]) -> Any:
    changed: list[Any] | None = list(raw) if raw.__class__ is tuple else None
    for index, item in enumerate(raw):
        if item.__class__ in PLAIN:
            continue
        new = render_deep(item, render)
        if new is not item:
            changed = list(raw) if changed is None else changed
            changed[index] = new
    return raw if changed is None else changed


def _render_mapping(raw: Mapping[Any, Any], render: Callable[[TemplateText], Any]) -> Any:
    changed: dict[Any, Any] | None = None
    for key, item in raw.items():
        if item.__class__ in PLAIN:
            continue
        new = render_deep(item, render)
        if new is not item:
            changed = dict(raw) if changed is None else changed
            changed[key] = new
    return raw if changed is None else changed


def finish(value: Any) -> Any:
    """Returns a template's result as plain data; itself when it is that already.

    Omitted items fall away, iterators become lists. Raises UndefinedValueError
    for an undefined value at any depth, and TypeError for what is no data.
    """
    kind = value.__class__
    if kind in PLAIN:
        return value
    if kind is dict:
        return _finish_mapping(value)
    if kind is list:
        return _finish_list(value)
    return _finish_other(value)


def _finish_list(value: list[Any]) -> list[Any]:
    for index, item in enumerate(value):
        if item.__class__ in PLAIN:
            continue
        if item is OMIT or finish(item) is not item:
            rest = [finish(other) for other in value[index:] if other is not OMIT]
            return value[:index] + rest
    return value


def _finish_mapping(value: dict[Any, Any]) -> dict[Any, Any]:
    for item in value.values():
        if item.__class__ not in PLAIN and (item is OMIT or finish(item) is not item):
            return {key: finish(each) for key, each in value.items() if each is not OMIT}
    return value


def _finish_other(value: Any) -> Any:
    if isinstance(value, Undefined):
        return _finish_undefined(value)
    if isinstance(value, (SecretText, Expression, bytes, int, float)) or value is OMIT:
        return value
    if isinstance(value, (str, date, time, timedelta)):
        return str(value)
    if isinstance(value, Mapping):
        return _finish_mapping(dict(value))
    if isinstance(value, Iterable) and not isinstance(value, type):
        return _finish_list(list(value))
    hint = ""
    if callable(value):
        hint = f"; write {value.__name__}() to call it" if hasattr(value, "__name__") else ""
    raise TypeError(f"the result is a {type(value).__name__}, which is not data{hint}")


def _finish_undefined(value: Undefined) -> str:
    if isinstance(value, Missing):
        value.use()
    # Of ``'x' if condition``: nothing as part of a text (`concat`), no value by itself.
    raise TypeError("an `if` without `else` gave nothing; write what it gives otherwise")


def thaw(value: Any) -> Any:
    """Returns a copy of lists and mappings that a template may change."""
    if value.__class__ is dict:
        return {key: thaw(item) for key, item in value.items()}
    if value.__class__ is list:
        return [thaw(item) for item in value]
    return value
