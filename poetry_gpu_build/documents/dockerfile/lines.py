"""The lines of a Dockerfile: parser directives, comments, continued lines, and the lines of heredocs.

The rules are those of BuildKit's frontend/dockerfile/parser (parser.go, directives.go), read at 73ed6825c4.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from poetry_gpu_build.documents.dockerfile.characters import SPACE
from poetry_gpu_build.documents.dockerfile.model import Comment
from poetry_gpu_build.documents.dockerfile.model import Directive
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.mapped import MappedText

BYTE_ORDER_MARK = "\ufeff"

# BuildKit's reader refuses a line of more bytes, its end included (bufio.MaxScanTokenSize).
MAXIMUM_LINE_BYTES = 64 * 1024

# In characters, continuations joined. BuildKit has no such bound; without one a file could keep us busy for minutes. No
# shell could be handed a longer RUN: Linux takes no longer argument (MAX_ARG_STRLEN).
MAXIMUM_INSTRUCTION = 128 * 1024

_DIRECTIVE = lazy_pattern(r"#[\t\n\v\f\r \x85\xa0]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*\Z")
_DIRECTIVES = ("syntax", "escape", "check")

# Where reading goes on behind a heredoc that never ends: at the next line that is plainly an instruction.
_INSTRUCTION = lazy_pattern(
    r"^(?:ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME"
    r"|WORKDIR)[\t ]",
    re.MULTILINE,
)


class LogicalLine(NamedTuple):
    """An instruction's line: ``text`` with the continuations joined; ``first`` and ``last`` are line numbers from 0."""

    text: MappedText
    first: int
    last: int
    comments: tuple[Comment, ...]
    empty_continuation: int | None
    """The number of the first empty line between the continued ones, which BuildKit warns of."""


class LineReader:
    """Goes through the lines once. After a line the heredocs that it announces are taken with ``heredoc``."""

    def __init__(self, text: str) -> None:
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.comments: list[Comment] = []
        self.refusals: list[tuple[int, str]] = []
        """What BuildKit refuses in the directives and lines: offsets and messages."""

        self._text = text
        self._lines = text.split("\n")
        self._starts = [0, *accumulate([len(line) + 1 for line in self._lines])]
        if self._lines[-1] == "":
            self._lines.pop()  # what stands behind the last line's end is no line
            self._starts.pop()
        self._starts[-1] = len(text)
        if text.startswith(BYTE_ORDER_MARK):
            self._lines[0] = self._lines[0][1:]
            self._starts[0] = 1
        self.long_lines: set[int] = set()
        if len(text) > MAXIMUM_LINE_BYTES // 4:
            self._find_long_lines()
        self._next = 0
        self._directives_over = False
        self._by_content: dict[bool, dict[str, list[int]]] = {}

    @property
    def last_line(self) -> int:
        """The number, from 0, of the line that was read last."""
        return self._next - 1

    def is_too_long(self, line: LogicalLine) -> bool:
        """Whether the instruction holds more than BuildKit reads, or than anyone writes: it is not taken apart."""
        return len(line.text.text) > MAXIMUM_INSTRUCTION or self.holds_long_line(line)

    def holds_long_line(self, line: LogicalLine) -> bool:
        """Whether BuildKit refuses the file for a line of this instruction; that is among the refusals."""
        return any(line.first <= number <= line.last for number in self.long_lines)

    def line_end(self, number: int) -> int:
        """Where a line ends, its end (``\\n``, ``\\r\\n``) not counted."""
        line = self._lines[number]
        return self._starts[number] + len(line.rstrip("\r"))

    def next(self) -> LogicalLine | None:
        """The next instruction's line; None at the end of the file."""
        comments: list[Comment] = []
        lines, starts = self._lines, self._starts
        while self._next < len(lines):
            number = self._next
            self._next += 1
            line = lines[number].rstrip("\r")
            text = line.lstrip(SPACE)
            if not text:
                self._directives_over = True
                continue
            offset = starts[number] + len(line) - len(text)
            if text[0] == "#":
                if self._directives_over or not self._directive(text, offset):
                    self._comment(comments, text, offset)
                continue
            self._directives_over = True
            continued = self._continued(text)
            if continued is None:
                return LogicalLine(MappedText(text, (0,), (offset,)), number, number, tuple(comments), None)
            return self._continuation(number, [(continued, offset)], comments)
        return None

    def _continuation(self, first: int, pieces: list[tuple[str, int]], comments: list[Comment]) -> LogicalLine:
        """The lines that follow a line with an escape at its end."""
        empty: int | None = None
        lines, starts = self._lines, self._starts
        while self._next < len(lines):
            number = self._next
            self._next += 1
            line = lines[number].rstrip("\r")
            text = line.lstrip(SPACE)
            if not text:
                empty = number if empty is None else empty
                continue
            if text[0] == "#":
                self._comment(comments, text, starts[number] + len(line) - len(text))
                continue
            continued = self._continued(line)
            if continued is None:
                pieces.append((line, starts[number]))
                break
            pieces.append((continued, starts[number]))
        return LogicalLine(MappedText.join(pieces), first, self._next - 1, tuple(comments), empty)

    def _continued(self, line: str) -> str | None:
        """The line without the escape that continues it, or None: an escaped escape continues nothing."""
        text = line.rstrip(" \t")
        escape = self.escape
        if not text.endswith(escape) or text[-2:-1] == escape:
            return None
        return text[:-1]

    def _comment(self, comments: list[Comment], text: str, offset: int) -> None:
        comment = Comment(text, offset)
        comments.append(comment)
        self.comments.append(comment)

    def _directive(self, text: str, offset: int) -> bool:
        """Read a comment that is a parser directive; with the first that is none they are over."""
        match = _DIRECTIVE.match(text)
        name = match[1].lower() if match is not None else ""
        if match is None or name not in _DIRECTIVES:
            self._directives_over = True
            return False
        if any(directive.name == name for directive in self.directives):
            self.refusals.append((offset, f"the parser directive {name!r} is given twice"))
            return False
        self.directives.append(Directive(name, match[2], offset))
        if name == "escape":
            if match[2] in ("\\", "`"):
                self.escape = match[2]
            else:
                self.refusals.append((offset + match.start(2), f"the escape must be \\ or `, not {match[2]!r}"))
        return True

    def heredoc(self, name: str, *, strip_tabs: bool) -> tuple[MappedText, int | None]:
        """Take the lines up to the one that is the name: their text, and the place of the closing name.

        Without a closing name the place is None, and the text ends before the next line that is plainly an instruction:
        one mistake must not hide the rest of the file (BuildKit refuses such a file).
        """
        begin = self._next
        numbers = self._numbers_of(strip_tabs=strip_tabs).get(name, [])
        index = bisect_left(numbers, begin)
        if index < len(numbers):
            number = numbers[index]
            self._next = number + 1
            line = self._lines[number]
            tabs = len(line) - len(line.lstrip("\t")) if strip_tabs else 0
            return self._lines_between(begin, number), self._starts[number] + tabs
        match = _INSTRUCTION.search(self._text, self._starts[begin])
        if match is None:
            self._next = len(self._lines)
        else:
            self._next = bisect_right(self._starts, match.start()) - 1
        return self._lines_between(begin, self._next), None

    def _lines_between(self, begin: int, end: int) -> MappedText:
        start = self._starts[begin]
        return MappedText(self._text[start : self._starts[end]], (0,), (start,))

    def _numbers_of(self, *, strip_tabs: bool) -> dict[str, list[int]]:
        """Where each line's text stands: thousands of heredocs must not each look through the whole file."""
        numbers = self._by_content.get(strip_tabs)
        if numbers is None:
            numbers = self._by_content[strip_tabs] = {}
            for number, line in enumerate(self._lines):
                text = line.rstrip("\r")
                numbers.setdefault(text.lstrip("\t") if strip_tabs else text, []).append(number)
        return numbers

    def _find_long_lines(self) -> None:
        for number, line in enumerate(self._lines):
            # No character has more than four bytes in UTF-8.
            if len(line) <= MAXIMUM_LINE_BYTES // 4:
                continue
            size = len(line.encode("utf-8", "surrogateescape")) + (number < len(self._lines) - 1)
            if size > MAXIMUM_LINE_BYTES - (number == len(self._lines) - 1):
                message = f"the line has {size} bytes; BuildKit reads at most {MAXIMUM_LINE_BYTES}"
                self.refusals.append((self._starts[number], message))
                self.long_lines.add(number)
