"""The policy linter: the rules, what they find, and how it is shown and mended."""

from __future__ import annotations
