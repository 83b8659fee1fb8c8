"""Whole playbooks: plays, imports, included files, ad-hoc runs."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from fleetrun.errors import InputError
from fleetrun.loading import tasks
from fleetrun.loading.playbook import MAX_INCLUDE_DEPTH
from fleetrun.model.playbook import Become, Block, Task
from fleetrun.model.values import Expression, TemplateText
from fleetrun.planning.facts import with_facts


def names(nodes) -> list[str]:
    return [node.name for node in nodes]


def test_a_play_has_everything_that_it_says(workshop) -> None:
    """Keywords of a play reach the model with their types."""
    playbook = workshop.load("""\
- name: first
  hosts: [web, "db:&site_a"]
  gather_facts: no
  vars: {a: 1, b: "{{ a }}"}
  become: yes
  become_user: admin
  remote_user: pi
  environment: {LANG: C}
  tags: [base, "x,y"]
  force_handlers: true
  any_errors_fatal: "yes"
  strategy: ansible.builtin.free
  tasks:
    - ping:
""")
    (play,) = playbook.plays

    assert (play.index, play.name, play.hosts) == (0, "first", ["web", "db:&site_a"])
    assert play.gather_facts is False
    assert play.vars == {"a": 1, "b": "{{ a }}"}
    assert type(play.vars["b"]) is TemplateText
    assert play.become == Become(enabled=True, user="admin")
    assert (play.remote_user, play.environment) == ("pi", ({"LANG": "C"},))
    assert play.tags == {"base", "x", "y"}
    assert (play.force_handlers, play.any_errors_fatal) == (True, True)
    assert play.base_dir == str(workshop.root)


def test_a_play_without_keywords_has_ansibles_defaults(workshop) -> None:
    """Facts are gathered and the play is named after its devices."""
    (play,) = workshop.load("- hosts: all\n").plays

    assert (play.name, play.gather_facts, play.tasks) == ("all", None, ())
    assert play.become == Become()


def test_tasks_inherit_from_play_and_blocks(workshop) -> None:
    """The inner word wins; conditions, tags, variables and environments add up."""
    (play,) = workshop.load("""\
- hosts: all
  become: yes
  tags: p
  environment: {A: "1"}
  no_log: true
  vars: {v: play}
  tasks:
    - name: outer
      when: one
      tags: b
      become_user: carl
      vars: {v: block}
      notify: h
      environment: [{B: "2"}, "{{ env }}"]
      block:
        - name: inner
          ping:
          when: [two, three]
          tags: [t]
          become: no
          no_log: false
          vars: {v: task}
          notify: [i]
          environment: {C: "3"}
  handlers:
    - {name: h, ping: }
    - {name: other, listen: [i, j], ping: }
""").plays
    (block,) = play.tasks
    assert isinstance(block, Block)
    (task,) = block.block

    assert task.when == ("one", "two", "three")
    assert {type(condition) for condition in task.when} == {Expression}
    assert task.tags == {"p", "b", "t"}
    assert task.vars_layers == ({"v": "block"}, {"v": "task"})
    assert task.environment == ({"A": "1"}, {"B": "2"}, "{{ env }}", {"C": "3"})
    assert task.become == Become(enabled=False, user="carl")
    assert (task.no_log, task.notify) == (False, ("h", "i"))
    assert (task.id, block.id) == ("0.tasks.0.block.0", "0.tasks.0")
    assert [handler.listen for handler in play.handlers] == [(), ("i", "j")]


def test_ids_name_play_section_and_position(workshop) -> None:
    """Ids are stable paths made of safe characters only."""
    playbook = workshop.load("""\
- hosts: a
- hosts: b
  pre_tasks: [{ping: }]
  tasks:
    - ping:
    - block: [{ping: }]
      rescue: [{ping: }, {ping: }]
      always: [{block: [{ping: }]}]
  post_tasks: [{ping: }]
  handlers: [{name: h, ping: }]
""")
    play = playbook.plays[1]
    block = play.tasks[1]
    assert isinstance(block, Block)

    ids = [node.id for node in (*play.pre_tasks, *play.tasks, *play.post_tasks, *play.handlers)]
    assert ids == ["1.pre_tasks.0", "1.tasks.0", "1.tasks.1", "1.post_tasks.0", "1.handlers.0"]
    assert [node.id for node in block.rescue] == ["1.tasks.1.rescue.0", "1.tasks.1.rescue.1"]
    assert block.always[0].block[0].id == "1.tasks.1.always.0.block.0"


def test_vars_files_merge_in_order_and_prefer_the_vars_folder(workshop) -> None:
    """Later files win, vars/ comes before the play's folder, a list takes the first."""
    workshop.write("vars/a.yml", "x: from_vars_folder\ny: 1\n")
    workshop.write("a.yml", "x: beside\n")
    workshop.write("b.yml", "y: '{{ x }}'\n")
    workshop.write("empty.yml", "")
    (play,) = workshop.load(
        "- hosts: all\n  vars_files: [a.yml, [nope.yml, b.yml, a.yml], empty.yml]\n"
    ).plays

    assert play.file_vars == {"x": "from_vars_folder", "y": "{{ x }}"}
    assert type(play.file_vars["y"]) is TemplateText


def test_import_playbook_brings_plays_with_its_vars_tags_and_conditions(workshop) -> None:
    """The import's variables win; its tags and conditions are added to the tasks."""
    workshop.write("sub/more.yml", """\
- hosts: db
  vars: {a: own, b: own}
  tasks:
    - {ping: , when: t}
  handlers:
    - {name: h, ping: }
""")
    playbook = workshop.load("""\
- hosts: web
- import_playbook: sub/more.yml
  vars: {a: imported}
  tags: imp
  when: go
- hosts: last
""")
    play = playbook.plays[1]

    assert [(p.index, p.name) for p in playbook.plays] == [(0, "web"), (1, "db"), (2, "last")]
    assert play.vars == {"a": "imported", "b": "own"}
    assert (play.tasks[0].when, play.tasks[0].tags) == (("go", "t"), {"imp"})
    assert play.handlers[0].when == ()
    assert play.base_dir == str(workshop.root / "sub")


def test_import_tasks_is_replaced_by_the_tasks_of_the_file(workshop) -> None:
    """Imported tasks inherit the import's keywords and get ids below it."""
    workshop.write("sub/more.yml", "- {name: one, ping: }\n- import_tasks: deep.yml\n")
    workshop.write("sub/deep.yml", "- {name: two, ping: , when: d}\n")
    (play,) = workshop.load_tasks("""\
- ping:
- import_tasks: sub/more.yml
  when: w
  tags: t
  vars: {v: 1}
  become: yes
- ansible.builtin.import_tasks: {file: sub/deep.yml}
""").plays

    assert names(play.tasks) == ["", "one", "two", "two"]
    assert [task.id for task in play.tasks] == [
        "0.tasks.0", "0.tasks.1/0", "0.tasks.1/1/0", "0.tasks.2/0",
    ]
    two = play.tasks[2]
    assert (two.when, two.tags, two.vars_layers) == (("w", "d"), {"t"}, ({"v": 1},))
    assert two.become.enabled is True
    assert two.base_dir == str(workshop.root / "sub")


def test_imported_and_included_files_are_looked_for_beside_the_playbook_last(workshop) -> None:
    """A file of the playbook's folder can be named from a subfolder."""
    workshop.write("sub/a.yml", "- import_tasks: top.yml\n")
    workshop.write("top.yml", "- {name: top, ping: }\n")
    (play,) = workshop.load_tasks("- import_tasks: sub/a.yml\n").plays

    assert names(play.tasks) == ["top"]


def test_handlers_can_be_imported(workshop) -> None:
    """import_tasks among handlers gives handlers that can be notified."""
    workshop.write("h.yml", "- {name: restart, ping: }\n")
    (play,) = workshop.load("""\
- hosts: all
  tasks:
    - {command: echo, notify: restart}
  handlers:
    - import_tasks: h.yml
""").plays

    assert [handler.id for handler in play.handlers] == ["0.handlers.0/0"]


def include_of(workshop, text: str) -> Task:
    task = workshop.load_tasks(text).plays[0].tasks[-1]
    while isinstance(task, Block):
        task = task.block[-1]
    assert isinstance(task, Task)
    return task


def test_include_tasks_loads_below_its_id_and_keeps_its_own_condition_and_tags(workshop) -> None:
    """Included tasks get what surrounds the include and its variables, nothing else of it."""
    workshop.write("sub/inc.yml", "- {name: in, ping: , when: w}\n- include_tasks: more.yml\n")
    include = include_of(workshop, """\
- block:
    - include_tasks: "{{ dir }}/inc.yml"
      when: own
      tags: own
      vars: {v: 1}
  when: outer
  tags: outer
  become: yes
""")

    nodes = workshop.loader.load_tasks("sub/inc.yml", include)

    assert (include.module, include.args) == ("include_tasks", {"_raw_params": "{{ dir }}/inc.yml"})
    assert [node.id for node in nodes] == [f"{include.id}/0", f"{include.id}/1"]
    assert (nodes[0].when, nodes[0].tags) == (("outer", "w"), {"outer"})
    assert (nodes[0].param_layers, nodes[0].become.enabled) == (({"v": 1},), True)
    assert nodes[1].base_dir == str(workshop.root / "sub")


@pytest.mark.parametrize("form", ["inc.yml", "{file: inc.yml}", "file=inc.yml"])
def test_include_tasks_takes_all_of_ansibles_forms(workshop, form: str) -> None:
    """Text, a mapping and k=v name the same file."""
    workshop.write("inc.yml", "- ping:\n")

    assert include_of(workshop, f"- include_tasks: {form}\n").args == {"_raw_params": "inc.yml"}


def test_an_include_is_cached_only_for_the_same_variables(workshop) -> None:
    """The same task in a loop hands other items down on other devices."""
    workshop.write("inc.yml", "- ping:\n")
    include = include_of(workshop, "- include_tasks: inc.yml\n")
    looped = replace(include, param_layers=({"item": 1},))

    first = workshop.loader.load_tasks("inc.yml", include)

    assert workshop.loader.load_tasks("inc.yml", include) is first
    assert workshop.loader.load_tasks("inc.yml", looped)[0].param_layers == ({"item": 1},)
    assert workshop.loader.load_tasks("inc.yml", replace(looped, param_layers=({"item": 2},)))[
        0
    ].param_layers == ({"item": 2},)


def test_included_files_that_are_known_are_checked_before_the_run(workshop) -> None:
    """A mistake in a file behind two includes is found when the playbook is loaded."""
    workshop.write("a.yml", "- include_tasks: b.yml\n")
    workshop.write("b.yml", "- include_tasks: a.yml\n- copu: x\n")

    problem = workshop.task_problem("- include_tasks: a.yml\n")

    assert (problem.kind, problem.label) == ("input/unknown-module", "did you mean `copy`?")
    assert problem.mark.file.endswith("b.yml")


def test_a_missing_included_file_is_a_warning_at_load_and_an_error_at_run(workshop) -> None:
    """Its condition may be false; when it is needed, the error says where it looked."""
    playbook = workshop.load_tasks("- {include_tasks: nope.yml, when: false}\n")
    include = playbook.plays[0].tasks[0]

    with pytest.raises(InputError) as caught:
        workshop.loader.load_tasks("nope.yml", include)

    assert "nope.yml" in playbook.warnings[0]
    assert str(workshop.root / "nope.yml") in caught.value.problems[0].hint


def test_includes_that_never_end_stop(workshop) -> None:
    """A file that includes itself without end is refused at a depth."""
    workshop.write("loop.yml", "- include_tasks: loop.yml\n")
    include = include_of(workshop, "- include_tasks: loop.yml\n")

    for _ in range(MAX_INCLUDE_DEPTH):
        (include,) = workshop.loader.load_tasks("loop.yml", include)

    with pytest.raises(InputError, match="levels deep"):
        workshop.loader.load_tasks("loop.yml", include)


def test_every_file_read_is_hashed(workshop) -> None:
    """Playbook, imports, variables and known includes have their sha256."""
    for name in ("imp.yml", "inc.yml"):
        workshop.write(name, "- ping:\n")
    workshop.write("v.yml", "a: 1\n")
    playbook = workshop.load("""\
- hosts: all
  vars_files: v.yml
  tasks:
    - import_tasks: imp.yml
    - include_tasks: inc.yml
""")

    expected = {
        str(workshop.root / name): hashlib.sha256((workshop.root / name).read_bytes()).hexdigest()
        for name in ("site.yml", "v.yml", "imp.yml", "inc.yml")
    }
    assert playbook.file_hashes == expected


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("", "input/empty-playbook", "no play"),
        ("[]", "input/empty-playbook", "no play"),
        ("hosts: all", "input/type", "a list of plays, not a mapping"),
        ("- tasks: []", "input/missing-keyword", "no `hosts`"),
        ("- hosts:", "input/missing-keyword", "no `hosts`"),
        ("- hosts: []", "input/missing-keyword", "`hosts` is empty"),
        ("- foo", "input/type", "this play must be a mapping, not text"),
        ("- {hosts: a, gather_fact: no}", "input/unknown-keyword", "`gather_fact`"),
        ("- {hosts: a, roles: [x]}", "input/unknown-role", "no role `x`"),
        ("- {hosts: a, name: NO}", "input/quote-value", "`name` needs text"),
        ("- {hosts: a, name: 1.10}", "input/quote-value", "`name` needs text"),
        ("- {hosts: a, vars: [a]}", "input/type", "`vars` must be a mapping"),
        ("- {hosts: a, vars: {a-b: 1}}", "input/variable-name", "`a-b`"),
        ("- {hosts: a, vars: {1: 1}}", "input/variable-name", "`1`"),
        ("- {hosts: a, tasks: {ping: }}", "input/type", "must be a list of tasks"),
        ("- {hosts: a, strategy: fast}", "input/unknown-value", "`fast`"),
        ("- {hosts: a, become: maybe}", "input/type", "yes or no"),
        ("- {hosts: a, any_errors_fatal: '{{ x }}'}", "input/template-not-allowed", "template"),
        ("- {hosts: a, tags: ['{{ x }}']}", "input/template-not-allowed", "`tags`"),
        ("- {hosts: a, timeout: soon}", "input/type", "needs a number"),
        ("- {hosts: a, timeout: -1}", "input/range", "at least 0"),
        ("- {hosts: a, environment: [x]}", "input/type", "`environment` must be a mapping"),
        ("- {hosts: a, environment: {A: [1]}}", "input/type", "`A` needs text"),
        ("- {hosts: a, environment: {A: 0644}}", "input/quote-value", "`A` needs text"),
        ("- {hosts: a, vars_files: nope.yml}", "input/missing-file", "nope.yml"),
        ("- import_playbook: nope.yml", "input/missing-file", "nope.yml"),
        ("- import_playbook: site.yml", "input/import-cycle", "imports itself"),
        ("- {import_playbook: a, hosts: b}", "input/unknown-keyword", "`hosts`"),
        ("- hosts: a\n---\n- hosts: b", "input/documents", "more than one"),
    ],
)
def test_mistakes_in_plays_are_clear_errors(workshop, text: str, kind: str, part: str) -> None:
    """Each mistake is one problem with its kind and place."""
    workshop.write("a", "- hosts: x\n")
    problem = workshop.play_problem(text)

    assert problem.kind == kind
    assert part in problem.message


def test_a_missing_playbook_is_an_input_error(workshop) -> None:
    """The message names the file."""
    with pytest.raises(InputError, match=r"no file .*nope\.yml"):
        workshop.loader.load(str(workshop.root / "nope.yml"))


def test_all_problems_come_at_once_in_file_order(workshop) -> None:
    """One run of the loader finds everything, file by file, line by line."""
    workshop.write("imp.yml", "- pong:\n- debug: {mgs: a}\n")
    problems = workshop.problems(workshop.load, """\
- hosts: all
  tasks:
    - import_tasks: imp.yml
    - {ping: , retires: 3}
    - {command: echo, notify: h, when: 5}
  taggs: x
""")

    places = [(problem.mark.file.rsplit("/", 1)[-1], problem.mark.line) for problem in problems]
    assert places == [
        ("site.yml", 4), ("site.yml", 5), ("site.yml", 5), ("site.yml", 6),
        ("imp.yml", 1), ("imp.yml", 2),
    ]


def test_notified_handlers_must_exist(workshop) -> None:
    """A name nobody has is found at load time; topics, templates and roles pass."""
    problem = workshop.play_problem("""\
- hosts: all
  tasks:
    - {command: a, notify: [restart app, reload, "{{ x }}"]}
    - {command: a, notify: restrat app}
  handlers:
    - {name: restart app, ping: }
    - {name: other, listen: reload, ping: }
""")

    assert (problem.kind, problem.label) == ("input/unknown-handler", "did you mean `restart app`?")
    assert (problem.mark.line, problem.mark.column) == (4, 28)


def test_a_handler_that_nothing_can_notify_is_a_warning(workshop) -> None:
    """Neither name nor topic."""
    playbook = workshop.load("- hosts: all\n  handlers: [{ping: }]\n")

    assert "nothing can notify it" in playbook.warnings[0]


def test_a_chain_of_imports_cannot_be_endless(workshop) -> None:
    """Cycles name the way around; very deep chains are refused."""
    workshop.write("a.yml", "- import_tasks: b.yml\n")
    workshop.write("b.yml", "- import_tasks: a.yml\n")
    for index in range(70):
        workshop.write(f"d{index}.yml", f"- import_tasks: d{index + 1}.yml\n")

    cycle = workshop.task_problem("- import_tasks: a.yml\n")
    deep = workshop.task_problem("- import_tasks: d0.yml\n")

    assert cycle.kind == "input/import-cycle"
    assert cycle.hint == " -> ".join(
        str((workshop.root / name).resolve()) for name in ("a.yml", "b.yml", "a.yml")
    )
    assert deep.kind == "input/nesting"


def test_an_import_bomb_is_refused(workshop, monkeypatch) -> None:
    """Files that import each other twice cannot make endless tasks."""
    monkeypatch.setattr(tasks, "MAX_TASKS", 1000)
    for index in range(30):
        text = f"- import_tasks: f{index + 1}.yml\n" * 2 if index < 29 else "- ping:\n"
        workshop.write(f"f{index}.yml", text)

    problems = workshop.problems(workshop.load_tasks, "- import_tasks: f0.yml\n")

    assert [problem.kind for problem in problems] == ["input/too-many-tasks"]


def test_adhoc_makes_a_playbook_of_one_task(workshop) -> None:
    """Arguments may hold templates; no facts are gathered."""
    playbook = workshop.loader.adhoc("web:&a", "copy", 'content="{{ x }}" dest=/tmp/x mode=0644')
    (play,) = playbook.plays
    (task,) = play.tasks

    assert (play.hosts, play.gather_facts, playbook.path) == ("web:&a", False, "")
    assert (task.id, task.module) == ("0.tasks.0", "copy")
    assert task.args == {"content": "{{ x }}", "dest": "/tmp/x", "mode": "0644"}
    assert type(task.args["content"]) is TemplateText


def test_adhoc_takes_the_words_of_a_command_as_they_are(workshop) -> None:
    """Braces in a shell command are no template."""
    words = ["docker", "ps", "--format", "{{.Names}}"]
    (task,) = workshop.loader.adhoc("all", "command", argv=words).plays[0].tasks

    assert task.args == {"argv": words, "expand_argument_vars": False}
    assert {type(word) for word in task.args["argv"]} == {str}


@pytest.mark.parametrize(
    ("pattern", "module", "text", "kind"),
    [
        ("all", "copu", "", "input/unknown-module"),
        ("all", "copy", "src=a dst=b", "input/unknown-argument"),
        ("all", "copy", "src=a", "input/arguments"),
        ("all", "copy", "src='a", "input/arguments"),
        ("all", "service", "name=a enabled=maybe", "input/argument-value"),
        ("", "ping", "", "input/missing-keyword"),
    ],
)
def test_adhoc_mistakes_are_input_errors_without_places(
    workshop, pattern: str, module: str, text: str, kind: str
) -> None:
    """There is no file to point into."""
    with pytest.raises(InputError) as caught:
        workshop.loader.adhoc(pattern, module, text)

    assert [(problem.kind, problem.mark) for problem in caught.value.problems] == [(kind, None)]


def test_a_play_says_which_facts_are_gathered(workshop) -> None:
    """The three keywords become arguments of the play's own `setup`."""
    playbook = workshop.load("""
- hosts: all
  gather_subset: ["!all", network]
  gather_timeout: 7
  fact_path: /opt/facts
""")
    assert playbook.plays[0].gather_args == {
        "gather_subset": ("!all", "network"), "gather_timeout": 7, "fact_path": "/opt/facts",
    }
    task = with_facts(playbook.plays[0]).pre_tasks[0]
    assert isinstance(task, Task)
    assert (task.module, task.args) == ("setup", playbook.plays[0].gather_args)


def test_run_once_is_warned_of_where_devices_never_wait(workshop) -> None:
    """As Ansible: with `strategy: free` every device runs the task."""
    text = "- hosts: all\n  strategy: free\n  tasks:\n  - ping:\n    run_once: yes\n"
    (warning,) = workshop.load(text).warnings
    assert "every device runs this task" in warning
