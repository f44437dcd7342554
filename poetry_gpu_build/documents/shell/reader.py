"""Words: quotes, expansions and substitutions (POSIX XCU 2.2 and 2.6, bash's manual 3.1.2 and 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.expansions import backticks
from poetry_gpu_build.documents.shell.expansions import dollar
from poetry_gpu_build.documents.shell.expansions import process_substitution
from poetry_gpu_build.documents.shell.syntax import Problem
from poetry_gpu_build.documents.shell.syntax import Text
from poetry_gpu_build.documents.shell.syntax import Word

if TYPE_CHECKING:
    import re

    from poetry_gpu_build.documents.shell.draft import Draft
    from poetry_gpu_build.documents.shell.syntax import Part
    from poetry_gpu_build.documents.shell.syntax import Scope

# Scripts that people write nest less than ten deep; each level takes up to fifteen of Python's thousand frames.
MAXIMUM_DEPTH = 36
# About a second of work. The longest script among a Debian machine's programs has 5 000 words.
MAXIMUM_STEPS = 100_000

# What stands for itself outside quotes. "#" and "=" and braces are told apart by where they stand.
_BARE = lazy_pattern(r"[^ \t\r\n\\'\"$`|&;<>()]+")
_IN_DOUBLE = lazy_pattern(r'[^"\\$`]+')
_IN_HERE_DOCUMENT = lazy_pattern(r"[^\\$`\n]*\n?")
_ENDS = frozenset(" \t\r\n;&|)")
_EXTENDED_PATTERN = frozenset("?*+@!")


class GaveUpError(Exception):
    """The text is nested too deeply or too long: what was found so far is kept, and a problem says where it ends."""


class WordReader:
    """Reads words at ``position``, never past ``limit``; commands inside them are added to ``drafts``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.limit = len(text)
        self.problems: list[Problem] = []
        self.drafts: list[Draft] = []
        self.scopes: tuple[Scope, ...] = ()
        self.depth = 0
        self.steps = 0
        self.swallowed: int | None = None

    def read_commands(self, closer: str) -> None:
        """Read commands up to ``closer`` (or the limit, where it is empty): the grammar's part."""
        raise NotImplementedError

    def nested(self, text: str) -> WordReader:
        """A reader of the same kind for a text of its own."""
        raise NotImplementedError

    def problem(self, start: int, message: str) -> None:
        """Note what could not be read."""
        self.problems.append(Problem(start, message))

    def lost(self, start: int, message: str) -> int:
        """Note that everything from ``start`` on was taken for the inside of a quote that never ends."""
        self.problem(start, message)
        if self.swallowed is None and self.limit == len(self.text):
            self.swallowed = start
        return self.limit

    def step(self, count: int = 1) -> None:
        """Count work, so that a hostile text ends in a problem and not in an hour."""
        self.steps += count
        if self.steps > MAXIMUM_STEPS:
            self.problem(self.position, "the script is too long to be read to its end")
            raise GaveUpError

    def deeper(self) -> None:
        """Enter a construct; ``depth`` is counted down by who entered."""
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            self.problem(self.position, f"nested more than {MAXIMUM_DEPTH} deep: what follows is not read")
            raise GaveUpError

    def word(self) -> Word | None:
        """The word at the position; None where none starts there."""
        self.step()
        start = self.position
        found = _BARE.match(self.text, start, self.limit)
        stop = found.end() if found else start
        if stop == self.limit or self.text[stop] in _ENDS:
            self.position = stop
            return Word(start, stop, self.text[start:stop]) if found else None
        return self.composed_word()

    def composed_word(self) -> Word | None:
        """A word with quotes or expansions in it."""
        start = self.position
        parts: list[Part] = []
        while self.position < self.limit and self._piece(parts):
            pass
        return self.word_of(start, parts) if parts else None

    def word_of(self, start: int, parts: list[Part]) -> Word:
        """The word from ``start`` to the position."""
        stop = self.position
        first = parts[0] if parts else None
        if len(parts) == 1 and type(first) is Text and not first.quoted and first.end - first.start == stop - start:
            return Word(start, stop, first.value)
        if all(type(part) is Text for part in parts):
            return Word(start, stop, "".join([part.value for part in parts if type(part) is Text]), tuple(parts))
        return Word(start, stop, None, tuple(parts))

    def _piece(self, parts: list[Part]) -> bool:
        """Read one piece of an unquoted word; False where the word ends."""
        self.step()
        text, at = self.text, self.position
        found = _BARE.match(text, at, self.limit)
        if found:
            parts.append(Text(at, found.end(), found.group()))
            self.position = found.end()
            return True
        match text[at]:
            case "\\" | "'" | '"' | "$" | "`":
                self.special(parts)
                return True
            case "<" | ">" if text.startswith("(", at + 1, self.limit):
                process_substitution(self, parts)
                return True
            case "(" if parts and at > 0 and text[at - 1] in _EXTENDED_PATTERN:
                self._extended_pattern(parts)
                return True
        return False

    def special(self, parts: list[Part]) -> None:
        """Read what starts with a backslash, a quote, a dollar or a backtick, outside quotes."""
        text, at = self.text, self.position
        match text[at]:
            case "\\":
                self._backslash(parts)
            case "'":
                stop = text.find("'", at + 1, self.limit)
                if stop < 0:
                    stop = self.lost(at, "a single quote is not closed")
                self.position = min(stop + 1, self.limit)
                parts.append(Text(at, at + 1, "", quoted=True))
                parts.append(Text(at + 1, stop, text[at + 1 : stop], quoted=True))
                parts.append(Text(stop, self.position, "", quoted=True))
            case '"':
                self.double_quoted(parts)
            case "$":
                dollar(self, parts, quoted=False)
            case _:
                backticks(self, parts, quoted=False)

    def _backslash(self, parts: list[Part]) -> None:
        text, at = self.text, self.position
        following = text[at + 1 : min(at + 3, self.limit)]
        if not following:
            parts.append(Text(at, at + 1, "\\"))
            self.position = at + 1
        elif following.startswith("\n"):
            self.position = at + 2
        elif following == "\r\n":
            self.position = at + 3
        else:
            parts.append(Text(at, at + 2, following[0], quoted=True))
            self.position = at + 2

    def double_quoted(self, parts: list[Part]) -> None:
        """Read ``"…"`` (POSIX XCU 2.2.3)."""
        start = self.position
        self.position += 1
        parts.append(Text(start, start + 1, "", quoted=True))
        while self.position < self.limit:
            if self.text[self.position] == '"':
                parts.append(Text(self.position, self.position + 1, "", quoted=True))
                self.position += 1
                return
            self.quoted_piece(parts, _IN_DOUBLE, '$`"\\')
        self.lost(start, "a double quote is not closed")

    def quoted_piece(self, parts: list[Part], plain: re.Pattern[str], escapable: str) -> None:
        """Read one piece inside double quotes, a here-document or arithmetic (POSIX XCU 2.2.3)."""
        self.step()
        text, at = self.text, self.position
        found = plain.match(text, at, self.limit)
        if found and found.end() > at:
            parts.append(Text(at, found.end(), found.group(), quoted=True))
            self.position = found.end()
            return
        match text[at]:
            case "\\":
                following = text[at + 1] if at + 1 < self.limit else ""
                if following == "\n":
                    self.position = at + 2
                elif following and following in escapable:
                    parts.append(Text(at, at + 2, following, quoted=True))
                    self.position = at + 2
                else:
                    parts.append(Text(at, at + 1, "\\", quoted=True))
                    self.position = at + 1
            case "$":
                dollar(self, parts, quoted=True)
            case "`":
                backticks(self, parts, quoted=True)
            case other:
                parts.append(Text(at, at + 1, other, quoted=True))
                self.position = at + 1

    def expanded(self, stop: int, *, tabs_stripped: bool = False) -> Word:
        """The text up to ``stop`` as the body of a here-document (POSIX XCU 2.7.4)."""
        start, limit = self.position, self.limit
        parts: list[Part] = []
        self.limit = stop
        while self.position < stop:
            if tabs_stripped and (self.position == start or self.text[self.position - 1] == "\n"):
                while self.position < stop and self.text[self.position] == "\t":
                    self.position += 1
                if self.position == stop:
                    break
            self.quoted_piece(parts, _IN_HERE_DOCUMENT, "$`\\")
        self.position, self.limit = stop, limit
        return self.word_of(start, parts)

    def _extended_pattern(self, parts: list[Part]) -> None:
        """``@(a|b)`` (bash's manual 3.5.8.1): a pattern, of which only the commands inside matter."""
        start = self.position
        self.deeper()
        self.position += 1
        parts.append(Text(start, start + 1, "("))
        while self.position < self.limit:
            self.step()
            at = self.position
            if self.text[at] == ")":
                parts.append(Text(at, at + 1, ")"))
                self.position += 1
                break
            if not self._piece(parts):
                parts.append(Text(at, at + 1, self.text[at]))
                self.position += 1
        else:
            self.problem(start, "a pattern is not closed")
        self.depth -= 1
