"""Agentless orchestration for fleets of Linux devices."""

__version__ = "0.1.0"
