"""Where in a file something stands: a text, its lines, and places in it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING
from typing import ClassVar
from typing import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Position(NamedTuple):
    """A place in a file: ``line`` and ``column`` count from 1; 0 means the file as a whole."""

    path: Path
    line: int = 0
    column: int = 0

    def seen_from(self, folder: Path) -> Position:
        """The same place, its path relative to ``folder`` where it lies below."""
        if not self.path.is_relative_to(folder):
            return self
        return self._replace(path=self.path.relative_to(folder))

    def __str__(self) -> str:
        """Print as editors and terminals link it.

        >>> from pathlib import Path
        >>> print(Position(Path("pyproject.toml"), 4, 7))
        pyproject.toml:4:7
        >>> print(Position(Path("poetry.lock")))
        poetry.lock
        """
        parts = [str(self.path)]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


class Source:
    """A text of a file, and the way from an offset in it (in characters, from 0) to its place.

    Nothing changes it: two of one path and text are equal.
    """

    __slots__ = ("_starts", "path", "text")

    is_file: ClassVar[bool] = True
    """Whether the text is all of the file, so that offsets in it are offsets in the file."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: list[int] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and (self.path, self.text) == (other.path, other.text)

    def __hash__(self) -> int:
        return hash((self.path, self.text))

    def __repr__(self) -> str:
        return f"Source({str(self.path)!r}, {len(self.text)} characters)"

    def position(self, offset: int) -> Position:
        """The line and the column of a character; lines end in ``\\n``."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return Position(self.path, line, offset - starts[line - 1] + 1)

    def offset(self, line: int, column: int) -> int:
        """The way back: the offset of a place, never outside the text; 0 for the file as a whole.

        >>> from pathlib import Path
        >>> Source(Path("a"), "one\\ntwo\\n").offset(2, 3)
        6
        """
        starts = self._line_starts()
        if not 1 <= line <= len(starts):
            return 0 if line < 1 else len(self.text)
        return min(starts[line - 1] + max(column - 1, 0), len(self.text))

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        starts = self._line_starts()
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def _line_starts(self) -> list[int]:
        """Made on first use: most files are read without an error that needs a place."""
        if not self._starts:
            self._starts.append(0)
            at = self.text.find("\n")
            while at >= 0:
                self._starts.append(at + 1)
                at = self.text.find("\n", at + 1)
        return self._starts
