"""The formats by name; only the one that is asked for is imported."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.lint.formats.interface import Format
    from poetry_gpu_build.lint.formats.interface import Style

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "text": "TextFormat",
        "json": "JsonFormat",
        "sarif": "SarifFormat",
        "github": "GithubFormat",
        "gitlab": "GitlabFormat",
        "junit": "JunitFormat",
    }
)
"""From the name of a format, which is the name of its module, to its class."""


def load_format(name: str, style: Style) -> Format:
    """Import a format and make it; raises ConfigurationError for a name that there is not."""
    if name not in FORMATS:
        raise ConfigurationError(f"there is no format `{name}`", ways_out=(f"use one of: {', '.join(FORMATS)}",))
    module = import_module(f"poetry_gpu_build.lint.formats.{name}")
    made: Format = getattr(module, FORMATS[name])(style)
    return made
