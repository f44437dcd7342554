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
    from cleo.events.event import Event
    from cleo.events.event_dispatcher import EventDispatcher
    from cleo.io.io import IO
    from poetry.console.application import Application
    from poetry.poetry import Poetry

#: A command's name and where its class is: a new command is one line here.
COMMANDS = {
    "gpu-build": "poetry_gpu_build.commands.build:GpuBuildCommand",
    "gpu-build advise": "poetry_gpu_build.commands.advise:GpuBuildAdviseCommand",
    "gpu-build archs": "poetry_gpu_build.commands.archs:GpuBuildArchsCommand",
    "gpu-build dependencies": "poetry_gpu_build.commands.dependencies:GpuBuildDependenciesCommand",
    "gpu-build doctor": "poetry_gpu_build.commands.doctor:GpuBuildDoctorCommand",
    "gpu-build init": "poetry_gpu_build.commands.init:GpuBuildInitCommand",
    "gpu-build lint": "poetry_gpu_build.commands.lint:GpuBuildLintCommand",
    "gpu-build rule": "poetry_gpu_build.commands.rule:GpuBuildRuleCommand",
    "gpu-build swap": "poetry_gpu_build.commands.swap:GpuBuildSwapCommand",
    "gpu-build torch": "poetry_gpu_build.commands.torch:GpuBuildTorchCommand",
    "gpu-build up": "poetry_gpu_build.commands.up:GpuBuildUpCommand",
    "gpu-build verify": "poetry_gpu_build.commands.verify:GpuBuildVerifyCommand",
}


#: Poetry's commands that install or remove, and so may meet a torch that is not theirs (swap/before_command.py).
INSTALLING = frozenset({"install", "sync", "update", "add", "remove"})
#: cleo's name of the event (cleo.events.console_events.COMMAND).
COMMAND_EVENT = "console.command"
#: Poetry's own listeners choose the environment and make the installer, at 0.
AFTER_POETRY_S_OWN = -1


class GpuBuildApplicationPlugin(ApplicationPlugin):
    """Makes ``poetry gpu-build`` and its subcommands known to Poetry; each is imported when it is asked for."""

    def activate(self, application: Application) -> None:
        """Register the commands, and the listener that keeps Poetry's own away from a swapped torch.

        A name that is taken stays as it is, because Poetry raises for it and every Poetry command would fail.
        """
        loader = application.command_loader
        for name, place in COMMANDS.items():
            if not loader.has(name):
                loader.register_factory(name, command_factory(place))
        if (dispatcher := application.event_dispatcher) is not None:
            dispatcher.add_listener(COMMAND_EVENT, on_command, AFTER_POETRY_S_OWN)


class GroupTogglePlugin(Plugin):
    """Makes ``POETRY_WITH`` and ``POETRY_WITHOUT`` true for each command that reads the project (groups.py)."""

    def activate(self, poetry: Poetry, io: IO) -> None:
        """Apply the two variables to the project that Poetry has just read."""
        from poetry_gpu_build.groups import toggle

        toggle(poetry, io, os.environ)


def on_command(event: Event, _name: str, dispatcher: EventDispatcher) -> None:
    """Look at the commands that install, before they do; all others pay for this one comparison."""
    if event.command.name in INSTALLING:  # type: ignore[attr-defined]
        from poetry_gpu_build.swap.before_command import before_command

        before_command(event, dispatcher)  # type: ignore[arg-type]


def command_factory(place: str) -> Callable[[], Command]:
    """Return a function that imports and creates the command at ``place``, written ``module:class``."""

    def create() -> Command:
        module, _, name = place.partition(":")
        command: Command = getattr(import_module(module), name)()
        return command

    return create
