"""The engine: the bake definition, asking whether anything can build, running it, and reading why it failed."""

from __future__ import annotations
