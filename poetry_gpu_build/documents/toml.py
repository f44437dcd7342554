"""TOML with positions: the standard library's reader for the values, a small key locator for the places.

Neither tomllib nor tomlkit tells where a key stands, and an error that names no line is half an error.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# No hand-written TOML is as large: a lock of 1000 packages has about 2 MB.
MAXIMUM_BYTES = 64 * 1024 * 1024

# "Expected '=' after a key in a key/value pair (at line 3, column 5)"; "(at end of document)".
_ERROR_PLACE = lazy_pattern(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE_KEY = lazy_pattern(r"[A-Za-z0-9_-]+")
_BLANK = lazy_pattern(r"[ \t]*")
_SPACE_AND_COMMENTS = lazy_pattern(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SCALAR = lazy_pattern(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")
# A multi-line string may end in one or two quotes of its own before the three that close it.
_STRING = lazy_pattern(
    r'''"""(?:[^"\\]+|\\.|"{1,2}(?!"))*"{3,5}|"(?:[^"\\]+|\\.)*"'''
    r"""|'''(?:[^']+|'{1,2}(?!'))*'{3,5}|'[^']*'""",
    re.DOTALL,
)

# Of one key. Reading one takes the square of their number: ten thousand keep Python busy for seconds.
MAXIMUM_PARTS = 100
_LONG_KEY = rf"""(?<![A-Za-z0-9_."'-])(?:(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{MAXIMUM_PARTS}}}"""

Key = tuple["str | int", ...]


class TomlDocument:
    """A TOML file: its values, and where each key stands."""

    def __init__(self, path: Path, text: str, data: dict[str, Any]) -> None:
        self.path = path
        self.text = text
        self.data = data

    def locate(self, *key: str | int) -> Position:
        """The place of a key, of the nearest enclosing key that has a place, or of the file.

        An array's elements are addressed by their index: ``locate("tool", "poetry", "source", 0, "url")``.
        """
        places = (self.find(*key[:length]) for length in range(len(key), 0, -1))
        return next((place for place in places if place is not None), Position(self.path))

    def find(self, *key: str | int) -> Position | None:
        """The place of exactly this key; None where it is not in the document."""
        offset = self._places.get(tuple(key))
        return None if offset is None else self._source.position(offset)

    @cached_property
    def _source(self) -> Source:
        return Source(self.path, self.text)

    @cached_property
    def _places(self) -> dict[Key, int]:
        """Made on first use, and once: the places of a large lock take half a second."""
        return _places(self.text)


def read_toml(path: Path) -> TomlDocument:
    """Read a TOML file.

    Raises ConfigurationError, with the place, where the file is missing, unreadable, too large, not UTF-8 or not TOML.
    """
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise ConfigurationError(f"{path.name} is larger than {MAXIMUM_BYTES // 2**20} MiB", where=Position(path))
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path.name} cannot be read: {error.strerror or error}",
            where=Position(path),
            ways_out=("make it a file that you may read",),
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path.name} is not UTF-8", where=Position(path, line), ways_out=("save the file as UTF-8",)
        ) from error
    return parse_toml(text, path)


def parse_toml(text: str, path: Path) -> TomlDocument:
    """Parse TOML text; ``path`` names it in errors. Raises ConfigurationError with the place of a syntax error."""
    where = _long_key(text, path)
    if where is not None:
        raise ConfigurationError(
            f"{path.name} has a key of more than {MAXIMUM_PARTS} parts", where=where, ways_out=("write a shorter key",)
        )
    try:
        return TomlDocument(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _ERROR_PLACE.search(message)
        if place is not None and place[1]:
            where = Position(path, int(place[1]), int(place[2]))
        else:
            where = Position(path, text.count("\n") + 1)
        reason = _ERROR_PLACE.sub("", message)
        raise ConfigurationError(
            f"{path.name} is not valid TOML: {reason}", where=where, ways_out=("mend the syntax at this place",)
        ) from error
    except ValueError as error:  # a number of more digits than Python converts (sys.set_int_max_str_digits)
        raise ConfigurationError(f"{path.name} cannot be read: {error}", where=Position(path)) from error
    except RecursionError as error:
        raise ConfigurationError(f"{path.name} is nested too deeply", where=Position(path)) from error


def _long_key(text: str, path: Path) -> Position | None:
    """The place of a key with more parts than are read."""
    for number, line in enumerate(text.split("\n"), start=1):
        found = re.search(_LONG_KEY, line) if line.count(".") >= MAXIMUM_PARTS else None
        if found is not None:
            return Position(path, number, found.start() + 1)
    return None


def _places(text: str) -> dict[Key, int]:
    """Where each key of a *valid* document stands: key path → offset of its last part.

    A table stands where its own header is, else where it is first named: by a header below it, or by a dotted key.
    """
    named: dict[Key, int] = {}
    headed: dict[Key, int] = {}
    # Nested almost as deeply as tomllib reads: what was found so far is all there is to tell.
    with suppress(RecursionError):
        for key, offset, is_header in _Locator(text).walk():
            (headed if is_header else named).setdefault(key, offset)
    return named | headed


class _Locator:
    """Walks over a valid document, key by key; the values are skipped, inline tables and arrays entered."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tables: dict[Key, int] = {}  # arrays of tables: path → index of the newest element

    def walk(self) -> Iterator[tuple[Key, int, bool]]:
        """Each key, its offset, and whether it is a table's own header."""
        table: Key = ()
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                start = self._at
                above, table = self._header()
                yield from ((key, offset, False) for key, offset in above)
                yield table, start, True
            else:
                yield from ((key, offset, False) for key, offset in self._pair(table))

    def _header(self) -> tuple[list[tuple[Key, int]], Key]:
        """The tables that a header names on its way, and its own."""
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        key: Key = ()
        above: list[tuple[Key, int]] = []
        parts = self._dotted()
        self._at = self._text.index("]", self._at) + brackets
        for number, (part, offset) in enumerate(parts, start=1):
            key = (*key, part)
            above.append((key, offset))
            if brackets == 2 and number == len(parts):
                self._tables[key] = self._tables.get(key, -1) + 1
            if key in self._tables:
                # The path passes through the newest element of each array of tables on its way.
                key = (*key, self._tables[key])
        return above, key

    def _pair(self, table: Key) -> Iterator[tuple[Key, int]]:
        key = table
        for part, offset in self._dotted():
            key = (*key, part)
            yield key, offset
        self._at = self._text.index("=", self._at) + 1
        yield from self._value(key)

    def _dotted(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self._skip(_BLANK)
            offset = self._at
            if self._text[self._at] in "\"'":
                raw = self._string()
                parts.append((tomllib.loads(f"k = {raw}")["k"], offset))
            else:
                match = _BARE_KEY.match(self._text, self._at)
                assert match is not None  # tomllib accepted the document
                self._at = match.end()
                parts.append((match[0], offset))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, key: Key) -> Iterator[tuple[Key, int]]:
        self._skip(_BLANK)
        match self._text[self._at]:
            case '"' | "'":
                self._string()
            case "[":
                yield from self._array(key)
            case "{":
                yield from self._inline_table(key)
            case _:
                self._skip(_SCALAR)

    def _array(self, key: Key) -> Iterator[tuple[Key, int]]:
        self._at += 1
        index = 0
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            match self._text[self._at]:
                case "]":
                    self._at += 1
                    return
                case ",":
                    self._at += 1
                    index += 1
                case _:
                    yield (*key, index), self._at
                    yield from self._value((*key, index))

    def _inline_table(self, key: Key) -> Iterator[tuple[Key, int]]:
        self._at += 1
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            match self._text[self._at]:
                case "}":
                    self._at += 1
                    return
                case ",":
                    self._at += 1
                case _:
                    yield from self._pair(key)

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        assert match is not None  # tomllib accepted the document
        self._at = match.end()
        return match[0]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
