"""What of a playbook will not run, and what will bite: the report for migrating people."""

from __future__ import annotations

from fleetrun.loading.lint.report import LintReport, lint_paths

__all__ = ["LintReport", "lint_paths"]
