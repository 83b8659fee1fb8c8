"""The registry: generations, virtual ports, presence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetrun.bastion.registry import Forward, Presence, Registry, Tunnel


class Link:
    """A connection that notes why it was dropped."""

    def __init__(self) -> None:
        self.reason = ""

    def drop(self, reason: str) -> None:
        self.reason = reason


def claim(registry: Registry, device: str = "dev-a") -> Tunnel:
    return registry.claim(device, Link(), address="192.0.2.1", since=1.0)[0]


def test_old_sessions_end_never_removes_the_new_one() -> None:
    """release() of a tunnel that was replaced changes nothing."""
    registry = Registry()
    old, new = claim(registry), claim(registry)
    assert (False, True) == (registry.release(old), registry.find("dev-a") is new)
    assert (True, None) == (registry.release(new), registry.find("dev-a"))


@given(st.lists(st.tuples(st.sampled_from(["claim", "release"]), st.integers(0, 5)), max_size=40))
def test_the_newest_claim_stays_until_it_is_released_itself(
    steps: list[tuple[str, int]]
) -> None:
    """Whatever order sessions come and end in, the entry is the newest live one's."""
    registry, made = Registry(), []
    expected: Tunnel | None = None
    for action, number in steps:
        if action == "claim":
            expected = claim(registry)
            made.append(expected)
        elif made:
            ended = made[number % len(made)]
            registry.release(ended)
            expected = None if ended is expected else expected
        assert registry.find("dev-a") is expected


def test_port_zero_and_paths_stand_for_ssh_unless_22_is_there() -> None:
    """What is dialled as 22 is the explicit forward, else the first given one."""
    tunnel = claim(Registry())
    given_port = tunnel.add(Forward("localhost", 0))
    assert tunnel.forward_for(22) == Forward("localhost", given_port)
    tunnel.add(Forward("localhost", 22))
    assert tunnel.forward_for(22) == Forward("localhost", 22)
    tunnel.remove(22)
    tunnel.remove(given_port)
    assert tunnel.forward_for(22) is None


def test_names_are_found_in_any_case() -> None:
    """ssh lowers the host name that it is given."""
    registry = Registry()
    made = claim(registry, "Dev-A")
    assert registry.find("dev-a") is made


def test_watchers_hear_of_each_change_in_order() -> None:
    """A replaced tunnel is not told as gone: the device stayed up."""
    registry, heard = Registry(), list[Presence]()
    end = registry.watch(heard.append)
    old, new = claim(registry), claim(registry)
    registry.release(old)
    registry.release(new)
    end()
    claim(registry)
    assert [(True, 1), (True, 2), (False, 2)] == [(e.is_up, e.generation) for e in heard]
