"""Compose files: the services that Compose would run, and where in which file each of their values stands."""

from __future__ import annotations
