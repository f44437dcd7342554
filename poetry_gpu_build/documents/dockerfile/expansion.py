"""Quotes, escapes and variables in a word of a Dockerfile, as BuildKit processes them (frontend/dockerfile/shell).

``$V``, ``${V}``, ``${V:-d}``, ``${V-d}``, ``${V:+r}``, ``${V+r}``, ``${V:?e}``, ``${V?e}``, ``${V#p}``, ``${V##p}``,
``${V%p}``, ``${V%%p}``, ``${V/p/r}``, ``${V//p/r}``, nested. BuildKit expands words everywhere but in RUN, CMD and
ENTRYPOINT, whose shell does it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.dockerfile.characters import SPACE
from poetry_gpu_build.documents.dockerfile.patterns import compile_pattern
from poetry_gpu_build.documents.dockerfile.patterns import mirrored
from poetry_gpu_build.documents.dockerfile.patterns import replace_all
from poetry_gpu_build.documents.dockerfile.patterns import replace_first
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

# Deeper than anyone nests; Python's own stack is not ours to fill.
MAXIMUM_DEPTH = 50

# How much a file's expansions may cost together, in characters: `ENV A=$A$A` doubles a value at each line.
MAXIMUM_WORK = 4_000_000

# Linux hands no longer string to a process (MAX_ARG_STRLEN), so no variable of use is longer.
MAXIMUM_VALUE = 128 * 1024

# What a piece of a word costs beside its length.
_PIECE = 8

# How many names of unknown variables are kept with a value.
MAXIMUM_NAMES = 16

_SPECIAL_PARAMETERS = "@*#?-$!0"
_WHOLE = lazy_pattern(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})\Z")


class Variable(NamedTuple):
    """What an ARG or ENV set: the value as far as the file tells it.

    ``value`` is None for an ARG without a default. ``unknown`` names the variables that went into the value and that
    the file does not tell (of the base image, of a build argument): the value has nothing in their places.
    """

    name: str
    value: str | None
    keyword: str
    offset: int
    unknown: tuple[str, ...] = ()


class Expansion(NamedTuple):
    """What became of a word. ``error`` is not empty where BuildKit refuses it; then ``value`` is the word as written.

    ``unknown`` names the variables whose value the file does not tell: BuildKit puts in what the base image has, or
    nothing.
    """

    value: str
    unknown: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the value can be told from the file alone."""
        return not self.unknown and not self.error


# What we do not work out, and BuildKit may.
TOO_LARGE = "the value is too large to be worked out"
TOO_DEEP = "substitutions are nested too deeply"


class Budget:
    """Bounds the work of a file's expansions, so that no file can make them large."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAXIMUM_WORK) -> None:
        self.left = left

    def spend(self, work: int) -> None:
        """Raises a refusal once everything is spent."""
        self.left -= work
        if self.left < 0:
            raise RefusalError(TOO_LARGE)


class RefusalError(ValueError):
    """BuildKit refuses the word; caught where a word is handed in, and turned into a value."""


def expand(
    word: str, lookup: Callable[[str], Variable | None], escape: str = "\\", budget: Budget | None = None
) -> Expansion:
    """Take off quotes and escapes and put in the variables."""
    if "$" not in word and '"' not in word and "'" not in word and escape not in word:
        return Expansion(word)
    whole = _WHOLE.match(word)
    if whole is not None:  # by far the most frequent case
        variable = lookup(whole[1] or whole[2])
        if variable is None or variable.value is None:
            return Expansion("", (whole[1] or whole[2],))
        return Expansion(variable.value, variable.unknown)
    lexer = Lexer(word, lookup, escape, budget or Budget())
    try:
        value = lexer.word()
    except RefusalError as refusal:
        return Expansion(word, error=str(refusal))
    if len(value) > MAXIMUM_VALUE:
        return Expansion(word, error=TOO_LARGE)
    return Expansion(value, tuple(sorted(lexer.unknown)))


@cache
def _patterns(escape: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Runs of spaces, of characters that mean nothing special, and of those inside double quotes; compiled when needed.

    A brace or a slash is in no run: it may end a substitution.
    """
    e = re.escape(escape)
    return re.compile(f"[{SPACE}]+"), re.compile(f"[^$<'\"}}/{e}{SPACE}]+"), re.compile(f'[^$"{e}]+')


class Lexer:
    """Reads one word, or a line of words."""

    def __init__(
        self,
        text: str,
        lookup: Callable[[str], Variable | None],
        escape: str,
        budget: Budget,
        *,
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        keep_unset: bool = False,
    ) -> None:
        self.unknown: set[str] = set()
        self._text = text
        self._at = 0
        self._lookup = lookup
        self._escape = escape
        self._spaces, self._plain, self._in_double_quotes = _patterns(escape)
        self._budget = budget
        self._raw_quotes = raw_quotes
        self._raw_escapes = raw_escapes
        self._keep_unset = keep_unset
        self._depth = 0
        self._in_words = False  # whether the words of a line are wanted
        self._words: list[tuple[str, int]] = []
        self._buffer: list[str] = []  # the word of a line that is being read, and where it began
        self._begin = 0

    def word(self) -> str:
        """The whole text as one word. Raises RefusalError."""
        return self._until("")

    def words(self) -> list[tuple[str, int]]:
        """The words that spaces part, each with its place in the text. Raises RefusalError."""
        self._in_words = True
        self._until("")
        self._end_word()
        return self._words

    def _until(self, stop: str) -> str:
        """Everything before ``stop``, which is consumed; "" stands for the end of the text."""
        text, size = self._text, len(self._text)
        out: list[str] = []
        while self._at < size:
            self._budget.spend(_PIECE)
            at = self._at
            char = text[at]
            if char == stop:
                self._at += 1
                return self._join(out)
            if char == "$":
                piece = self._dollar()
                self._add_split(piece, at)
            elif char == "<":
                piece = self._arrows()
                self._add(piece, at)
            elif char == "'":
                piece = self._single_quotes()
                self._add(piece, at)
            elif char == '"':
                piece = self._double_quotes()
                self._add(piece, at)
            elif char == self._escape:
                self._at += 2
                kept = char if self._raw_escapes else ""
                piece = kept + text[at + 1 : at + 2]  # an escape at the very end escapes nothing
                self._add(piece, at)
            else:
                piece = self._run(at)
            out.append(piece)
        if stop:
            raise RefusalError(f"the {stop!r} that ends a substitution is missing")
        return self._join(out)

    def _run(self, at: int) -> str:
        """A run of characters that mean nothing special, or of spaces, which part words."""
        match = self._spaces.match(self._text, at)
        if match is not None:
            if self._in_words and not self._depth:
                self._end_word()
            self._at = match.end()
            return match[0]
        match = self._plain.match(self._text, at)
        piece = match[0] if match is not None else self._text[at]
        self._at = at + len(piece)
        self._add(piece, at)
        return piece

    def _join(self, out: list[str]) -> str:
        value = "".join(out)
        self._budget.spend(len(value))
        return value

    def _add(self, piece: str, at: int) -> None:
        if not self._in_words or self._depth or not piece:
            return
        if not self._buffer:
            self._begin = at
        self._buffer.append(piece)

    def _add_split(self, piece: str, at: int) -> None:
        """Add what a variable became: its spaces part words like any other."""
        if not self._in_words or self._depth:
            return
        position = 0
        for match in self._spaces.finditer(piece):
            self._add(piece[position : match.start()], at)
            self._end_word()
            position = match.end()
        self._add(piece[position:], at)

    def _end_word(self) -> None:
        if self._buffer:
            self._words.append(("".join(self._buffer), self._begin))
            self._buffer.clear()

    def _single_quotes(self) -> str:
        """Nothing is special between single quotes, not even an escape."""
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise RefusalError("a single quote is not closed")
        piece = self._text[self._at : end + 1]
        self._at = end + 1
        return piece if self._raw_quotes else piece[1:-1]

    def _double_quotes(self) -> str:
        text, size = self._text, len(self._text)
        quote = '"' if self._raw_quotes else ""
        out = [quote]
        self._at += 1
        while self._at < size:
            self._budget.spend(_PIECE)
            char = text[self._at]
            if char == '"':
                self._at += 1
                out.append(quote)
                return self._join(out)
            if char == "$":
                out.append(self._dollar())
            elif char == self._escape:
                self._at += 1
                following = text[self._at : self._at + 1]
                if self._raw_escapes:
                    out.append(char)
                if following and following in f'"${char}':
                    out.append(following)
                    self._at += 1
                elif following:
                    out.append(char)  # it escapes nothing, and stays
            else:
                match = self._in_double_quotes.match(text, self._at)
                assert match is not None  # the three characters that it stops at are handled above
                out.append(match[0])
                self._at = match.end()
        raise RefusalError("a double quote is not closed")

    def _arrows(self) -> str:
        """``<`` or ``<<``; blanks behind the latter belong to the heredoc's word."""
        if not self._text.startswith("<<", self._at):
            self._at += 1
            return "<"
        start = self._at
        self._at += 2
        while self._text[self._at : self._at + 1] in ("\t", "\r", " "):
            self._at += 1
        return self._text[start : self._at]

    def _dollar(self) -> str:
        self._at += 1
        if not self._text.startswith("{", self._at):
            name = self._name()
            if not name:
                return "$"
            return self._plain_value(name, f"${name}")
        self._at += 1
        first = self._text[self._at : self._at + 1]
        if not first:
            raise RefusalError("the '}' that ends a substitution is missing")
        if first in "{}:":
            raise RefusalError("bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            return self._plain_value(name, f"${{{name}}}")
        if operator == "/":
            return self._replaced(name)
        if operator == ":":
            operator += self._next()
            if operator[1:] in ("#", "%"):
                raise RefusalError(f"a substitution with {operator!r} is not supported")
        elif not operator:
            raise RefusalError("the '}' that ends a substitution is missing")
        elif operator not in "+-?#%":
            raise RefusalError(f"a substitution with {operator!r} is not supported")
        return self._modified(name, operator)

    def _next(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        return char

    def _plain_value(self, name: str, written: str) -> str:
        value = self._value(name)
        if value is None:
            if self._keep_unset:
                return written
            self._note(name)
            return ""
        return value

    def _note(self, *names: str) -> None:
        if len(self.unknown) < MAXIMUM_NAMES:
            self.unknown.update(names)

    def _value(self, name: str) -> str | None:
        variable = self._lookup(name)
        if variable is None or variable.value is None:
            return None
        self._note(*variable.unknown)
        return variable.value

    def _nested(self, stop: str, *, raw_escapes: bool) -> str:
        if self._depth >= MAXIMUM_DEPTH:
            raise RefusalError(TOO_DEEP)
        saved, self._raw_escapes = self._raw_escapes, raw_escapes
        # BuildKit reads the nested word into the outer word's buffer: what the outer word had until here is lost to the
        # words of the line (not to a single word). It decides what counts as a heredoc, so it is repeated here.
        self._buffer.clear()
        self._depth += 1
        word = self._until(stop)
        self._depth -= 1
        self._raw_escapes = saved
        return word

    def _modified(self, name: str, operator: str) -> str:
        kind = operator[-1:]
        before = self.unknown.copy()
        word = self._nested("}", raw_escapes=kind in ("#", "%"))
        word_unknown, self.unknown = self.unknown, before
        value = self._value(name)
        if value is None and self._keep_unset:
            return f"${{{name}{operator}{word}}}"
        is_missing = value is None or (operator[0] == ":" and not value)
        match kind:
            case "-" | "+" if is_missing == (kind == "-"):
                self._note(*word_unknown)
                return word
            case "-" | "+":
                return value or "" if kind == "-" else ""
            case "?":
                if is_missing:
                    raise RefusalError(f"{name}: {word or 'must be set'}")
                return value or ""
            case "#" | "%":
                self._note(*word_unknown, *([name] if value is None else []))
                return self._trimmed(value or "", word, kind)
            case _:
                raise RefusalError(f"a substitution with {operator!r} is not supported")

    def _trimmed(self, value: str, word: str, kind: str) -> str:
        longest = word.startswith(kind)
        word = word[1:] if longest else word
        pattern = compile_pattern(mirrored(word) if kind == "%" else word)
        if pattern is None:
            raise RefusalError(f"the pattern {word!r} has a wrong escape")
        self._budget.spend(len(value) + len(word))
        if kind == "#":
            return value[pattern.end(value, 0, longest=longest) or 0 :]
        value = value[::-1]
        return value[pattern.end(value, 0, longest=longest) or 0 :][::-1]

    def _replaced(self, name: str) -> str:
        everywhere = self._text.startswith("/", self._at)
        if everywhere:
            self._at += 1
        word = self._nested("/", raw_escapes=True)
        replacement = self._nested("}", raw_escapes=True)
        value = self._value(name)
        if value is None:
            if self._keep_unset:
                return f"${{{name}/{word}/{replacement}}}"
            self._note(name)
        pattern = compile_pattern(word)
        if pattern is None:
            raise RefusalError(f"the pattern {word!r} has a wrong escape")
        value = value or ""
        self._budget.spend((len(value) + 1) ** 2 + len(word))  # at worst every place is tried to the end
        return (replace_all if everywhere else replace_first)(pattern, value, replacement)

    def _name(self) -> str:
        """Letters, digits and ``_``; or digits alone; or one special parameter."""
        text, at = self._text, self._at
        end = at
        if text[at : at + 1].isdecimal():
            while text[end : end + 1].isdecimal():
                end += 1
        elif text[at : at + 1] and text[at] in _SPECIAL_PARAMETERS:
            end += 1
        else:
            while end < len(text) and (text[end] == "_" or text[end].isalpha() or text[end].isdecimal()):
                end += 1
        self._at = end
        return text[at:end]
