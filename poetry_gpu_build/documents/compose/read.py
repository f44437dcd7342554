"""Reading a Compose project from the disk: which files Compose would take, and their text. All else is pure."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.compose.library import Library
from poetry_gpu_build.documents.compose.library import Unreadable
from poetry_gpu_build.documents.compose.load import env_values
from poetry_gpu_build.documents.compose.load import load
from poetry_gpu_build.documents.compose.reading import Reading
from poetry_gpu_build.documents.compose.services import modelled
from poetry_gpu_build.documents.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.compose.model import ComposeProject

# In the order in which Compose looks for them; of each only the first one found counts.
DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)

# Hand-written ones have kilobytes; with the tree made of it a larger one would not fit the linter's memory.
MAXIMUM_BYTES = 1024 * 1024


def read_compose(
    files: Path | Sequence[Path],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    library: Library | None = None,
    exists: Callable[[Path], bool] = os.path.lexists,
) -> ComposeProject:
    """Read a project. It raises nothing: what is wrong is among the project's problems.

    One path is read as Compose reads it in its folder: with the override file beside it, or the list of COMPOSE_FILE if
    that names it. A list of paths is read as it is, like several ``-f``. ``environment`` goes before the ``.env`` of
    ``folder``, the project directory (default: the first file's). To evaluate the same files for several environments
    give each call the same ``library``: they are read and parsed once. ``exists`` says whether an override file is
    there, where the library does not read from the disk.
    """
    library = library or Library(read_text)
    named = [files] if isinstance(files, Path) else list(files)
    paths = [Path(os.path.abspath(path)) for path in named]  # noqa: PTH100 - Path.resolve would follow links
    folder = Path(os.path.abspath(folder)) if folder else paths[0].parent if paths else Path.cwd()  # noqa: PTH100
    reading = Reading(library)
    known = dict(environment or {})
    variables = {**env_values(reading, folder / ".env", known, None), **known}
    if isinstance(files, Path):
        paths = files_beside(paths[0], variables, exists)
    loaded = load(library, paths, folder, variables)
    loaded.reading.problems[:0] = reading.problems
    return modelled(loaded, folder)


def files_beside(
    path: Path, variables: Mapping[str, str], exists: Callable[[Path], bool] = os.path.lexists
) -> list[Path]:
    """The files that Compose takes where ``path`` is the one it finds: COMPOSE_FILE's, or it and its override file."""
    listed = variables.get("COMPOSE_FILE")
    if listed:
        separator = variables.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
        chosen = [Path(os.path.normpath(path.parent / name)) for name in listed.split(separator) if name]
        if path in chosen:
            return chosen
    if path.name not in DEFAULT_NAMES:
        return [path]
    override = first_file(path.parent, OVERRIDE_NAMES, exists)
    return [path] if override is None else [path, override]


def first_file(folder: Path, names: Sequence[str], exists: Callable[[Path], bool] = os.path.lexists) -> Path | None:
    """The first of these files that is there (or is a link to nothing: reading it says so)."""
    return next((folder / name for name in names if exists(folder / name)), None)


def read_text(path: Path) -> Source | Unreadable:
    """The text of a file of at most MAXIMUM_BYTES."""
    try:
        # Not for other kinds of files: opening a pipe would wait for a writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as opened:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return Unreadable("it is not a file")
            raw = opened.read(MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        return Unreadable("there is no such file", missing=True)
    except IsADirectoryError:
        # For one that nobody named it is the same: some call their virtual environment .env.
        return Unreadable("it is a folder", missing=True)
    except (OSError, ValueError) as error:
        return Unreadable(getattr(error, "strerror", None) or str(error))
    if len(raw) > MAXIMUM_BYTES:
        return Unreadable(f"it is larger than {MAXIMUM_BYTES // 2**20} MiB", too_large=True)
    try:
        return Source(path, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Unreadable("it is not UTF-8", line=raw.count(b"\n", 0, error.start) + 1)
