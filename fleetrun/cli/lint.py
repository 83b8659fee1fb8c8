"""fleetrun lint: what of a playbook will not run, and what will bite."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fleetrun.errors import ExitCode, InputError, Problem

if TYPE_CHECKING:
    from fleetrun.app.sources import LintReport


@click.command(epilog="""\b
Examples:
  fleetrun lint site.yml
  fleetrun lint .                       # all playbooks and roles of a folder
  fleetrun lint site.yml --output json | jq '.unsupported'
\b
Exit codes: 0 it runs (there may be warnings), 2 it will not run, 3 warnings with --strict.
""")
@click.argument("paths", nargs=-1, required=True, metavar="PLAYBOOK...")
@click.option("--roles-path", multiple=True, metavar="FOLDER", help="Folder of roles.")
@click.option("--strict", is_flag=True, help="Exit 3 when there are warnings.")
@click.option("-q", "--quiet", is_flag=True, help="One line for each problem.")
@click.option("--output", default="text", type=click.Choice(["text", "json"]), show_default=True,
              help="json: one object on stdout.")
def command(
    paths: tuple[str, ...], roles_path: tuple[str, ...], strict: bool, quiet: bool, output: str
) -> int:
    """Say what of each PLAYBOOK (or folder of them) will not run, and what will bite."""
    from fleetrun.app.sources import lint_paths  # noqa: PLC0415  # keeps --help quick

    report = lint_paths(paths, roles_path=roles_path)
    if output == "json":
        click.echo(json.dumps(_plain(report), indent=1))
    elif quiet:
        for word, problems in (("error", report.errors), ("warning", report.warnings)):
            for problem in problems:
                click.echo(_line(word, problem))
    else:
        _show(report)
    if report.errors:
        return int(ExitCode.INPUT)
    return int(ExitCode.FAILED if strict and report.warnings else ExitCode.OK)


def _line(word: str, problem: Problem) -> str:
    where = f"{problem.mark}: " if problem.mark else ""
    hint = f" ({problem.hint or problem.label})" if problem.hint or problem.label else ""
    return f"{where}{word} [{problem.kind}] {problem.message}{hint}"


def _show(report: LintReport) -> None:
    from fleetrun.app.terminal import wants_colour  # noqa: PLC0415  # keeps --help quick
    from fleetrun.cli.problems import render_problems  # noqa: PLC0415

    if report.errors:
        shown = render_problems(InputError(report.errors), color=wants_colour(sys.stdout))
        click.echo(shown, nl=False)
    for problem in report.warnings:
        click.echo(_line("warning", problem))
    if report.unsupported:
        click.echo("\nnot supported, and how often it is used:")
        for name, count in report.unsupported.items():
            click.echo(f"  {count:>4}  {name}")
    click.echo(
        f"\n{_count(report.files, 'file')}: {_count(report.errors, 'error')}, "
        f"{_count(report.warnings, 'warning')}"
    )


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _plain(report: LintReport) -> dict[str, object]:
    problems = [
        {
            "severity": severity, "rule": problem.kind, "message": problem.message,
            "hint": problem.hint or problem.label,
            "file": problem.mark.file if problem.mark else "",
            "line": problem.mark.line if problem.mark else 0,
            "column": problem.mark.column if problem.mark else 0,
        }
        for severity, found in (("error", report.errors), ("warning", report.warnings))
        for problem in found
    ]
    return {
        "version": 1, "files": list(report.files), "problems": problems,
        "unsupported": report.unsupported,
    }
