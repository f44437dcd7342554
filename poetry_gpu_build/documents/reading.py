"""Reads a text file for a parser: bounded in size, never a device, every byte kept."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

# Nobody writes as much by hand; a larger one is a mistake, and would only be slow to say so.
MAXIMUM_BYTES = 64 * 1024 * 1024


def read_source(path: Path) -> Source:
    """Read a file, UTF-8, with its byte-order mark and its line ends as they are.

    A byte that is not UTF-8 becomes a lone surrogate (PEP 383), so that a text that is written back is the same file.
    Raises ConfigurationError where the file is missing, unreadable, no regular file, or larger than MAXIMUM_BYTES.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{path.name} is not a regular file", where=Position(path))
        if status.st_size > MAXIMUM_BYTES:
            raise ConfigurationError(f"{path.name} is larger than {MAXIMUM_BYTES // 2**20} MiB", where=Position(path))
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{path.name} cannot be read: {reason}", where=Position(path)) from error
    return Source(path, raw.decode("utf-8", "surrogateescape"))
