"""The cases, by what goes wrong: the machine, the container runtime, torch's code, libraries, the compile, Poetry."""

from __future__ import annotations
