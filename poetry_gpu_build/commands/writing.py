"""Changes of a project's files, as commands show and write them: the diff first, every file as a whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.scaffold.change import Change


def show_changes(command: GpuBuildBaseCommand, changes: Iterable[Change], notes: Iterable[str]) -> None:
    """Say what each file is for, on stderr; show the diff, on stdout; then say what is left to the user."""
    for change in changes:
        command.note(f"{'writes ' if change.before is None else 'changes'} {change.path}: {change.why}")
    for change in changes:
        command.result(shown_diff(change))
    for note in notes:
        command.note(f"note: {note}")


def shown_diff(change: Change) -> str:
    """The change as a diff, fit for a terminal: a byte that is not UTF-8 is shown as one that is not known."""
    from poetry_gpu_build.lint.fixes import unified_diff

    diff = unified_diff(change.path, change.before, change.after)
    return diff.encode("utf-8", "surrogateescape").decode("utf-8", "replace").rstrip("\n")


def project_root(start: Path) -> Path:
    """The root of the project around ``start``. Raises ConfigurationError where there is none."""
    from poetry_gpu_build.project import find_project

    try:
        return find_project(start)
    except ConfigurationError as error:
        raise ConfigurationError(error.message, ways_out=("make a Poetry project first: poetry init",)) from error


def read_text(root: Path, path: str) -> str | None:
    """The text of a file of the project; None where there is none. Raises ConfigurationError for what is no file."""
    from poetry_gpu_build.documents.reading import read_source

    _inside(root, path)
    file = root / path
    return read_source(file).text if file.exists() or file.is_symlink() else None


def _inside(root: Path, path: str) -> Path:
    """Where a file really is. Raises ConfigurationError where that is outside the project."""
    from poetry_gpu_build.documents.source import Position

    file = root / path
    try:
        real = file.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise ConfigurationError(f"{path} cannot be read: {error}", where=Position(file)) from error
    if real.is_relative_to(root.resolve()):
        return real
    raise ConfigurationError(
        f"{path} lies outside the project, at {real}",
        where=Position(file),
        ways_out=("keep it inside the project, or name another file in [tool.gpu-build]",),
    )


def write_changes(root: Path, changes: Sequence[Change]) -> None:
    """Write each file as a whole, none if one of them changed meanwhile or cannot be written.

    Raises ConfigurationError that says which ones were written before one failed.
    """
    _check(root, changes)
    _write(root, changes)


def _check(root: Path, changes: Iterable[Change]) -> None:
    """Whether all of it can be written, before any of it is. Raises ConfigurationError."""
    from poetry_gpu_build.documents.source import Position

    for change in changes:
        real = _inside(root, change.path)
        if read_text(root, change.path) != change.before:
            raise ConfigurationError(
                f"{change.path} changed meanwhile; nothing was written",
                where=Position(root / change.path),
                ways_out=("run the command again",),
            )
        folder = next(each for each in real.parents if each.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"{change.path} cannot be written: {folder.name} is "
                + ("no folder that you may write to" if folder.is_dir() else "no folder"),
                where=Position(folder),
                ways_out=("make it a folder that you may write to; nothing was written",),
            )


def _write(root: Path, changes: Iterable[Change]) -> None:
    """Write each file as a whole. Raises ConfigurationError that says which ones were written before one failed."""
    from poetry_gpu_build.durable import write_whole

    written: list[str] = []
    for change in changes:
        path = root / change.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, change.before, change.after, root=root)
        except (ConfigurationError, OSError) as error:
            message = error.message if isinstance(error, ConfigurationError) else f"{change.path} cannot be written"
            before = f"written before it: {', '.join(written)}" if written else "nothing was written"
            where = error.where if isinstance(error, ConfigurationError) else None
            raise ConfigurationError(
                f"{message}; {before}", where=where, ways_out=("mend this, and run the command again: it goes on",)
            ) from error
        written.append(change.path)
