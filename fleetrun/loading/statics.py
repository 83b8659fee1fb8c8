"""Templates whose value must be known before the run: names of files and roles."""

from __future__ import annotations

from fleetrun.errors import Problem, TemplateError
from fleetrun.loading.fields import Field, read_text
from fleetrun.loading.inherit import Inherited
from fleetrun.loading.plugins import load_plugins
from fleetrun.model.values import NO_VARS, TemplateText, Vars
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater


class Statics:
    """Renders with what is known of every device: extra, play, block and role variables."""

    def __init__(self, templater: Templater | None = None, extra_vars: Vars = NO_VARS) -> None:
        self._templater = templater
        self._taken: set[str] = set()
        #: sha256 by path of the plugins that were loaded.
        self.plugin_hashes: dict[str, str] = {}
        self._extra = extra_vars

    def take_plugins(self, folder: str, problems: list[Problem]) -> None:
        """Adds the plugins in a playbook's or role's folder, once; notes what is wrong."""
        if self._templater is None or folder in self._taken:
            return
        self._taken.add(folder)
        found = load_plugins(folder, problems)
        if found.hashes:
            self._templater.add(filters=found.filters, tests=found.tests, lookups=found.lookups)
            self.plugin_hashes |= found.hashes

    def has_lookup(self, name: str) -> bool:
        """True for a lookup that templates may call, the operator's own among them."""
        return self._templater is not None and self._templater.has_lookup(name)

    def text(
        self, field: Field, outer: Inherited, what: str, hint: str = "", own: Vars = NO_VARS
    ) -> str:
        """The text at `field`, which `what` names; "" after a complaint."""
        text = read_text(field)
        if not isinstance(text, TemplateText):
            return text
        return self.render(text, field, outer, what, hint, own)

    def render(
        self, text: str, field: Field, outer: Inherited, what: str, hint: str = "",
        own: Vars = NO_VARS,
    ) -> str:
        """`text`, which stands at `field`, without templates; "" after a complaint."""
        if not isinstance(text, TemplateText):
            return text
        if self._templater is None:
            reason = "nothing is known of variables here"
        else:
            try:
                value = self._templater.render(text, self._scope(outer, own))
            except TemplateError as error:
                reason = error.message
            else:
                return str(value)
        field.complain(
            "input/template-not-allowed",
            f"{what} must be known before the run: {reason}",
            label="known only when the playbook runs",
            hint=hint or "give the variable with -e, or in `vars` of the play",
        )
        return ""

    def _scope(self, outer: Inherited, own: Vars) -> Scope:
        role = outer.role
        layers = [self._extra]
        if role is not None:
            layers.append(role.magic())
        layers += [*reversed(outer.param_layers), own, *reversed(outer.vars_layers)]
        if role is not None:
            layers += [role.params, role.vars]
        layers += reversed(outer.static_vars)
        if role is not None:
            layers.append(role.defaults)
        return Scope(layers)
