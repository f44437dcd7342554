"""Dockerfiles that stand in a Compose file (``dockerfile_inline``), as the rules ask about Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile import parse_dockerfile
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.image import Image

if TYPE_CHECKING:
    from poetry_gpu_build.documents.compose.model import Text
    from poetry_gpu_build.lint.documents import Documents


class InlineSource(Source):
    """The text of a Dockerfile that is a value of another file: offsets count in it, places in the file.

    Compose puts variables in before anything reads it; a place behind one in its line is as far off as the variable's
    value is longer than its name.
    """

    __slots__ = ("_file", "_lines")
    is_file = False

    def __init__(self, file: Source, text: Text) -> None:
        super().__init__(file.path, text.value)
        self._file = file
        starts = [0]
        for line in text.template.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._lines = [text.place(start) for start in starts]
        """Where each line of the text begins in the file."""

    def position(self, offset: int) -> Position:
        """The place in the file."""
        inside = super().position(offset)
        begin = self._lines[min(inside.line, len(self._lines)) - 1]
        return Position(self.path, begin.line, begin.column + inside.column - 1)

    def offset(self, line: int, column: int) -> int:
        """The way back from a place in the file; 0 for one that is not in the text."""
        for number, begin in enumerate(self._lines, start=1):
            if begin.line == line:
                return super().offset(number, column - begin.column + 1)
        return 0

    def line(self, number: int) -> str:
        """A line of the file."""
        return self._file.line(number)


def inline_images(documents: Documents) -> tuple[Image, ...]:
    """The Dockerfiles in a project's Compose files; no mode builds them."""
    images = []
    seen = set()
    for each in documents.with_each_compose:
        project = each.compose
        for service in project.services.values() if project is not None else ():
            text = service.build.dockerfile_inline if service.build is not None else None
            if text is None or not text.decided or text.position in seen:
                continue
            seen.add(text.position)
            file = documents.source_at(text.position.path)
            if file is not None:
                images.append(Image(parse_dockerfile(InlineSource(file, text)), None))
    return tuple(images)
