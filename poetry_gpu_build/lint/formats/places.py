"""Where a finding stands, in the terms of those who read a report: paths from the root, columns in UTF-16."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.formats.characters import utf16_length

if TYPE_CHECKING:
    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.finding import Finding

BYTE_ORDER_MARK = "\ufeff"


def from_root(path: Path, root: Path) -> Path:
    """The path relative to the root, or absolute if it lies elsewhere; links are not followed.

    >>> from_root(Path("/project/docker/../compose.yml"), Path("/project")).as_posix()
    'compose.yml'
    >>> from_root(Path("/etc/hosts"), Path("/project")).as_posix()
    '/etc/hosts'
    """
    whole = Path(os.path.normpath(root / path))
    base = Path(os.path.normpath(root))
    return whole.relative_to(base) if whole.is_relative_to(base) else whole


def utf16_position(source: Source | None, position: Position, line: str | None = None) -> tuple[int, int]:
    """Line and column of a place, the column in UTF-16 code units, from 1, without the byte-order mark (SARIF 3.30.2).

    Behind the last line end of a file there is no further line for SARIF: that place is the last line's, past its end.
    ``line`` is the text of the line, used where there is no source.
    """
    if source is not None:
        if position.column == 1 and position.line > 1 and _is_end(source, position):
            return _past_last_line(source)
        line = source.line(position.line)
    if line is None:
        return position.line, position.column
    prefix = line[: position.column - 1]
    units = utf16_length(prefix) + position.column - 1 - len(prefix)  # a column may stand behind the line's text
    if position.line == 1 and prefix.startswith(BYTE_ORDER_MARK):
        units -= 1
    return position.line, units + 1


def utf16_span(source: Source | None, finding: Finding) -> tuple[int, int, int, int]:
    """Where a finding begins and ends: line, column, line, column; see `utf16_position`."""
    begin = utf16_position(source, finding.where, finding.excerpt)
    same_line = finding.end.line == finding.where.line
    end = utf16_position(source, finding.end, finding.excerpt if same_line else None)
    return (*begin, *max(begin, end))


def _is_end(source: Source, position: Position) -> bool:
    last = source.position(len(source.text))
    return (last.line, last.column) == (position.line, position.column)


def _past_last_line(source: Source) -> tuple[int, int]:
    line_end = source.position(len(source.text) - 1)
    return line_end.line, utf16_length(source.text[-line_end.column :].removeprefix(BYTE_ORDER_MARK)) + 1
