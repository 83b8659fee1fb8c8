"""The sandbox that compiled templates run in, and how they see a scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final, Protocol

from jinja2.exceptions import TemplateNotFound, TemplatesNotFound
from jinja2.lexer import Lexer
from jinja2.runtime import Context, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment
from jinja2.utils import missing
from typing_extensions import override

from fleetrun.model.values import SecretText
from fleetrun.planning.scope import LiveMapping, PendingValueError, Scope, ScopeView, scope_of
from fleetrun.planning.templates_compile import Generator, RawTextLexer, TextLexer
from fleetrun.planning.templates_context import Lazy, ScopeTemplate
from fleetrun.planning.templates_limits import PADDING, Formatter, check_binop, check_replace
from fleetrun.planning.templates_options import Options
from fleetrun.planning.templates_values import (
    OMIT,
    PLAIN,
    Budget,
    Missing,
    finish,
    thaw,
)

_PENDING: Final = object()
_DICT_METHODS: Final = frozenset(dir(dict))
_VIEW_METHODS: Final = frozenset(dir(ScopeView))

#: What calls cost, measured against a round of an empty loop.
CALL_STEPS = 4
_MACRO_STEPS = 50


class Resolver(Protocol):
    """Renders what a scope holds."""

    def resolve(self, raw: Any, scope: Scope, name: str) -> Any:
        """Returns `raw` rendered, or a `Missing` that says what it lacks."""
        ...

    def view(self, scope: Scope) -> ScopeView:
        """Returns `scope` as a mapping."""
        ...

    def other_file(self, name: str, parent: str, options: Options) -> ScopeTemplate:
        """Returns the template file that the one at `parent` calls `name`.

        Raises jinja2's TemplateNotFound.
        """
        ...


class SandboxBase(SandboxedEnvironment):
    """A jinja2 sandbox whose names come from a `Scope`. See `templates_compile`."""

    code_generator_class = Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    #: True when templates may change lists and mappings: they work on copies.
    copies = False
    #: Options for the files that its templates include: their last line end is not kept.
    of_others = Options(keep_trailing_newline=False)

    def __init__(
        self, resolver: Resolver, budget: Budget, *, raw_strings: bool, **options: Any
    ) -> None:
        super().__init__(
            undefined=Missing, cache_size=0, autoescape=False,
            extensions=("jinja2.ext.do", "jinja2.ext.loopcontrols"), **options,
        )
        self.resolver = resolver
        self.budget = budget
        self.raw_strings = raw_strings

    @cached_property
    @override
    def lexer(self) -> Lexer:
        return RawTextLexer(self) if self.raw_strings else TextLexer(self)

    # -- other template files --------------------------------------------------

    @override
    def get_template(
        self, name: Any, parent: str | None = None, globals: Any = None,
    ) -> ScopeTemplate:
        """Returns the template file `name`, as ``{% include %}`` asks for it."""
        if isinstance(name, ScopeTemplate):
            return name
        self.budget.spend(_MACRO_STEPS)
        name = finish(name)
        if not isinstance(name, str):
            raise TypeError(f"a template's name is a text, not a {type(name).__name__}")
        return self.resolver.other_file(name, parent or "", self.of_others)

    @override
    def select_template(
        self, names: Any, parent: str | None = None, globals: Any = None,
    ) -> ScopeTemplate:
        """Returns the first of the template files that there is."""
        tried = list(names)
        for name in tried:
            try:
                return self.get_template(name, parent)
            except TemplateNotFound:
                continue
        raise TemplatesNotFound([str(name) for name in tried])

    @override
    def get_or_select_template(
        self, template_name_or_list: Any, parent: str | None = None, globals: Any = None,
    ) -> ScopeTemplate:
        """Returns a template file by name, or the first of several."""
        if isinstance(finish(template_name_or_list), list):
            return self.select_template(template_name_or_list, parent)
        return self.get_template(template_name_or_list, parent)

    # -- what generated code calls -------------------------------------------

    def name(self, scope: Scope, name: str) -> Any:
        """Returns a variable unused (`Lazy`), as it is, or `missing`."""
        pending = scope.pending
        if pending is not None and pending(name):
            return Lazy(_PENDING, scope, name)
        for layer in scope.layers:
            if name in layer:
                raw = layer[name]
                return raw if raw.__class__ in PLAIN else Lazy(raw, scope, name)
        if name == "vars":
            return self.resolver.view(scope)
        return self.globals.get(name, missing)

    def force(self, value: Any) -> Any:
        """Returns the value of a variable that is used now."""
        if value.__class__ is not Lazy:
            return value
        if value.raw is _PENDING:
            raise PendingValueError(value.path)
        return self.resolver.resolve(value.raw, value.scope, value.path)

    def attr(self, value: Any, name: str, path: str) -> Any:
        """Returns ``value.name``, unused."""
        kind = value.__class__
        if kind is Lazy:
            raw = value.raw
            if raw.__class__ is dict and name in raw and name not in _DICT_METHODS:
                return self._part(raw[name], value, path)
            value = self.force(value)
            kind = value.__class__
        if kind is dict and name in value and name not in _DICT_METHODS:
            return value[name]
        if kind is ScopeView and name not in _VIEW_METHODS:
            return self._of_view(value, name, path)
        return _named(self.getattr(value, name), path)

    def item(self, value: Any, key: Any, path: str) -> Any:
        """Returns ``value[key]``, unused."""
        if value.__class__ is Lazy:
            raw = value.raw
            if raw.__class__ is dict and key.__class__ in PLAIN and key in raw:
                return self._part(raw[key], value, path)
            value = self.force(value)
        if key.__class__ is Missing:
            key.use()
        if value.__class__ is ScopeView and isinstance(key, str):
            return self._of_view(value, key, path)
        return _named(self.getitem(value, key), path)

    def at(self, path: str, line: int, value: Any) -> Any:
        """Returns a value that a template file puts out, told where if it is undefined."""
        if value.__class__ is Missing and value.place is None:
            value.place = (path, line)
        return value

    def counted(self, items: Iterable[Any]) -> Iterable[Any]:
        """Returns the items of a ``{% for %}``, paid for."""
        return self.budget.counted(items)

    def join_text(self, parts: Iterable[Any]) -> str:
        """Returns the texts of ``a ~ b`` in one."""
        return self._joined(map(_as_operand, parts))

    @override
    def concat(self, parts: Iterable[Any]) -> Any:
        """Returns one part as it is, several as text, none as None.

        Parts that are None do not count (Ansible's rule).
        """
        pieces = [part for part in parts if part is not None]
        if len(pieces) == 1:
            return pieces[0]
        if not pieces:
            return None
        return self._joined(map(_as_text, pieces))

    def _joined(self, texts: Iterable[str]) -> str:
        pieces = list(texts)
        self.budget.check_size(sum(map(len, pieces)))
        is_secret = any(piece.__class__ is SecretText for piece in pieces)
        joined = "".join(pieces)
        return SecretText(joined) if is_secret else joined

    def _part(self, raw: Any, whole: Lazy, path: str) -> Any:
        return raw if raw.__class__ in PLAIN else Lazy(raw, whole.scope, path)

    def _of_view(self, view: ScopeView, name: str, path: str) -> Any:
        value = self.name(scope_of(view), name)
        return Missing(obj=view, name=name, path=path) if value is missing else value

    # -- what jinja2's own filters and calls go through ------------------------

    @override
    def getitem(self, obj: Any, argument: Any) -> Any:
        if obj.__class__ is ScopeView:
            return self.force(self._of_view(obj, argument, str(argument)))
        return super().getitem(obj, argument)

    @override
    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        __self.budget.spend(_MACRO_STEPS if __obj.__class__ is Macro else CALL_STEPS)
        holder = getattr(__obj, "__self__", None)
        if holder.__class__ is str or holder.__class__ is SecretText:
            __self._check_method(holder, __obj.__name__, args)
        return super().call(__context, __obj, *args, **kwargs)

    def _check_method(self, text: str, name: str, args: tuple[Any, ...]) -> None:
        for arg in args:
            if arg.__class__ is Missing:
                arg.use()
        if name in PADDING and args and isinstance(args[0], int):
            self.budget.check_size(args[0] * (text.count("\t") + 1))
        elif name == "replace" and len(args) > 1:
            check_replace(self.budget, text, args[0], args[1])

    @override
    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        name = getattr(value, "__name__", "")
        text = getattr(value, "__self__", None)
        if name not in {"format", "format_map"} or not isinstance(text, str):
            return None
        formatter = Formatter(self)

        def format_text(*args: Any, **kwargs: Any) -> str:
            if name == "format_map":
                return formatter.vformat(text, (), args[0])
            return formatter.vformat(text, args, kwargs)

        return format_text

    @override
    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_binop(self.budget, operator, left, right)
        return super().call_binop(context, operator, left, right)


class SharingSandbox(SandboxBase, ImmutableSandboxedEnvironment):
    """For templates that change nothing: they see the scope's own values."""


class CopyingSandbox(SandboxBase):
    """For templates that call ``append`` and the like: they see copies."""

    copies = True

    @override
    def force(self, value: Any) -> Any:
        if value.__class__ is not Lazy or value.raw is _PENDING:
            return super().force(value)
        store = value.store
        if store is None:
            return thaw(super().force(value))
        key = id(value.raw)
        if key not in store:
            # The raw value is kept beside its copy, so that its id stays its own.
            store[key] = (thaw(super().force(value)), value.raw)
        return store[key][0]

    # A part must be a part of the copy, or what is appended to it would be lost.

    @override
    def attr(self, value: Any, name: str, path: str) -> Any:
        return super().attr(self.force(value), name, path)

    @override
    def item(self, value: Any, key: Any, path: str) -> Any:
        return super().item(self.force(value), key, path)

    @override
    def getitem(self, obj: Any, argument: Any) -> Any:
        value = super().getitem(obj, argument)
        return thaw(value) if isinstance(obj, LiveMapping) else value

    @override
    def getattr(self, obj: Any, attribute: str) -> Any:
        value = super().getattr(obj, attribute)
        return thaw(value) if isinstance(obj, LiveMapping) else value


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value.__class__ is Undefined:
        return ""
    value = finish(value)
    return "" if value is OMIT else str(value)


def _as_operand(value: Any) -> str:
    if value is OMIT:
        raise TypeError("omit stands for a whole argument and cannot be part of a text")
    return value if isinstance(value, str) else str(finish(value))


def _named(value: Any, path: str) -> Any:
    """Tells an undefined value how the template wrote it."""
    if value.__class__ is Missing and not value.path:
        value.path = path
    return value
