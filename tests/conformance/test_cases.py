"""Small playbooks do what ansible-playbook was seen to do with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.case import HERE, Case, all_cases, expected, recorded
from tests.conformance.runs import by_fleetrun

CASES = all_cases()
DIFFERENCES = HERE.parent.parent / "docs" / "explanation" / "differences-from-ansible.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_playbook_does_what_ansible_does(case: Case, tmp_path: Path) -> None:
    """The same tasks in the same order with the same results, and the same recap.

    Where the docs list a difference, what they describe.
    """
    wanted = expected(case, "fleetrun" if case.differs else "ansible")

    seen = by_fleetrun(case, tmp_path)

    assert seen.pop("stderr", "") == "" or wanted["exit"] == "error"
    assert seen == wanted


@pytest.mark.parametrize("case", [one for one in CASES if one.differs], ids=lambda case: case.id)
def test_a_difference_is_one_and_is_listed(case: Case) -> None:
    """It differs from what Ansible was seen to do, and the docs say so with its reason."""
    rows = [line.split("|") for line in DIFFERENCES.read_text("utf-8").splitlines()]
    reasons = {row[1].strip(): row[-2].strip() for row in rows if len(row) > 3}

    assert expected(case, "fleetrun") != expected(case, "ansible")
    assert reasons.get(case.differs or "")


def test_every_expectation_is_of_a_case() -> None:
    """Nothing is recorded of entries that are no longer there."""
    known = {(case.record, case.name) for case in CASES if case.area}
    kept = {(path, name) for path in (HERE / "plays").glob("*.json") for name in recorded(path)}

    assert kept == known
