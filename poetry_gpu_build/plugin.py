"""The two entry points that Poetry loads: what every ``poetry`` command pays for, so nothing here imports a command.

The budget is 1 ms for each Poetry command, 2 ms with the loading of the two entry points (benchmarks/startup.py).
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from poetry.plugins.application_plugin import ApplicationPlugin
from poetry.plugins.plugin import Plugin

if TYPE_CHECKING:
    from collections.abc import Callable

    from cleo.commands.command import Command
    from cleo.io.io import IO
    from poetry.console.application import Application
    from poetry.poetry import Poetry

#: A command's name and where its class is: a new command is one line here.
COMMANDS = {
    "gpu-build": "poetry_gpu_build.commands.build:GpuBuildCommand",
    "gpu-build archs": "poetry_gpu_build.commands.archs:GpuBuildArchsCommand",
    "gpu-build init": "poetry_gpu_build.commands.init:GpuBuildInitCommand",
    "gpu-build lint": "poetry_gpu_build.commands.lint:GpuBuildLintCommand",
    "gpu-build rule": "poetry_gpu_build.commands.rule:GpuBuildRuleCommand",
    "gpu-build up": "poetry_gpu_build.commands.up:GpuBuildUpCommand",
}


class GpuBuildApplicationPlugin(ApplicationPlugin):
    """Makes ``poetry gpu-build`` and its subcommands known to Poetry; each is imported when it is asked for."""

    def activate(self, application: Application) -> None:
        """Register the commands.

        A name that is taken stays as it is, because Poetry raises for it and every Poetry command would fail.
        """
        loader = application.command_loader
        for name, place in COMMANDS.items():
            if not loader.has(name):
                loader.register_factory(name, command_factory(place))


class GroupTogglePlugin(Plugin):
    """Makes ``POETRY_WITH`` and ``POETRY_WITHOUT`` true for each command that reads the project (groups.py)."""

    def activate(self, poetry: Poetry, io: IO) -> None:
        """Apply the two variables to the project that Poetry has just read."""
        from poetry_gpu_build.groups import toggle

        toggle(poetry, io, os.environ)


def command_factory(place: str) -> Callable[[], Command]:
    """Return a function that imports and creates the command at ``place``, written ``module:class``."""

    def create() -> Command:
        module, _, name = place.partition(":")
        command: Command = getattr(import_module(module), name)()
        return command

    return create
