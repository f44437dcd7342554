"""A finding: one violation of one rule at one place, and the edits that would mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.lint_policy import SEVERITIES as SEVERITIES

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint_policy import Severity as Severity


class Edit(NamedTuple):
    """Replace the characters from ``start`` up to ``end`` of a file by ``text``; offsets count from 0."""

    path: Path
    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """Edits that belong together: all of them are made, or none."""

    title: str
    """What it does, in the imperative: ``remove the second pip command``."""
    edits: tuple[Edit, ...]
    is_safe: bool
    """Whether the build means the same afterwards, but for what the rule asks; others need `--unsafe-fixes`."""


class Hit(NamedTuple):
    """What a rule reports: the place in a file and the message; the engine adds the rule's code and severity."""

    source: Source
    start: int
    """Offset of the first character, from 0."""
    end: int
    message: str
    help: str | None = None
    fix: Fix | None = None
    at_worst: Severity = "error"
    """The finding is no worse than this, though the rule's others are."""


class Finding(NamedTuple):
    """A hit of a rule, with everything that a reader or a program wants to know."""

    code: str
    name: str
    severity: Severity
    message: str
    where: Position
    end: Position
    """Behind the last character."""
    excerpt: str
    """The first line that it stands on."""
    help: str | None = None
    fix: Fix | None = None

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Findings are shown by file, place and code: the same order in every run."""
        return (self.where.path.as_posix(), self.where.line, self.where.column, self.code, self.message)
