"""Bytes with bounds: every reader of a binary goes through here, so that no header can lead outside its file.

It also counts the headers that are read of one file, because a hostile file can be nothing but headers.
"""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from struct import Struct

#: libtorch_cuda.so has 2651 entries, libcublasLt.so 2018: a file with more headers than this is not read to its end.
MOST_HEADERS = 1_000_000
# The kernel maps the 64 kB around each byte that is read: so many headers take at most 32 MB at once.
_HEADERS_AT_ONCE = 500


class _File:
    """What the parts of one file share: its bytes, and how many headers were read of them."""

    __slots__ = ("_at_once", "_headers", "data")

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self.data = data
        self._headers = 0
        self._at_once = 0

    def count(self, headers: int) -> bool:
        """Account for headers that were read; False when they are too many."""
        self._headers += headers
        self._at_once += headers
        if self._at_once >= _HEADERS_AT_ONCE:
            self._at_once = 0
            if isinstance(self.data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
                self.data.madvise(mmap.MADV_DONTNEED)
        return self._headers <= MOST_HEADERS


class Span:
    """A part of a file: offsets count from its start, and nothing beyond its end can be read."""

    __slots__ = ("_data", "_file", "_start", "name", "size")

    def __init__(self, name: str, file: _File, start: int, size: int) -> None:
        self.name = name
        self.size = size
        self._file = file
        self._data = file.data
        self._start = start

    @classmethod
    def whole(cls, name: str, data: mmap.mmap | bytes) -> Span:
        """All of a file; ``name`` is what errors call it."""
        return cls(name, _File(data), 0, len(data))

    def part(self, offset: int, size: int, what: str, name: str | None = None) -> Span:
        """The ``size`` bytes from ``offset`` on; with a ``name`` of their own, if they have one.

        Raises UnreadableBinaryError, which says ``what`` is missing, where the file ends before them.
        """
        self._check(offset, size, what)
        return Span(self.name if name is None else name, self._file, self._start + offset, size)

    def unpack(self, form: Struct, offset: int, what: str) -> tuple[Any, ...]:
        """Read one header. Raises UnreadableBinaryError where the file ends before it, or has too many of them."""
        if offset < 0 or offset + form.size > self.size:
            self._check(offset, form.size, what)
        self.count(1)
        return form.unpack_from(self._data, self._start + offset)

    def take(self, offset: int, size: int, what: str) -> bytes:
        """Copy a few bytes out. Raises UnreadableBinaryError where the file ends before them."""
        self._check(offset, size, what)
        return self._data[self._start + offset : self._start + offset + size]

    def begins_with(self, data: bytes, offset: int = 0) -> bool:
        """Whether these bytes stand at ``offset``."""
        start = self._start + offset
        return 0 <= offset <= self.size - len(data) and self._data[start : start + len(data)] == data

    def count(self, headers: int) -> None:
        """Account for headers that were read. Raises UnreadableBinaryError from MOST_HEADERS on."""
        if not self._file.count(headers):
            raise self.unreadable(f"has more than {MOST_HEADERS:,} headers, which no library has")

    def unreadable(self, fault: str) -> UnreadableBinaryError:
        """The error that says what is wrong with this file."""
        return UnreadableBinaryError(f"{self.name} {fault}")

    def _check(self, offset: int, size: int, what: str) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            fault = f"is corrupt or cut off: {what} would stand at bytes {offset} to {offset + size} of {self.size}"
            raise self.unreadable(fault)


def shown(name: str) -> str:
    """A file's name as text that can be printed, whatever bytes it has on disk."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@contextmanager
def opened(path: Path, name: str) -> Iterator[Span]:
    """Map a regular file, as long as it is now. Raises UnreadableBinaryError.

    Whoever cuts the file short while it is read ends this process (SIGBUS): package managers do not, they replace.
    """
    try:
        # Without O_NONBLOCK, to open a pipe that stands in a folder would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise UnreadableBinaryError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file, mapped(file.fileno(), name) as span:
        yield span


@contextmanager
def mapped(descriptor: int, name: str) -> Iterator[Span]:
    """Map an open file. Raises UnreadableBinaryError."""
    try:
        # An empty file cannot be mapped.
        size = os.fstat(descriptor).st_size
        data = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) if size else None
    except (OSError, ValueError) as error:
        raise UnreadableBinaryError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if data is None:
        yield Span.whole(name, b"")
        return
    if hasattr(mmap, "MADV_RANDOM"):
        # Headers are far apart: what a disk would read ahead of them is never looked at.
        data.madvise(mmap.MADV_RANDOM)
    with data:
        yield Span.whole(name, data)
