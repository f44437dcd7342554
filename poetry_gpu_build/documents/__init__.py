"""Parsers that keep the place of what they read; they know files, and no policy."""

from __future__ import annotations
