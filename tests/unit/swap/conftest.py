"""A place to try a swap in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .world import World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An interpreter without torch, an empty /opt, and no wheel."""
    return World(tmp_path / "world")
