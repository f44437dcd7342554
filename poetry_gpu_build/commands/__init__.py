"""One thin file for each command: parse the options, call the core, render."""

from __future__ import annotations
