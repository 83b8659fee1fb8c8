"""The SQLite journal against the suite that every journal must pass."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.testing.journal_suite import JOURNAL_CHECKS, Check, run_check


@pytest.mark.parametrize("check", JOURNAL_CHECKS, ids=lambda check: check.__name__)
def test_keeps_the_contract(check: Check, tmp_path: Path) -> None:
    """Each check of the public suite holds."""
    path = tmp_path / "state" / "journal.db"
    asyncio.run(run_check(check, lambda ttl_s: SqliteJournal(path, lease_ttl_s=ttl_s)))
