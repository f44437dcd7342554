"""Finds ``policies/`` and ``docker/``: inside the installed package, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _resource(name: str) -> Path:
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def policies_dir() -> Path:
    """The folder with the shipped policy, its schema and ``facts/``."""
    return _resource("policies")


def docker_dir() -> Path:
    """The folder with the shipped Dockerfiles and Compose file."""
    return _resource("docker")
