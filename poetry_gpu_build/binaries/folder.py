"""Reads the libraries below a folder: a site-packages folder, or any other."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.binaries.contents import FOLDER
from poetry_gpu_build.binaries.contents import Collector
from poetry_gpu_build.binaries.library import MAGIC_SIZE
from poetry_gpu_build.binaries.library import may_hold_code
from poetry_gpu_build.binaries.span import opened
from poetry_gpu_build.binaries.span import shown
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.binaries.contents import Contents


def read_folder(folder: Path) -> Contents:
    """Read every library below a folder. Raises UnreadableBinaryError where the folder itself cannot be read."""
    collector = Collector()
    seen: set[tuple[int, int]] = set()
    for path in _files(folder, collector):
        name = shown(path.relative_to(folder).as_posix())
        with collector.tolerating(name):
            status = _status(path, name)
            # Links lead to what stands elsewhere under its own name; of two hard links one is enough.
            if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                continue
            if status.st_nlink > 1:
                seen.add((status.st_dev, status.st_ino))
            if status.st_size >= MAGIC_SIZE:
                _read(path, name, collector)
    return collector.contents(shown(str(folder)), FOLDER)


def _files(folder: Path, collector: Collector) -> Iterator[Path]:
    def note(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise UnreadableBinaryError(f"{folder} cannot be read: {error.strerror}")
        with collector.tolerating(str(error.filename)):
            raise UnreadableBinaryError(f"{error.filename} cannot be read: {error.strerror}")

    for parent, _, names in os.walk(folder, onerror=note):
        for name in names:
            yield Path(parent, name)


def _status(path: Path, name: str) -> os.stat_result:
    try:
        return path.lstat()
    except OSError as error:  # gone since the folder was listed
        raise UnreadableBinaryError(f"{name} cannot be read: {error.strerror}") from error


def _read(path: Path, name: str, collector: Collector) -> None:
    with opened(path, name) as span:
        if may_hold_code(span.take(0, min(MAGIC_SIZE, span.size), "the beginning")):
            collector.add(span)
