"""What a path is, also when it may not be looked at or cannot exist.

The methods of Path raise for a name that is too long (a list of devices is
one) and for a folder that the user may not enter; these say False.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_there(path: Path | str) -> bool:
    """True when the path exists."""
    return os.path.exists(path)  # noqa: PTH110  # see above


def is_folder(path: Path) -> bool:
    """True for a folder, also through a link."""
    return os.path.isdir(path)  # noqa: PTH112  # see above


def is_regular_file(path: Path) -> bool:
    """True for a regular file, also through a link."""
    return os.path.isfile(path)  # noqa: PTH113  # see above
