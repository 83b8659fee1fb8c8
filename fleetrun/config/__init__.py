"""Settings from files and the environment, each with where it came from."""

from __future__ import annotations

from fleetrun.config.resolve import Config, Found, read_config
from fleetrun.config.table import SETTINGS, Setting

__all__ = ["SETTINGS", "Config", "Found", "Setting", "read_config"]
