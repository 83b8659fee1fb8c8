"""How one device walks through roles: once each, with their variables, to their end."""

from __future__ import annotations

from dataclasses import replace

from fleetrun.model.playbook import Loop, Task
from fleetrun.model.role import Role
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.facts import with_facts
from fleetrun.planning.handlers import Notifications
from tests.support.programs import block, changed, drive, failure, play, task, template, when


def role(name: str = "r", **fields) -> Role:
    fields.setdefault("key", name)
    return Role(name=name, path=f"/roles/{name}", **fields)


def within(one: Role, *tasks: Task) -> tuple[Task, ...]:
    """Tasks of a use of a role, with the one that ends it."""
    end = task("meta", {"_raw_params": "role_complete"}, name="", is_implicit=True)
    return tuple(replace(each, role=one) for each in (*tasks, end))


def test_a_role_runs_once_for_the_same_parameters() -> None:
    """A second use with the same key is passed over, one with another key is not."""
    trace = drive(play(
        *within(role(), task(name="a")), *within(role(), task(name="b")),
        *within(role(key="other"), task(name="c")),
    ))

    assert trace.ran == ["a", "c"]


def test_a_role_that_allows_duplicates_runs_each_time() -> None:
    """`allow_duplicates` of its meta."""
    twice = role(allow_duplicates=True)

    assert drive(play(*within(twice, task(name="a")), *within(twice, task(name="b")))).ran == [
        "a", "b",
    ]


def test_a_role_that_failed_did_not_run() -> None:
    """After a rescue the same role is tried again."""
    trace = drive(
        play(
            block(*within(role(), task(name="bad")), rescue=(task(name="rescue"),)),
            *within(role(), task(name="again")),
        ),
        lambda step: failure() if step.task.name == "bad" else changed(),
    )

    assert trace.ran == ["bad", "rescue", "again"]


def test_tasks_of_roles_travel_in_one_write() -> None:
    """The end of a role costs no round trip."""
    trace = drive(play(
        *within(role("a"), task(name="one")), *within(role("b"), task(name="two")),
        task(name="three"),
    ))

    assert trace.batches == [["one", "two", "three"]]


def test_end_role_leaves_the_role_alone() -> None:
    """What follows in the role is left out, what follows the role is not."""
    trace = drive(play(
        *within(role(), task(name="a"), task("meta", {"_raw_params": "end_role"}), task(name="b")),
        task(name="c"),
    ))

    assert trace.ran == ["a", "c"]


def test_levels_of_a_role_are_where_ansible_has_them() -> None:
    """Defaults below everything, vars over the play's, parameters over facts."""
    one = role(defaults={"d": "default", "i": "default"}, vars={"v": "role"}, params={"p": "param"})
    text = template("{{ d }} {{ i }} {{ v }} {{ p }}")
    trace = drive(
        play(
            task("set_fact", {"p": "fact", "f": "fact"}),
            *within(one, task(args={"argv": [text]})),
            vars={"v": "play", "d2": "play"},
        ),
        base={"i": "inventory"},
    )

    assert trace.ran == ["default inventory role param"]


def test_notifications_are_rendered_for_each_changed_item() -> None:
    """Each item notifies the handler of its own name."""
    trace = drive(play(
        task(
            name="t", loop=Loop(items=["one", "two"]), notify=(template("{{ item }}"),),
            args={"argv": ["t"]},
        ),
        handlers=tuple(task(name=name, id=f"0.handlers.{name}") for name in ("zero", "one", "two")),
    ))

    assert trace.ran == ["t", "t", "one", "two"]


def test_facts_are_gathered_once_when_that_is_wanted() -> None:
    """With gathering = smart a device whose facts are known is not asked again."""
    known = DeviceState()
    known.learn({"ansible_facts": {"ansible_system": "Linux"}})
    wanted = with_facts(play(task(name="a")))

    assert drive(wanted, gathers_once=True, state=known).ran == ["a"]
    assert drive(wanted, gathers_once=True).ran == ["setup", "a"]
    assert drive(wanted, state=known).ran == ["setup", "a"]


def test_of_handlers_with_one_name_the_first_of_the_last_list_counts() -> None:
    """The play's own handlers come behind those of its roles."""
    def handler(name: str, id_: str, **fields) -> Task:
        return task(name=name, id=id_, **fields)

    handlers = (
        handler("h", "0.roles.0.handlers.0", role=role()),
        handler("h", "0.handlers.0"), handler("h", "0.handlers.1"),
        handler("l", "0.handlers.2", listen=("topic",)),
        handler("l", "0.handlers.3", listen=("topic",)),
    )
    notifications = Notifications(handlers)

    assert notifications.notify("h")
    assert notifications.next_after(-1) is handlers[1]
    notifications.clear(handlers[1])
    assert notifications.notify("r : h")
    assert notifications.next_after(-1) is handlers[0]
    notifications.clear(handlers[0])
    assert notifications.notify("topic")
    assert notifications.next_after(-1) is handlers[3]
    assert notifications.next_after(3) is None
    assert not notifications.notify("nobody")


def test_skipped_meta_tasks_are_not_counted() -> None:
    """Ansible's recap leaves them out."""
    trace = drive(play(task("meta", {"_raw_params": "noop"}, when=when("false")), task(name="a")))

    assert trace.program.recap.skipped == 0
