"""The guard: what one of Poetry's commands is refused for before it touches anything.

In an environment with a swap: what cannot be provided, because another torch is imported or nothing is known for sure.
On a host: an installation into the interpreter itself, which poetry.toml's `create = false` means for the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap.pth import read_swap
from poetry_gpu_build.swap.shadow import find_shadow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from poetry_gpu_build.swap.provided import BuiltTorch

_POETRY_TOML = "poetry.toml"
_UNDO = "or take the swap back: poetry gpu-build swap --undo"


def swapped_prefix(pth: Path) -> Path:
    """The prefix that a ``.pth`` file puts on the path.

    Raises ConfigurationError for a file that is not as the swap writes it: what it does is not known.
    """
    prefix = read_swap(pth.parent)
    if prefix is None:
        raise ConfigurationError(
            f"{pth} is not as `poetry gpu-build swap` writes it, so nobody knows which torch is to be left alone",
            ways_out=("write it anew: poetry gpu-build swap --apply", _UNDO),
        )
    return prefix


def check_swap(pth: Path, prefix: Path, built: BuiltTorch | None, outside: Iterable[str]) -> BuiltTorch:
    """The compiled torch of a swap, which is the only one there is; ``outside`` is the path without the prefix.

    Raises ConfigurationError where it is not there, or where another one is.
    """
    if built is None:
        raise ConfigurationError(
            f"{pth} names {prefix}, and there is no installed torch: Poetry would put the wheel in its place",
            ways_out=("put the compiled torch there: poetry gpu-build swap --apply", _UNDO),
        )
    if shadow := find_shadow(outside):
        raise ConfigurationError(
            f"there is another torch beside the compiled one under {prefix}, in the way of the swap: {shadow}",
            ways_out=("remove it: poetry gpu-build swap --apply --remove-shadow", _UNDO),
        )
    return built


def unknown_poetry_error(version: str, reason: str, prefix: Path) -> ConfigurationError:
    """The refusal on a Poetry whose parts are not where the plugin needs them."""
    return ConfigurationError(
        f"this plugin does not know Poetry {version} ({reason}), and cannot keep it away from the torch under {prefix}",
        ways_out=("install one that it knows beside it: pip install 'poetry>=2.2,<3'", "or a newer poetry-gpu-build"),
    )


def means_the_interpreter(project: Path) -> bool:
    """Whether poetry.toml of a project says that no virtual environment is created."""
    from poetry_gpu_build.documents.toml import read_toml

    path = project / _POETRY_TOML
    virtualenvs = read_toml(path).data.get("virtualenvs") if path.is_file() else None
    return isinstance(virtualenvs, dict) and virtualenvs.get("create") is False


def host_error(project: Path, command: str, interpreter: str) -> ConfigurationError:
    """The refusal to install into a host's interpreter."""
    from poetry_gpu_build.documents.toml import read_toml

    where = read_toml(project / _POETRY_TOML).locate("virtualenvs", "create")
    lock = f"change the lock alone: poetry {command} --lock" if command in ("add", "remove", "update") else ""
    return ConfigurationError(
        f"`poetry {command}` would install into this host's own interpreter, {interpreter}: no virtual environment is "
        "active, and poetry.toml creates none, which is meant for the images",
        where=where,
        ways_out=(
            "make one, which Poetry then takes: python -m venv .venv",
            *([lock] if lock else []),
            'or allow it: host-install = "allow" in [tool.gpu-build] of pyproject.toml',
        ),
    )
