"""The forms in which findings are shown: one file each, found by name in `load`."""

from __future__ import annotations
