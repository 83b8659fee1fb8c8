"""Whatever a playbook says, it loads or gives an InputError with clear problems."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetrun.cli.problems import render_problems
from fleetrun.errors import InputError
from fleetrun.loading.schema import KEYWORDS
from fleetrun.model.playbook import Playbook

WORDS = sorted({name for table in KEYWORDS.values() for name in table})
MODULES = ["ping", "copy", "command", "debug", "assert", "meta", "include_tasks", "import_tasks",
           "file", "set_fact", "package", "pong", "ansible.builtin.copy"]
KEYS = st.sampled_from([*WORDS, *MODULES, "src", "dest", "that", "after", "0", "", "<<"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 400), st.floats(), st.text(max_size=5),
    st.sampled_from([
        "all", "10%", "5", "{{ x }}", "{{ a }} == 1", "a == '{{ b }}'", "{%", "yes", "a=b c='d",
        "src=a dest=b", "site.yml", "flush_handlers", "failed", "stable", "item", "h",
    ]),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)
TASKS = st.dictionaries(KEYS, TREES, max_size=5)
PLAYS = st.fixed_dictionaries(
    {"hosts": st.just("all")},
    optional={
        "tasks": st.lists(st.one_of(TASKS, TREES), max_size=3),
        "handlers": st.lists(TASKS, max_size=2), "rollout": TREES, "graph": TREES, "serial": TREES,
        "vars": TREES, "vars_files": TREES, "environment": TREES, "gather_facts": SCALARS,
    },
)
PLAYBOOKS = st.lists(st.one_of(PLAYS, TASKS, TREES), max_size=3)


@settings(
    max_examples=200, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(content=PLAYBOOKS)
def test_any_structure_loads_or_is_an_input_error(workshop, content: object) -> None:
    """No other exception, and every problem can be shown."""
    path: Path = workshop.write("site.yml", json.dumps(content))
    loader = workshop.fresh_loader()
    try:
        loaded: Playbook | str = loader.load(str(path))
    except InputError as exc:
        loaded = render_problems(exc)

    assert isinstance(loaded, Playbook) or loaded.startswith("error[input/")
