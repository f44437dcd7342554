"""What a format is given, and what it must be able to do."""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TextIO

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.rule_page import RulePage


class Report(NamedTuple):
    """The result of a run: everything that a format may say."""

    findings: tuple[Finding, ...]
    """In their order (`Finding.order`)."""
    root: Path
    """The project's folder, absolute: paths below it are shown relative to it. A relative path counts from it."""
    rules: Mapping[str, RulePage] = MappingProxyType({})
    """By code: every rule that was asked, whether it found something or not."""
    sources: Mapping[Path, Source] = MappingProxyType({})
    """By path: the texts in which the findings, and the edits of their fixes, count."""
    version: str = ""
    """Of this program; empty: not said."""
    files: int = 0
    """How many were checked."""
    fixed: int = 0
    """How many findings were mended in this run, and are not among `findings`."""

    def number(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def fixable(self, *, safe: bool) -> int:
        """How many findings have a fix that is safe, or one that is not."""
        return sum(finding.fix is not None and finding.fix.is_safe is safe for finding in self.findings)


class Style(NamedTuple):
    """How a format for people shows; formats for programs do not look at it."""

    color: bool = False
    """The caller decides: on a terminal, and without `NO_COLOR`."""
    statistics: bool = False
    """A count for each rule, instead of the findings."""
    width: int = 120
    """In columns of the terminal: a longer excerpt is cut around its caret."""


class Format(ABC):
    """One form in which a report is shown: stable, the same for the same report on every machine."""

    def __init__(self, style: Style) -> None:
        self.style = style

    @abstractmethod
    def render(self, report: Report) -> Iterator[str]:
        """The output in pieces, each ending in a line end."""

    def write(self, report: Report, stream: TextIO) -> None:
        """Write the output; a character that the stream cannot encode becomes its escape, and stops nothing."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.writelines(piece.encode(encoding, "backslashreplace").decode(encoding) for piece in self.render(report))
