"""Roles become tasks and handlers with their variables around them."""

from __future__ import annotations

from fleetrun.model.playbook import Block, Task


def flat(nodes) -> list[Task]:
    """Tasks of a tree without the loader's own."""
    found = []
    for node in nodes:
        if isinstance(node, Block):
            found += flat(node.block)
        elif not node.is_implicit:
            found.append(node)
    return found


def names(nodes) -> list[str]:
    return [f"{task.role.name if task.role else ''}:{task.name}" for task in flat(nodes)]


def write_role(workshop, name: str, **parts: str) -> None:
    for part, text in parts.items():
        workshop.write(f"roles/{name}/{part}/main.yml", text)


def test_dependencies_run_first_and_tasks_of_the_play_last(workshop) -> None:
    """Roles stand before `tasks`, and what a role depends on before the role."""
    write_role(workshop, "base", tasks="- {name: t, ping: }\n")
    write_role(workshop, "app", tasks="- {name: t, ping: }\n", meta="dependencies: [base]\n")

    (play,) = workshop.load("""\
- hosts: all
  roles: [app]
  tasks: [{name: own, ping: }]
""").plays

    assert names(play.tasks) == ["base:t", "app:t", ":own"]
    assert play.role_names.direct == ("app",)
    assert play.role_names.dependent == ("base",)


def test_a_role_sees_the_variables_of_the_roles_around_it(workshop) -> None:
    """Defaults, vars and parameters come from dependencies and from those who need it."""
    write_role(
        workshop, "base", tasks="- ping:\n", defaults="{a: base, b: base}\n", vars="{v: base}\n"
    )
    write_role(
        workshop, "app", tasks="- ping:\n", defaults="{a: app}\n", vars="{w: app}\n",
        meta="dependencies: [{role: base, p: 1}]\n",
    )

    (play,) = workshop.load("- {hosts: all, roles: [{role: app, q: 2, vars: {k: 3}}]}\n").plays
    base, app = (task.role for task in flat(play.tasks))

    assert base.defaults == {"a": "base", "b": "base"}
    assert base.vars == {"k": 3, "w": "app", "v": "base"}
    assert base.params == {"q": 2, "p": 1}
    assert app.defaults == {"a": "app", "b": "base"}
    assert app.vars == {"v": "base", "w": "app", "k": 3}
    assert app.params == {"q": 2}
    assert play.role_vars == {"v": "base", "w": "app"}
    assert base.search_dirs == tuple(str(workshop.root / "roles" / n) for n in ("base", "app"))


def test_uses_with_the_same_parameters_have_one_key(workshop) -> None:
    """Conditions and tags that come from outside do not tell two uses apart."""
    write_role(workshop, "r", tasks="- ping:\n")

    (play,) = workshop.load("""\
- hosts: all
  roles: [r, {role: r}, {role: r, p: 1}, {role: r, tags: x}]
""").plays
    keys = [task.role.key for task in flat(play.tasks)]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_keywords_of_an_entry_reach_its_dependencies(workshop) -> None:
    """Tags and conditions add up on the tasks of all roles that it brings in."""
    write_role(workshop, "base", tasks="- {ping: , tags: own}\n")
    write_role(workshop, "app", meta="dependencies: [{role: base, when: d}]\n")

    (play,) = workshop.load(
        "- {hosts: all, roles: [{role: app, tags: a, when: w, become: yes}]}\n"
    ).plays
    (task,) = flat(play.tasks)

    assert (task.tags, task.when, task.become.enabled) == ({"a", "own"}, ("w", "d"), True)


def test_handlers_of_roles_come_before_those_of_the_play(workshop) -> None:
    """They are found by their name and as `role : name`."""
    write_role(
        workshop, "r", tasks="- {ping: , notify: ['r : h', h, topic]}\n",
        handlers="- {name: h, ping: , listen: topic}\n",
    )

    (play,) = workshop.load("- {hosts: all, roles: [r], handlers: [{name: p, ping: }]}\n").plays

    assert names(play.handlers) == ["r:h", ":p"]


def test_an_unknown_role_is_an_error_with_the_name_that_was_meant(workshop) -> None:
    """All roles that could be meant are listed."""
    write_role(workshop, "common", tasks="- ping:\n")

    problem = workshop.play_problem("- hosts: all\n  roles:\n    - comon\n")

    assert (problem.kind, problem.label) == ("input/unknown-role", "did you mean `common`?")
    assert (problem.mark.line, problem.mark.column) == (3, 7)


def test_a_task_file_that_a_role_lacks_is_an_error(workshop) -> None:
    """`tasks_from` is checked while the playbook loads, for includes as well."""
    write_role(workshop, "r", tasks="- ping:\n")
    workshop.write("roles/r/tasks/upgrade.yml", "- ping:\n")

    for verb in ("import_role", "include_role"):
        problem = workshop.task_problem(f"- {verb}: {{name: r, tasks_from: upgrde}}\n")
        assert (problem.kind, problem.label) == ("input/missing-file", "did you mean `upgrade`?")


def test_roles_that_need_each_other_are_an_error(workshop) -> None:
    """The circle is spelled out."""
    write_role(workshop, "a", meta="dependencies: [b]\n")
    write_role(workshop, "b", meta="dependencies: [a]\n")

    problem = workshop.play_problem("- {hosts: all, roles: [a]}\n")

    assert (problem.kind, problem.hint) == ("input/import-cycle", "a -> b -> a")


def test_mistakes_in_an_included_role_are_found_before_the_run(workshop) -> None:
    """A role that include_role names is read while the playbook loads."""
    write_role(workshop, "r", tasks="- copu: x\n")

    problem = workshop.task_problem("- include_role: {name: r}\n")

    assert problem.kind == "input/unknown-module"
    assert problem.mark.file.endswith("roles/r/tasks/main.yml")


def test_import_role_runs_another_file_of_the_same_role(workshop) -> None:
    """A role may import parts of itself."""
    write_role(workshop, "r", tasks="- import_role: {name: r, tasks_from: more}\n")
    workshop.write("roles/r/tasks/more.yml", "- {name: m, ping: }\n")

    (play,) = workshop.load("- {hosts: all, roles: [r]}\n").plays

    assert names(play.tasks) == ["r:m"]
    assert flat(play.tasks)[0].param_layers[0]["ansible_parent_role_names"] == ["r"]


def test_mistakes_in_all_files_of_roles_come_in_one_report(workshop) -> None:
    """Defaults, meta, tasks and what they include: each at its place, none hides another."""
    write_role(
        workshop, "r", defaults="bad-name: 1\n", meta="dependancies: [x]\n",
        tasks="- copy: {content: a, dst: /x}\n- include_tasks: sub.yml\n",
    )
    workshop.write("roles/r/tasks/sub.yml", "- debgu: {msg: x}\n")

    problems = workshop.problems(workshop.load, "- {hosts: all, roles: [r, s]}\n")

    found = [(one.kind, one.mark.file.rsplit("/", 2)[-2], one.label) for one in problems]
    assert sorted(found) == sorted([
        ("input/unknown-role", workshop.root.name, ""),
        ("input/variable-name", "defaults", ""),
        ("input/unknown-keyword", "meta", "did you mean `dependencies`?"),
        ("input/unknown-argument", "tasks", "did you mean `dest`?"),
        ("input/unknown-module", "tasks", "did you mean `debug`?"),
    ])
