"""Whether an image has this plugin: the one that reads the toggle, and that keeps Poetry away from a swapped torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.commands import is_poetry
from poetry_gpu_build.lint.commands import normalised
from poetry_gpu_build.lint.commands import subcommand
from poetry_gpu_build.lint.commands import uses

if TYPE_CHECKING:
    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

PLUGIN = "poetry-gpu-build"


def has_plugin(image: Image, documents: Documents) -> bool:
    """Whether a command of the image installs the plugin."""
    return any(map(brings_plugin, uses(image, documents)))


def brings_plugin(use: Use) -> bool:
    """Whether a command installs the plugin, or something of which nobody knows that it is not the plugin."""
    is_self_add = is_poetry(use) and subcommand("poetry", use.texts)[1][:1] == ("add",)
    if not use.installer and not is_self_add:
        return False
    return any(PLUGIN in normalised(text) or text.startswith("${_}") for text in use.texts)
