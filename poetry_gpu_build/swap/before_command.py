"""What happens before `poetry install`, `sync`, `update`, `add` and `remove`: they are provided with torch, or refused.

Called by the plugin's listener on cleo's COMMAND event, after Poetry's own, which choose the environment. In one that
holds no swap and is not the interpreter's own, this module and the names of a swap's files are all that is loaded.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from poetry_gpu_build.swap.pth import PTH_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from cleo.events.console_command_event import ConsoleCommandEvent
    from cleo.events.event_dispatcher import EventDispatcher
    from poetry.console.commands.installer_command import InstallerCommand
    from poetry.utils.env import Env

    from poetry_gpu_build.errors import GpuBuildError
    from poetry_gpu_build.policy import Policy

TERMINATE = "console.terminate"


def before_command(event: ConsoleCommandEvent, dispatcher: EventDispatcher) -> None:
    """Hand the command an installer that leaves a swapped torch alone; refuse what that does not cover, with exit 2."""
    from poetry.console.commands.installer_command import InstallerCommand

    command, options = event.command, event.io.input.options
    if not isinstance(command, InstallerCommand) or options.get("lock"):
        return  # another plugin's command of that name; nothing is installed
    pth = find_swap(command.env)
    if pth is None and (options.get("dry-run") or not _means_the_interpreter(command)):
        return
    from poetry_gpu_build.errors import GpuBuildError

    try:
        if pth is not None:
            _provide(event, command, pth)
        else:
            _check_host(command)
    except GpuBuildError as error:
        _refuse(event, dispatcher, error)


def find_swap(env: Env) -> Path | None:
    """The ``.pth`` file of a swap in an environment, whatever is in it; None where there is none.

    Looked for in its site-packages folders, and not on all of its import path: for that a process would be started.
    """
    is_layered = env.is_venv() and getattr(env, "includes_system_site_packages", False)
    envs = [env, env.parent_env] if is_layered else [env]
    found = (folder / PTH_NAME for each in envs for folder in (each.purelib, each.platlib))
    return next((pth for pth in found if pth.exists() or pth.is_symlink()), None)


def _means_the_interpreter(command: InstallerCommand) -> bool:
    return not command.env.is_venv() and command.poetry.config.get("virtualenvs.create") is False


def _provide(event: ConsoleCommandEvent, command: InstallerCommand, pth: Path) -> None:
    from poetry.__version__ import __version__ as version

    from poetry_gpu_build.swap.guard import check_swap
    from poetry_gpu_build.swap.guard import swapped_prefix
    from poetry_gpu_build.swap.guard import unknown_poetry_error
    from poetry_gpu_build.swap.provided import read_built

    prefix = swapped_prefix(pth)
    try:
        from poetry_gpu_build.swap.installer import paths_outside
        from poetry_gpu_build.swap.installer import providing_installer
        from poetry_gpu_build.swap.installer import unknown_in_poetry
    except ImportError as error:
        raise unknown_poetry_error(version, str(error), prefix) from error
    if reason := unknown_in_poetry(version):
        raise unknown_poetry_error(version, reason, prefix)
    built = check_swap(pth, prefix, read_built(prefix), paths_outside(command.env, prefix))
    group = _policy(command).torch_group
    try:
        installer = providing_installer(command, event.io, built, group)
    except (AttributeError, TypeError) as error:  # what a signature does not tell
        raise unknown_poetry_error(version, str(error), prefix) from error
    command.set_installer(installer)


def _check_host(command: InstallerCommand) -> None:
    """Refuse to install into the interpreter of a host, where poetry.toml says so, and nobody has allowed it."""
    from poetry_gpu_build.swap.container import container_sign
    from poetry_gpu_build.swap.guard import host_error
    from poetry_gpu_build.swap.guard import means_the_interpreter

    project = command.poetry.file.path.parent
    if container_sign(os.environ) is not None or not means_the_interpreter(project):
        return
    if _policy(command).host_install != "allow":
        raise host_error(project, str(command.name), str(command.env.python))


def _policy(command: InstallerCommand) -> Policy:
    from poetry_gpu_build.documents.toml import read_toml
    from poetry_gpu_build.policy import load_policy
    from poetry_gpu_build.resources import policies_dir

    return load_policy(policies_dir(), read_toml(command.poetry.file.path))


def _refuse(event: ConsoleCommandEvent, dispatcher: EventDispatcher, error: GpuBuildError) -> None:
    """Say why, and end the command before it begins; an exception would be told by cleo, and exit 1 whatever it is."""
    from poetry_gpu_build.swap.telling import tell

    tell(event.io, error)
    event.disable_command()
    dispatcher.add_listener(TERMINATE, lambda end, *_: end.set_exit_code(error.exit_code))
