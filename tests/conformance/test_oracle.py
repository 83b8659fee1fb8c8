"""ansible-playbook of today still does what was recorded of it (`make test-all`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.case import HERE, Case, all_cases, expected
from tests.conformance.runs import by_ansible

pytestmark = pytest.mark.slow

#: Made by `make oracle`; another one may be named.
ORACLE = Path(os.environ.get("FLEETRUN_ORACLE", HERE.parent.parent / ".venv-oracle"))


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_the_record_is_what_ansible_does(case: Case) -> None:
    """Recorded again, a case has the same expectation."""
    oracle = ORACLE / "bin" / "ansible-playbook"
    assert oracle.exists(), "make oracle"

    seen = by_ansible(str(oracle), case)

    seen.pop("stderr", None)
    assert seen == expected(case)
