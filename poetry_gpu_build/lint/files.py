"""The files of a run: each is read once, what cannot be read is told once, and hides nothing else."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# In KiB. Nobody writes as much by hand; a lock of a thousand packages has 2 MB. Reading more takes longer than anyone
# waits for a linter: TOML is read by Python code.
_MAXIMUM = 1024
_MAXIMUM_TOML = 512
_MAXIMUM_LOCK = 16 * 1024
_DOCUMENTS = ("ignore", ".yml", ".yaml", ".env", ".toml")
_NO_SUCH_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


class Files:
    """Reads from the disk, under the texts that stand in for its files."""

    def __init__(self, texts: Mapping[Path, str]) -> None:
        self._known: dict[Path, Source | ConfigurationError | None] = {
            path: Source(path, text) for path, text in texts.items()
        }
        self._required: dict[Path, ConfigurationError] = {}
        self._large: set[Path] = set()
        self._wanted: set[Path] = set()

    def read(self, path: Path) -> Source | None:
        """The text of a file; None where there is none of that name, or a folder.

        Raises ConfigurationError where it cannot be read; the run's problems have it, too.
        """
        if path not in self._known:
            self._known[path] = self._from_disk(path)
        found = self._known[path]
        if isinstance(found, ConfigurationError):
            raise found.with_traceback(None)
        return found

    def require(self, path: Path) -> None:
        """Make it a problem where a file that was named is not there."""
        if not _is_folder(path) and self._is_missing(path):
            self._required[path] = ConfigurationError(f"there is no file {path}", ways_out=("check the name",))
        self.require_text(path)

    def require_text(self, path: Path) -> None:
        """Make it a problem where a folder stands in the place of a file, or more than is read."""
        self._wanted.add(path)
        if _is_folder(path) and self._is_missing(path):
            error = ConfigurationError(
                f"{path.name} is a folder, not a file", where=Position(path), ways_out=("name the files in it",)
            )
            self._required[path] = error

    def sources(self) -> dict[Path, Source]:
        """Every text that was read, by its path."""
        return {path: found for path, found in self._known.items() if isinstance(found, Source)}

    def looked_at(self) -> dict[Path, bool]:
        """Every path that was asked for, and whether there was a text."""
        return {path: isinstance(found, Source) for path, found in self._known.items()}

    def problems(self) -> tuple[ConfigurationError, ...]:
        """What could not be read, in the order of the paths."""
        # A large program that a Dockerfile merely runs is no text of the project.
        unreadable = {
            path: found
            for path, found in self._known.items()
            if isinstance(found, ConfigurationError)
            and (path not in self._large or path in self._wanted or path.name.endswith(_DOCUMENTS))
        }
        return tuple(error for _, error in sorted({**unreadable, **self._required}.items()))

    def _is_missing(self, path: Path) -> bool:
        if path not in self._known:
            self._known[path] = self._from_disk(path)
        return self._known[path] is None

    def _from_disk(self, path: Path) -> Source | ConfigurationError | None:
        limit = {".toml": _MAXIMUM_TOML, ".lock": _MAXIMUM_LOCK}.get(path.suffix, _MAXIMUM)
        try:
            status = os.stat(path)  # noqa: PTH116 - Path.exists raises for some of what is wrong, and hides the rest
        except OSError as error:
            if error.errno in _NO_SUCH_FILE:
                return None
        except ValueError:
            return None  # a NUL: no file has such a name
        else:
            if stat.S_ISDIR(status.st_mode):
                return None
            if status.st_size > limit * 1024 and stat.S_ISREG(status.st_mode):
                self._large.add(path)
                message = f"{path.name} is larger than {limit} KiB, and is not read"
                return ConfigurationError(message, where=Position(path), ways_out=("write less into one file",))
        try:
            return read_source(path)
        except ConfigurationError as error:
            error.ways_out = ("make it a file that you may read",)
            return error


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a folder above it is closed
