"""Where this program keeps what one run learnt for the next: never in a project, whose files an image copies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def state_folder(environment: Mapping[str, str]) -> Path:
    """The user's own, by the XDG base directory specification, which has a relative path ignored."""
    base = environment.get("XDG_STATE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"  # noqa: PTH117
    return folder / "poetry-gpu-build"
