"""Where the launcher lives."""

# mypy: ignore-errors

from __future__ import annotations
