"""Where in a file something stands."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file: ``line`` and ``column`` count from 1; 0 means the file as a whole."""

    path: Path
    line: int = 0
    column: int = 0

    def seen_from(self, folder: Path) -> Position:
        """The same place, its path relative to ``folder`` where it lies below."""
        if not self.path.is_relative_to(folder):
            return self
        return replace(self, path=self.path.relative_to(folder))

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
