"""A task's arguments: merged, and checked before anything is contacted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fleetrun.errors import Mark
from fleetrun.loading.actions import Action
from fleetrun.loading.conditions import read_conditions
from fleetrun.loading.defaults import without_given
from fleetrun.loading.fields import (
    Field,
    complain_unquoted,
    is_unfaithful,
    type_name,
)
from fleetrun.loading.yamlfile import as_operator_text
from fleetrun.model.module import ArgSpec, ArgType, ModuleSpec
from fleetrun.model.values import Expression, TemplateText, Value
from fleetrun.planning.arguments import (
    ANY_NAME,
    ArgumentError,
    check_names,
    coerce,
    parse_free_form,
)

_RAW = "_raw_params"
_TEXTS = {ArgType.STR, ArgType.PATH}
_ANY_TEXT = {*_TEXTS, ArgType.RAW}
#: Arguments that hold conditions.
_CONDITIONS = {"assert": "that"}


def read_args(
    action: Action, spec: ModuleSpec, extra: Field | None, defaults: Field | None = None
) -> Mapping[str, Value]:
    """The arguments of an action with those of ``args:`` below them, checked.

    `defaults` are those of ``module_defaults`` for this module.
    """
    places: dict[str, Field] = {}
    args: dict[str, Value] = {}
    if extra is not None:
        args.update(_from_mapping(extra, places))
    own = action.field
    text = action.text if action.text is not None else own.value
    if isinstance(text, str):
        parsed = _from_text(text, own, spec)
        if parsed is None:
            return args
        args.update(parsed)
    if isinstance(own.value, dict):
        taken = _from_mapping(own, places)
        args.update({name: taken[name] for name in taken if name not in action.not_args})
    elif not isinstance(text, str) and text is not None:
        own.complain(
            "input/type", f"`{spec.name}` needs arguments, not {type_name(own.value)}",
            hint="write them as a mapping, or as text in quotes",
        )
        return args
    if defaults is not None:
        known = dict(places)
        more = _from_mapping(without_given(defaults, args, spec), known)
        args, places = {**more, **args}, {**known, **places}
    _Check(spec=spec, args=args, places=places, action=own).run()
    return _with_conditions(spec, args, places, own)


def _from_mapping(field: Field, places: dict[str, Field]) -> dict[str, Value]:
    if not isinstance(field.value, dict):
        field.complain(
            "input/type", f"`{field.key}` must be a mapping, not {type_name(field.value)}"
        )
        return {}
    for child in field.children():
        places[str(child.pointer[-1])] = child
    return {str(name): value for name, value in field.value.items()}


def _from_text(text: str, field: Field, spec: ModuleSpec) -> dict[str, Value] | None:
    """Arguments in ``a=1 b=2`` or free text, templates if the text was one; None if wrong."""
    try:
        parsed = parse_free_form(spec, text)
    except ArgumentError as exc:
        field.complain("input/arguments", exc.message, hint=exc.hint)
        return None
    if not isinstance(field.value, TemplateText):
        return parsed
    return {
        name: as_operator_text(value, field.mark) if isinstance(value, str) else value
        for name, value in parsed.items()
    }


def _with_conditions(
    spec: ModuleSpec, args: dict[str, Value], places: Mapping[str, Field], own: Field
) -> Mapping[str, Value]:
    name = _CONDITIONS.get(spec.name, "")
    if name in places:
        args[name] = list(read_conditions(places[name]))
    elif isinstance(args.get(name), str):
        args[name] = [Expression(str(args[name]), own.mark)]
    return args


def has_template(value: Value) -> bool:
    """True when a template or an expression stands anywhere in `value`."""
    if isinstance(value, str):
        return isinstance(value, TemplateText | Expression)
    if isinstance(value, Mapping):
        return any(has_template(key) or has_template(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(has_template(item) for item in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """What can be said about arguments before they are rendered."""

    spec: ModuleSpec
    args: Mapping[str, Value]
    #: Fields of the arguments that were written as a mapping.
    places: Mapping[str, Field]
    action: Field

    def run(self) -> None:
        """Notes every problem."""
        if has_template([*self.args]):
            return  # names are templates themselves; judged on the device
        bad = check_names(self.spec, self.args)
        for name, near in bad:
            self._complain_name(name, near)
        if bad:
            return
        self._check_groups()
        known = {
            written: arg
            for arg in self.spec.args.values()
            for written in (arg.name, *arg.aliases)
        }
        for name, value in self.args.items():
            if name in known and value is not None:
                self._check_value(known[name], name, value)

    def _complain_name(self, name: str, near: str) -> None:
        place = self.places.get(name)
        self.action.complain(
            "input/unknown-argument", f"`{self.spec.name}` has no argument `{name}`",
            mark=place.key_mark if place else self._mark_in_text(name),
            label=f"did you mean `{near}`?" if near else "",
            allowed=[n for n in self.spec.args if not n.startswith("_") and n != ANY_NAME],
            hint=f"`fleetrun doc {self.spec.name}` explains the arguments",
        )

    def _mark_in_text(self, name: str) -> Mark:
        """Position of ``name=`` in free text that stands in one line, else of the text."""
        mark = self.action.mark
        text = self.action.value if isinstance(self.action.value, str) else ""
        offset = text.find(f"{name}=")
        if mark.length != len(text) or offset < 0:
            return mark
        return replace(mark, column=mark.column + offset, length=len(name))

    def _given(self) -> set[str]:
        """Arguments by their own names, without those that are null."""
        aliases = {alias: arg.name for arg in self.spec.args.values() for alias in arg.aliases}
        return {aliases.get(name, name) for name, value in self.args.items() if value is not None}

    def _check_groups(self) -> None:
        given = self._given()
        missing = [arg.name for arg in self.spec.args.values() if arg.required]
        missing = [name for name in missing if name not in given and not name.startswith("_")]
        if missing:
            self._complain_group(f"`{self.spec.name}` needs {_list(missing)}")
        for group in self.spec.one_of:
            if not given & set(group):
                self._complain_group(f"`{self.spec.name}` needs one of {_list(group)}")
        for group in self.spec.exclusive:
            # A template may turn out to be `omit`.
            both = [n for n in group if n in given and not has_template(self.args.get(n))]
            if len(both) > 1:
                self._complain_group(f"`{self.spec.name}` takes only one of {_list(both)}")

    def _complain_group(self, message: str) -> None:
        self.action.complain(
            "input/arguments", message, mark=self.action.key_mark,
            hint=f"`fleetrun doc {self.spec.name}` explains the arguments",
        )

    def _check_value(self, arg: ArgSpec, name: str, value: Value) -> None:
        place = self.places.get(name)
        if place is not None and self._is_misread(arg, place):
            return
        is_any_text = type(value) is str and arg.type in _ANY_TEXT and not arg.choices
        if is_any_text or has_template(value):
            return
        alone = replace(
            self.spec, args={name: replace(arg, name=name, required=False)}, exclusive=(), one_of=()
        )
        try:
            coerce(alone, {name: value})
        except ArgumentError as exc:
            mark = place.mark if place else self._mark_in_text(name)
            self.action.complain("input/argument-value", exc.message, hint=exc.hint, mark=mark)

    def _is_misread(self, arg: ArgSpec, place: Field) -> bool:
        """True when text was meant and YAML read something else (NO, 1.10, 0644)."""
        fields: Iterable[Field] = ()
        if arg.type in _TEXTS:
            fields = [place]
        elif arg.type is ArgType.LIST and arg.elements in _TEXTS:
            fields = place.children() if isinstance(place.value, list) else [place]
        misread = [one for one in fields if is_unfaithful(one)]
        for one in misread:
            complain_unquoted(one, f"`{arg.name}` of `{self.spec.name}` needs text")
        return bool(misread)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
