"""The line that a finding stands on, and the carets under it, in the columns of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.characters import width
from poetry_gpu_build.lint.formats.places import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAB_STOP = 4
_CUT = "..."


def marked_line(line: str, start: int, end: int, limit: int) -> tuple[str, str]:
    """The line as it is shown in at most about ``limit`` columns, and the carets under ``line[start:end]``.

    Of a longer line, the part around the first caret is shown. An empty range gets one caret, behind the line too.

    >>> print("\\n".join(marked_line("RUN pip install torch", 4, 15, 80)))
    RUN pip install torch
        ^^^^^^^^^^^
    """
    start = min(max(start, 0), len(line))
    # No more than this can be shown: a line of megabytes is never looked at as a whole.
    first, last = max(0, start - limit), min(len(line), start + limit)
    shown = _cells(line[first:last])
    widths = [_columns(cell) for cell in shown]
    at, stop = start - first, min(max(end, start), last) - first
    is_whole = (first, last) == (0, len(line)) and sum(widths) <= limit
    begin, until = (0, len(shown)) if is_whole else _window(widths, at, limit, is_cut=first > 0)
    before = _CUT if first + begin > 0 else ""
    after = _CUT if first + until < len(line) else ""
    indent = len(before) + sum(widths[begin:at])
    carets = max(1, sum(widths[at : min(stop, until)]))
    return before + "".join(shown[begin:until]) + after, " " * indent + "^" * carets


def _window(widths: Sequence[int], at: int, limit: int, *, is_cut: bool) -> tuple[int, int]:
    """Which cells to show, so that those before ``at`` take at most half of the columns."""
    begin = 0
    lead = sum(widths[:at])
    if lead > limit // 2:
        while begin < at and lead > limit // 3:
            lead -= widths[begin]
            begin += 1
    if is_cut or begin:
        while begin < at and widths[begin] == 0:  # an accent goes with the letter that it stands on
            begin += 1
    room = limit - lead - 2 * len(_CUT)
    until = at
    while until < len(widths) and (room >= widths[until] or until == at):
        room -= widths[until]
        until += 1
    return begin, until


def _cells(text: str) -> list[str]:
    """Each character as it is shown: a tab as spaces, what cannot be shown as its escape."""
    cells: list[str] = []
    column = 0
    for character in text:
        if character == "\t":
            cell = " " * (_TAB_STOP - column % _TAB_STOP)
        elif character == BYTE_ORDER_MARK and not cells:
            cell = ""
        else:
            cell = visible(character)
        cells.append(cell)
        column += _columns(cell)
    return cells


def _columns(cell: str) -> int:
    return len(cell) if cell.isascii() else width(cell)
