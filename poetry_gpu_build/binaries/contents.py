"""What was found in a file, a wheel, a folder or an image, and what of it could not be read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.binaries.library import read_library
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.binaries.library import Library
    from poetry_gpu_build.binaries.span import Span

FILE = "file"
WHEEL = "wheel"
FOLDER = "folder"
IMAGE = "image"


class Unread(NamedTuple):
    """A file that might hold device code, and why nobody knows."""

    path: str
    fault: str


class Contents(NamedTuple):
    """The libraries with device code, by path."""

    path: str
    kind: str
    """FILE, WHEEL, FOLDER or IMAGE."""
    libraries: tuple[Library, ...]
    unread: tuple[Unread, ...] = ()


class Collector:
    """Gathers the libraries of something that holds many files: one that is broken does not hide the others."""

    def __init__(self) -> None:
        self._libraries: list[Library] = []
        self._unread: list[Unread] = []

    def add(self, span: Span) -> None:
        """Read a file and keep what it holds. Raises UnreadableBinaryError, for `tolerating`."""
        library = read_library(span)
        if library.held:
            self._libraries.append(library)

    @contextmanager
    def tolerating(self, path: str) -> Iterator[None]:
        """Note the error of this file, instead of raising it."""
        try:
            yield
        except UnreadableBinaryError as error:
            self._unread.append(Unread(path, error.message))

    def contents(self, path: str, kind: str) -> Contents:
        """What was gathered."""
        return Contents(path, kind, tuple(sorted(self._libraries)), tuple(sorted(self._unread)))
