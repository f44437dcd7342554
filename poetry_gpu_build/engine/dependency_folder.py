"""Reads what a project's images install from, and writes it as a folder that BuildKit can take."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.dependencies.context import Groups
from poetry_gpu_build.dependencies.context import Manifests
from poetry_gpu_build.dependencies.context import dependency_context
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.durable import write_whole
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.dependencies.context import DependencyContext
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy

SETTINGS = "poetry.toml"
LOCK = "poetry.lock"


def read_dependency_context(pyproject: TomlDocument, policy: Policy, *, with_torch: bool) -> DependencyContext:
    """What one mode of the project around this pyproject.toml installs from.

    Raises ConfigurationError for a file that is not there, or cannot be read.
    """
    root = pyproject.path.parent
    lock = read_toml(root / LOCK) if policy.lock == "require" else None
    manifests = Manifests(
        pyproject.data,
        read_toml(root / SETTINGS).data,
        None if lock is None else lock.data,
        "" if lock is None else lock.text,
    )
    modes = (policy.binary, policy.source)
    switched = {name for mode in modes for name in (*mode.with_groups, *mode.without_groups)}
    return dependency_context(manifests, Groups(policy.torch_group, tuple(sorted(switched))), with_torch=with_torch)


def write_dependency_context(context: DependencyContext, folder: Path) -> None:
    """Write the files below a folder that holds none of them.

    BuildKit's cache does not look at times, but at modes: they are the same whatever the umask. Raises
    ConfigurationError where one of them is there already, or the folder cannot be written.
    """
    try:
        for name in sorted(context.files):
            parent = (folder / name).parent
            parent.mkdir(parents=True, exist_ok=True)
            parent.chmod(0o755)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror or error}", where=Position(folder)
        ) from error
    for name, text in context.files.items():
        write_whole(folder / name, None, text)
        (folder / name).chmod(0o644)


@contextmanager
def dependency_folders(contexts: Mapping[ModeName, DependencyContext], place: str) -> Iterator[Mapping[ModeName, Path]]:
    """A folder for each mode's, outside the project; gone afterwards.

    The files lie below ``place`` in it, as they do in the stage of a Dockerfile.
    """
    with tempfile.TemporaryDirectory(prefix="gpu-build-") as made:
        folders = {mode: Path(made).resolve() / mode for mode in contexts}
        for mode, context in contexts.items():
            write_dependency_context(context, folders[mode] / place)
        yield folders
