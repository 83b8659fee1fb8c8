"""Tasks: modules, arguments, loops, conditions and their mistakes."""

from __future__ import annotations

import pytest

from fleetrun.model.playbook import Loop, LoopControl, Task
from fleetrun.model.values import Expression, TemplateText


def one(workshop, text: str) -> Task:
    (task,) = workshop.load_tasks(text).plays[0].tasks
    assert isinstance(task, Task)
    return task


def test_every_keyword_of_a_task_reaches_the_model(workshop) -> None:
    """All fields are filled from their keywords with the right types."""
    task = one(workshop, """\
- name: "{{ title }}"
  command: echo hi
  when: ready
  loop: [1, "{{ x }}"]
  loop_control: {loop_var: it, index_var: n, label: "{{ it }}", pause: 1.5, extended: yes}
  register: out
  changed_when: [out.rc == 1, false]
  failed_when: false
  ignore_errors: "{{ lenient }}"
  until: out is succeeded
  retries: "{{ n }}"
  delay: 0.5
  vars: {v: 1}
  environment: {A: x}
  become: "{{ b }}"
  become_user: root
  become_method: su
  tags: [a, 5]
  no_log: yes
  check_mode: no
  diff: yes
  timeout: 30
""")
    control = LoopControl(
        loop_var="it", index_var="n", label="{{ it }}", pause_s=1.5, extended=True
    )

    assert (task.module, task.args) == ("command", {"_raw_params": "echo hi"})
    assert (task.name, type(task.name)) == ("{{ title }}", TemplateText)
    assert (task.when, task.register) == (("ready",), "out")
    assert task.loop == Loop(items=[1, "{{ x }}"], control=control)
    assert task.changed_when == ("out.rc == 1", False)
    assert (task.failed_when, task.until) == ((False,), ("out is succeeded",))
    assert task.ignore_errors == "{{ lenient }}"
    assert (task.retries, task.delay, task.timeout) == ("{{ n }}", 0.5, 30)
    assert (task.vars_layers, task.environment) == (({"v": 1},), ({"A": "x"},))
    assert (task.become.enabled, task.become.user, task.become.method) == ("{{ b }}", "root", "su")
    assert task.tags == {"a", "5"}
    assert (task.no_log, task.check_mode, task.diff) == (True, False, True)
    assert (task.mark.line, task.mark.column) == (3, 7)


def test_keywords_about_other_devices_are_inherited(workshop) -> None:
    """A block hands them down; the task's own word wins."""
    task = one(workshop, """\
- name: t
  ping:
  delegate_to: "{{ item }}"
  delegate_facts: yes
  run_once: "{{ once }}"
  throttle: 3
  any_errors_fatal: yes
  ignore_unreachable: yes
  connection: local
  remote_user: root
""")
    assert (task.delegate_to, task.delegate_facts, task.run_once) == (
        "{{ item }}", True, "{{ once }}"
    )
    assert (task.throttle, task.any_errors_fatal, task.ignore_unreachable) == (3, True, True)
    assert (task.connection, task.remote_user) == ("local", "root")


@pytest.mark.parametrize("text", [
    "- local_action: command echo hi", "- local_action: {module: command, _raw_params: echo hi}",
])
def test_a_local_action_is_delegated_to_localhost(workshop, text: str) -> None:
    """The older notation of `delegate_to: localhost`."""
    task = one(workshop, text)
    assert (task.module, task.args["_raw_params"], task.delegate_to) == (
        "command", "echo hi", "localhost"
    )


@pytest.mark.parametrize(
    "text",
    [
        "- copy: {src: a, dest: b}",
        "- copy: src=a dest=b",
        "- ansible.builtin.copy: {src: a, dest: b}",
        "- ansible.legacy.copy: src=a dest=b",
        "- action: copy src=a dest=b",
        "- action: {module: copy, src: a, dest: b}",
        "- action: {module: copy src=a, dest: b}",
        "- copy: src=a\n  args: {dest: b}",
        "- copy:\n  args: {src: a, dest: b}",
        "- action: copy\n  args: {src: a, dest: b}",
        "- copy: {src: a}\n  args: {src: c, dest: b}",
    ],
)
def test_all_notations_of_a_module_give_the_same_task(workshop, text: str) -> None:
    """The module's own arguments win over those of `args`."""
    task = one(workshop, text)

    assert (task.module, dict(task.args)) == ("copy", {"src": "a", "dest": "b"})


def test_free_text_is_kept_as_written_and_is_a_template_if_it_holds_one(workshop) -> None:
    """`_raw_params` keeps its quotes; options in it are arguments."""
    task = one(workshop, """- command: 'echo "a  b" {{ x }} chdir=/tmp'""")

    assert task.args == {"_raw_params": 'echo "a  b" {{ x }}', "chdir": "/tmp"}
    assert type(task.args["_raw_params"]) is TemplateText
    assert type(task.args["chdir"]) is str


def test_unsafe_text_stays_plain_in_arguments(workshop) -> None:
    """!unsafe reaches the module without becoming a template."""
    task = one(workshop, "- command: !unsafe docker ps --format '{{.Names}}'")

    assert type(task.args["_raw_params"]) is str


def test_conditions_of_assert_are_expressions(workshop) -> None:
    """`that` is a list of expressions, in every notation."""
    listed = one(workshop, "- assert: {that: [a == 1, true], msg: no}\n".replace("no", "'no'"))
    text = one(workshop, "- assert: that=a")

    assert listed.args == {"that": ["a == 1", True], "msg": "no"}
    assert type(listed.args["that"][0]) is Expression
    assert (text.args["that"], type(text.args["that"][0])) == (["a"], Expression)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a == 1", ("a == 1",)),
        ('"{{ a }}"', ("a",)),
        ("\"{{ {'k': {'l': 1}}['k'] }}\"", ("{'k': {'l': 1}}['k']",)),
        ("\"{'k': {'l': 1}} == x\"", ("{'k': {'l': 1}} == x",)),
        ("\"a == '{{ b }}'\"", ("a == ('' ~ (b) ~ '')",)),
        ("\"a == 'x{{ b }}y' and c\"", ("a == ('x' ~ (b) ~ 'y') and c",)),
        ("[a, false]", ("a", False)),
        ("yes", (True,)),
        ("", ()),
        ("[]", ()),
    ],
)
def test_conditions_are_plain_expressions(workshop, written: str, expected: tuple) -> None:
    """Braces around a condition or inside of its strings are rewritten."""
    assert one(workshop, f"- ping:\n  when: {written}\n").when == expected


def test_empty_conditions_of_results_count_as_not_given(workshop) -> None:
    """`changed_when: []` is as if it were not there."""
    task = one(workshop, "- ping:\n  changed_when: []\n  failed_when:\n")

    assert (task.changed_when, task.failed_when) == (None, None)


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("loop: [1, [2]]", Loop(items=[1, [2]])),
        ('loop: "{{ l }}"', Loop(items="{{ l }}")),
        ("with_list: [1]", Loop(items=[1], lookup="list")),
        ("with_dict: {a: 1}", Loop(items={"a": 1}, lookup="dict")),
        ("with_items: [1, [2]]", Loop(items=[1, [2]], flatten=True)),
        ("with_items: word", Loop(items="word", flatten=True)),
    ],
)
def test_loops(workshop, text: str, loop: Loop) -> None:
    """`loop` needs a list; any other takes what its lookup takes."""
    assert one(workshop, f"- ping:\n  {text}\n").loop == loop


def test_set_fact_takes_any_name_and_names_may_be_templates(workshop) -> None:
    """Neither names nor types are judged there."""
    task = one(workshop, '- set_fact: {any: NO, "{{ name }}": 1.10}')

    assert task.args == {"any": False, "{{ name }}": 1.1}


def test_octal_modes_are_understood(workshop) -> None:
    """0644 without quotes is the number that chmod means."""
    assert one(workshop, "- file: {path: /a, mode: 0644}").args["mode"] == 0o644


def test_templates_in_arguments_are_judged_on_the_device(workshop) -> None:
    """A template may turn out to be anything, also `omit`."""
    task = one(workshop, """\
- copy:
    src: "{{ s }}"
    content: "{{ c | default(omit) }}"
    dest: "{{ d }}"
    mode: "{{ m }}"
""")

    assert len(task.args) == 4


@pytest.mark.parametrize(
    ("text", "kind", "place", "part"),
    [
        ("- foo", "input/type", "1:3", "a task must be a mapping, not text"),
        ("- ", "input/type", "1:2", "not nothing"),
        ("- name: a", "input/no-module", "1:3", "task `a` has no module"),
        ("- {ping: , debug: {msg: a}}", "input/several-modules", "1:12", "`ping`, `debug`"),
        ("- {ping: , action: debug}", "input/several-modules", "1:4", "more than one"),
        ("- copu: {a: b}", "input/unknown-module", "1:3", "`copu`"),
        ("- example.own.thing: {}", "input/unknown-module", "1:3",
         "there is no module `example.own.thing` (looked for `thing`)"),
        ("- action: copu src=a", "input/unknown-module", "1:11", "`copu`"),
        ("- action: '{{ m }}'", "input/template-not-allowed", "1:11", "template"),
        ("- action: [a]", "input/type", "1:11", "`action` needs text"),
        ("- {ping: , retires: 3}", "input/unknown-keyword", "1:12", "`retires`"),
        ("- {ping: , listen: x}", "input/unknown-keyword", "1:12", "`listen`"),
        ("- {ping: , yes: 1}", "input/unknown-keyword", "1:12", "`True`"),
        ("- {ping: , local_action: debug}", "input/several-modules", "1:4", "`local_action`"),
        ("- local_action: [a]", "input/type", "1:17", "`local_action` needs text"),
        ("- {ping: , with_dicts: {}}", "input/unknown-keyword", "1:12", "`with_dicts`"),
        ("- include_role: {name: x}", "input/unknown-role", "1:24", "no role `x`"),
        ("- import_playbook: x", "input/misplaced", "1:3", "import_playbook"),
        ("- debug: {mgs: a}", "input/unknown-argument", "1:11", "`mgs`"),
        ("- debug: mgs=a", "input/unknown-argument", "1:10", "`mgs`"),
        ("- debug: {_x: a}", "input/unknown-argument", "1:11", "`_x`"),
        ("- debug: some text", "input/arguments", "1:10", "expected name=value"),
        ("- command: \"echo 'a\"", "input/arguments", "1:12", "never closed"),
        ("- debug: [a]", "input/type", "1:10", "needs arguments, not a list"),
        ("- command: 5", "input/type", "1:12", "needs arguments, not a number"),
        ("- {debug: , args: x}", "input/type", "1:19", "`args` must be a mapping"),
        ("- copy: {src: a}", "input/arguments", "1:3", "`copy` needs `dest`"),
        ("- copy: {src: a, dest: }", "input/arguments", "1:3", "`copy` needs `dest`"),
        ("- command:", "input/arguments", "1:3", "needs one of `cmd`, `argv`"),
        ("- copy: {src: a, content: b, dest: c}", "input/arguments", "1:3", "only one of"),
        ("- file: {name: /a, state: presnt}", "input/argument-value", "1:27", "'presnt'"),
        ("- file: {path: /a, recurse: maybe}", "input/argument-value", "1:29", "`recurse`"),
        ("- file: path=/a state=presnt", "input/argument-value", "1:17", "'presnt'"),
        ("- copy: {src: a, dest: b, owner: 1.10}", "input/quote-value", "1:34", "`owner`"),
        ("- copy: {content: NO, dest: b}", "input/quote-value", "1:19", "`content`"),
        ("- command: {argv: [sleep, 1.10]}", "input/quote-value", "1:27", "`argv`"),
        ("- {ping: , name: 0644}", "input/quote-value", "1:18", "`name`"),
        ("- {ping: , register: a-b}", "input/variable-name", "1:22", "`a-b`"),
        ("- {ping: , register: '{{ x }}'}", "input/template-not-allowed", "1:22", "`register`"),
        ("- {ping: , when: 1}", "input/type", "1:18", "not a number"),
        ("- {ping: , when: [a, '']}", "input/type", "1:22", "empty text"),
        ("- {ping: , until: [{}]}", "input/type", "1:20", "not a mapping"),
        ("- {ping: , when: '{{ a }} == 1'}", "input/condition-template", "1:18", "no braces"),
        ("- {ping: , when: '{% if a %}1{% endif %}'}", "input/condition-template", "1:18",
         "no braces"),
        ("- {ping: , loop: word}", "input/type", "1:18", "`loop` needs a list"),
        ("- {ping: , loop: {a: b}}", "input/type", "1:18", "not a mapping"),
        ("- {ping: , loop: [1], with_items: [2]}", "input/several-loops", "1:23", "both"),
        ("- {ping: , loop: [1], loop_control: {lop_var: x}}", "input/unknown-keyword", "1:38",
         "`lop_var`"),
        ("- {ping: , loop: [1], loop_control: {pause: '{{ x }}'}}", "input/template-not-allowed",
         "1:45", "`pause`"),
        ("- {ping: , loop: [1], loop_control: {break_when: '{{'}}", "input/condition-template",
         "1:50", "`break_when`"),
        ("- {ping: , retries: many}", "input/type", "1:21", "`retries` needs a number"),
        ("- {ping: , ignore_errors: [a]}", "input/type", "1:27", "yes or no"),
        ("- {ping: , notify: [{}]}", "input/type", "1:21", "needs text"),
        ("- meta: flush_handler", "input/unknown-value", "1:9", "`flush_handler`"),
        ("- {include_tasks: a.yml, become: yes}", "input/unsupported-keyword", "1:26", "`become`"),
        ("- include_tasks: {file: a.yml, apply: {tag: x}}", "input/unknown-keyword", "1:40", "tag"),
        ("- include_tasks:", "input/arguments", "1:3", "the name of a file"),
        ("- import_tasks: '{{ x }}.yml'", "input/template-not-allowed", "1:17", "import_tasks"),
        ("- import_tasks: nope.yml", "input/missing-file", "1:17", "nope.yml"),
        ("- {import_tasks: a.yml, loop: [1]}", "input/unsupported-keyword", "1:25", "`loop`"),
        ("- {import_tasks: a.yml, register: r}", "input/unsupported-keyword", "1:25", "`register`"),
        ("- {block: [], register: r}", "input/unknown-keyword", "1:15", "in this block"),
        ("- {rescue: [], name: x}", "input/block", "1:3", "no `block`"),
        ("- block: {ping: }", "input/type", "1:10", "`block` must be a list"),
    ],
)
def test_mistakes_in_tasks_are_errors_at_their_place(
    workshop, text: str, kind: str, place: str, part: str
) -> None:
    """Each mistake is one problem; lines count within the list of tasks."""
    workshop.write("a.yml", "- ping:\n")

    problem = workshop.task_problem(text)

    line, column = (int(number) for number in place.split(":"))
    assert (problem.kind, problem.mark.line, problem.mark.column) == (kind, line + 2, column + 4)
    assert part in problem.message


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("- {ping: , retires: 3}", "did you mean `retries`?"),
        ("- copu: {a: b}", "did you mean `copy`?"),
        ("- ansible.builtin.openrc: name=x", "use `service`"),
        ("- debug: {mgs: a}", "did you mean `msg`?"),
        ("- meta: flush_handler", "did you mean `flush_handlers`?"),
        ("- {ping: , name: NO}", 'quote this value: "NO"'),
        ("- {ping: , name: 1.10}", 'quote this value: "1.10"'),
        ("- {copy: {src: a, dest: b, owner: 0644}}", 'quote this value: "0644"'),
    ],
)
def test_the_label_says_what_was_probably_meant(workshop, text: str, label: str) -> None:
    """Unknown names get the nearest known one, misread values their text."""
    assert workshop.task_problem(text).label == label


@pytest.mark.parametrize("value", ["22:22", "2026-01-01", "1e3", "'0644'", "5", "true_"])
def test_text_that_yaml_does_not_change_needs_no_quotes(workshop, value: str) -> None:
    """Only values that would print otherwise must be quoted."""
    task = one(workshop, f"- copy: {{content: {value}, dest: b}}")

    assert str(task.args["content"]) == value.strip("'")


def test_a_task_with_a_misspelt_keyword_and_no_module_gets_both_messages(workshop) -> None:
    """A keyword that is nearly right is not taken for a module."""
    problems = workshop.problems(workshop.load_tasks, "- {name: a, retires: 3}")

    kinds = [problem.kind for problem in problems]
    assert sorted(kinds) == ["input/no-module", "input/unknown-keyword"]


def test_a_broken_module_is_reported_with_the_task_that_names_it(workshop) -> None:
    """Problems of a module's own files come out of the loader."""
    from fleetrun.errors import InputError, Problem
    from fleetrun.loading.playbook import PlaybookLoader

    class Broken:
        def names(self) -> tuple[str, ...]:
            return ("bad",)

        def get(self, name: str) -> None:
            raise InputError([Problem(kind="input/module-spec", message=f"{name} is broken")])

    path = workshop.write("site.yml", "- hosts: all\n  tasks: [{bad: }]\n")
    with pytest.raises(InputError, match="bad is broken"):
        PlaybookLoader(Broken()).load(str(path))


def test_a_file_that_is_nearly_called_so_is_named(workshop) -> None:
    """The files beside those that were looked for are compared."""
    workshop.write("tasks/install.yml", "- ping:\n")

    problem = workshop.task_problem("- import_tasks: tasks/instal.yml\n")

    assert (problem.kind, problem.label) == (
        "input/missing-file", "did you mean `tasks/install.yml`?"
    )
