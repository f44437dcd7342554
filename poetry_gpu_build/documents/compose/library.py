"""The files that a project is made of, by way of a function that reads one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import Protocol

from poetry_gpu_build.documents.compose.nodes import ComposeFile
from poetry_gpu_build.documents.compose.parse import parse

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.compose.parse import Stream
    from poetry_gpu_build.documents.source import Source


class Unreadable(NamedTuple):
    """Why a file has no text: the end of a sentence, such as "there is no such file"."""

    reason: str
    missing: bool = False
    """There is no file of that name: no fault of one that is read only if it is there."""

    line: int = 0
    """Where in the file it went wrong; 0 where it is the file as a whole."""

    column: int = 0

    too_large: bool = False
    """Compose reads it; it is we who do not."""


class Read(Protocol):
    """Reads a file as text. It raises nothing."""

    def __call__(self, path: Path, /) -> Source | Unreadable:
        """The text, or why there is none."""


class Library:
    """Reads and parses each file once, for however many sets of variables it is evaluated."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._texts: dict[Path, Source | Unreadable] = {}
        self._streams: dict[tuple[Path, Path], Stream] = {}

    def text(self, path: Path) -> Source | Unreadable:
        """The text of a file, or why there is none."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def stream(self, path: Path, folder: Path) -> Stream | Unreadable:
        """The YAML of a file; ``folder`` is what relative paths in it start from."""
        source = self.text(path)
        if isinstance(source, Unreadable):
            return source
        if (path, folder) not in self._streams:
            self._streams[path, folder] = parse(ComposeFile(source, folder))
        return self._streams[path, folder]
