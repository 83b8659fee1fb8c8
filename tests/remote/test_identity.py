"""Commands for identities, and what is made of a refusal."""

from __future__ import annotations

import pytest

from fleetrun.errors import ConnectError
from fleetrun.model.steps import LOGIN, Identity
from fleetrun.remote.identity import MARK, SHELL, SUDO_PROMPT, become_error, launch


def test_the_login_user_needs_no_tool() -> None:
    """The login's shell is replaced by sh; nothing is asked, no terminal is needed."""
    plan = launch(LOGIN, SHELL, has_password=True)
    assert ("exec sh", False, False) == (plan.command, plan.pty, plan.asks)


@pytest.mark.parametrize("method", ["sudo", "su", "doas"])
def test_without_a_password_nothing_may_ask(method: str) -> None:
    """No terminal, no prompt; sudo and doas are told so."""
    plan = launch(Identity(user="app", method=method), SHELL, has_password=False)
    assert (False, False) == (plan.pty, plan.asks)
    assert method == "su" or " -n " in plan.command


@pytest.mark.parametrize(("method", "pty"), [("sudo", False), ("su", True), ("doas", True)])
def test_with_a_password_the_program_announces_itself(method: str, pty: bool) -> None:
    """Only su and doas need a terminal, which is made raw before anything is sent."""
    plan = launch(Identity(user="app", method=method), SHELL, has_password=True)
    assert (pty, True) == (plan.pty, plan.asks)
    assert MARK in plan.command
    assert pty == ("stty raw -echo" in plan.command)
    assert (SUDO_PROMPT if method == "sudo" else "") == plan.prompt


@pytest.mark.parametrize(
    ("identity", "part"),
    [
        (Identity(user="app", method="pbrun"), "unknown method"),
        (Identity(user="-c", method="su"), "not a user name"),
        (Identity(user="a\nb", method="su"), "not a user name"),
    ],
)
def test_refuses_what_cannot_be(identity: Identity, part: str) -> None:
    """Unknown methods and names that would be options are refused."""
    with pytest.raises(ConnectError, match=part):
        launch(identity, SHELL, has_password=False)


@pytest.mark.parametrize(
    ("said", "timed_out", "part"),
    [
        (b"", False, "it ended without a word"),
        (b"", True, "no answer in time"),
        (b"sudo: a password is required\n", False, "a password is needed"),
        (b"Sorry, user x may not run sudo on y.\n", False, "not permitted"),
        (b"sh: 1: exec: sudo: not found\n", False, "the tool is missing"),
        (b"sudo: unknown user app\n", False, "no such user"),
        (b"Sorry, try again.\n", False, "the password is wrong"),
        (b"something else", False, r"without a word \(something else\)"),
    ],
)
def test_says_why_an_identity_was_refused(said: bytes, timed_out: bool, part: str) -> None:
    """The tool's words become a reason; the last line is shown."""
    error = become_error(Identity(user="app"), said, timed_out=timed_out)
    assert "connect/become" == error.kind
    with pytest.raises(ConnectError, match=part):
        raise error


def test_says_what_a_login_said_instead() -> None:
    """For the login user it is the shell that failed, not an escalation."""
    error = become_error(LOGIN, b"This account is not available\x07\n")
    assert ("connect/protocol", "the device's shell did not answer: "
            "This account is not available\\x07") == (error.kind, error.message)
