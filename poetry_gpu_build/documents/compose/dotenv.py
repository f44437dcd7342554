"""Env files (``.env``): the default values of a Compose file's variables. Pure.

The rules are those of compose-go's ``dotenv``: quotes, ``export``, comments behind a blank, and values that name other
variables, first of the environment, then of the lines above.

>>> from pathlib import Path
>>> from poetry_gpu_build.documents.source import Source
>>> parse_env(Source(Path(".env"), "PORT=80${TAIL} # the web\\nTAIL='1 # 2'"), {"TAIL": "80"}).values
{'PORT': '8080', 'TAIL': '1 # 2'}
"""

from __future__ import annotations

import re
from collections import ChainMap
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.compose.problems import Problem
from poetry_gpu_build.documents.interpolation import interpolate
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.documents.source import Source

_SPACE = "\t\v\f\r \x85\xa0"
_NEXT_STATEMENT = lazy_pattern(r"(?:\s+|#[^\n]*)*")
_EXPORT = lazy_pattern(rf"export[{_SPACE}]+")
_KEY = lazy_pattern(rf"[\w.\-\[\]{_SPACE}]*")
_BLANKS = lazy_pattern(rf"[{_SPACE}]*")
_QUOTED = lazy_pattern(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_ESCAPED = lazy_pattern(r"""\\(?:([abfnrtv\\"$])|0([0-3][0-7]{2}))""")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}

# Of all values together: each may repeat those above it.
_MAXIMUM_CHARACTERS = 4 * 1024 * 1024


class EnvFile(NamedTuple):
    """The variables of an env file, up to its first error."""

    values: dict[str, str]
    problems: tuple[Problem, ...] = ()


def parse_env(source: Source, environment: Mapping[str, str]) -> EnvFile:
    """Read an env file; ``environment`` is what its values may name, and goes before them."""
    reader = _Reader(source, environment)
    reader.run()
    return EnvFile(reader.values, tuple(reader.problems))


class _Reader:
    def __init__(self, source: Source, environment: Mapping[str, str]) -> None:
        self._source = source
        self._at = 0
        self._room = _MAXIMUM_CHARACTERS
        self.values: dict[str, str] = {}
        self._known = ChainMap(dict(environment), self.values)
        self.problems: list[Problem] = []

    def run(self) -> None:
        """Statement by statement; behind an error nothing is read, as Compose reads nothing at all."""
        text = self._source.text
        while not self.problems:
            self._skip(_NEXT_STATEMENT)
            if self._at >= len(text):
                return
            self._skip(_EXPORT)
            start = self._at
            self._skip(_KEY)
            name = text[start : self._at].rstrip()
            sign = text[self._at : self._at + 1]
            if sign not in ("=", ":", "\n", "") or re.search(r"\s", name):
                self._problem(start, "this line is no NAME=value")  # not what it says: it may be a secret
                return
            self._at += 1
            if sign in ("=", ":"):
                self._skip(_BLANKS)
                self.values[name] = self._value()
            elif name in self._known:
                self.values[name] = self._known[name]

    def _value(self) -> str:
        text = self._source.text
        start = self._at
        if text[start : start + 1] in ("'", '"'):
            found = _QUOTED.match(text, start)
            if found is None:
                self._problem(start, "the quote is not closed")
                return ""
            self._at = found.end()
            if found[1] is not None:
                return found[1].replace("\\'", "'")
            return self._expanded(_ESCAPED.sub(_unescaped, found[2]), start)
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        self._at = end
        return self._expanded(text[start:end].partition(" #")[0].rstrip(), start)

    def _expanded(self, template: str, start: int) -> str:
        result = interpolate(template, self._known)
        for mistake in result.mistakes[:1]:
            self._problem(start, mistake.message)
        self._room -= len(result.text)
        if self._room < 0:
            self._problem(start, f"the values grow past {_MAXIMUM_CHARACTERS} characters")
        return result.text

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._source.text, self._at)
        if found is not None:
            self._at = found.end()

    def _problem(self, offset: int, message: str) -> None:
        self.problems.append(Problem("syntax", message, self._source.position(offset)))


def _unescaped(found: re.Match[str]) -> str:
    letter = found[1]
    if letter is None:
        return chr(int(found[2], 8))
    # Kept from the variables by doubling it: \$NAME is the text $NAME.
    return "$$" if letter == "$" else _ESCAPES[letter]
