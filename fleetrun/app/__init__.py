"""The composition root: wires adapters to the engine. cli and daemon sit on it."""

from __future__ import annotations

from fleetrun.app.fleet import FleetApp, ResumeWishes, RunJournal, Secrets, new_run_id
from fleetrun.app.loaded import Loaded, enter, load, load_again, make_templater
from fleetrun.app.plans import patterns_of, plan_plays
from fleetrun.app.prompts import answered
from fleetrun.app.records import check_unchanged, final_outcomes

__all__ = [
    "FleetApp", "Loaded", "ResumeWishes", "RunJournal", "Secrets", "answered", "check_unchanged",
    "enter", "final_outcomes", "load", "load_again", "make_templater", "new_run_id",
    "patterns_of", "plan_plays",
]
