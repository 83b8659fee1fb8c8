"""The table of keywords and the page made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.loading.schema import KEYWORDS, Level, supported_names
from fleetrun.loading.schema_docs import keyword_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "playbook-keywords.md"

#: Keywords of Ansible 2.19, as its own classes list them.
ANSIBLE = {
    Level.PLAY: """any_errors_fatal become become_exe become_flags become_method become_user
        check_mode collections connection debugger diff environment fact_path force_handlers
        gather_facts gather_subset gather_timeout handlers hosts ignore_errors ignore_unreachable
        max_fail_percentage module_defaults name no_log order port post_tasks pre_tasks
        remote_user roles run_once serial strategy tags tasks throttle timeout vars vars_files
        vars_prompt""",
    Level.BLOCK: """always any_errors_fatal become become_exe become_flags become_method
        become_user block check_mode collections connection debugger delegate_facts delegate_to
        diff environment ignore_errors ignore_unreachable module_defaults name no_log notify port
        remote_user rescue run_once tags throttle timeout vars when""",
    Level.HANDLER: """action any_errors_fatal args async become become_exe become_flags
        become_method become_user changed_when check_mode collections connection debugger delay
        delegate_facts delegate_to diff environment failed_when ignore_errors ignore_unreachable
        listen loop loop_control module_defaults name no_log notify poll port register remote_user
        retries run_once tags throttle timeout until vars when""",
    Level.LOOP_CONTROL: "break_when extended extended_allitems index_var label loop_var pause",
}


@pytest.mark.parametrize("level", ANSIBLE)
def test_every_keyword_of_ansible_is_known(level: Level) -> None:
    """It is carried out, or refused with advice; never called unknown."""
    assert set(ANSIBLE[level].split()) - set(KEYWORDS[level]) == set()


def test_every_keyword_has_a_line_of_its_own() -> None:
    """Name, type and meaning are there, and a refused one says what to do."""
    for table in KEYWORDS.values():
        for name, keyword in table.items():
            assert (keyword.name, bool(keyword.type), bool(keyword.doc)) == (name, True, True)
            assert keyword.is_supported == (name in supported_of(table))


def supported_of(table) -> set[str]:
    return {name for name, keyword in table.items() if not keyword.instead}


def test_supported_names_keep_the_order_of_the_table() -> None:
    """The most used ones come first in messages."""
    assert supported_names(Level.LOOP_CONTROL) == (
        "loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when",
    )


def test_the_reference_page_is_current() -> None:
    """Write it again with keyword_reference() when this fails."""
    assert PAGE.read_text(encoding="utf-8") == keyword_reference()
