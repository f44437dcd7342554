"""TOML with positions: the standard library's reader for the values, a small key locator for the places.

Neither tomllib nor tomlkit tells where a key stands, and an error that names no line is half an error.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from pathlib import Path

# No hand-written TOML is as large: a lock of 1000 packages has about 2 MB.
MAXIMUM_BYTES = 64 * 1024 * 1024

# "Expected '=' after a key in a key/value pair (at line 3, column 5)"; "(at end of document)".
_ERROR_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]*")
_SPACE_AND_COMMENTS = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SCALAR = re.compile(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")

Key = tuple["str | int", ...]


@dataclass(frozen=True)
class TomlDocument:
    """A TOML file: its values, and where each key stands."""

    path: Path
    text: str
    data: dict[str, Any]

    def locate(self, *key: str | int) -> Position:
        """The place of a key, of the nearest enclosing key that has a place, or of the file.

        An array's elements are addressed by their index: ``locate("tool", "poetry", "source", 0, "url")``.
        """
        places = _places(self.text)
        for length in range(len(key), 0, -1):
            offset = places.get(tuple(key[:length]))
            if offset is not None:
                line = self.text.count("\n", 0, offset) + 1
                column = offset - (self.text.rfind("\n", 0, offset) + 1) + 1
                return Position(self.path, line, column)
        return Position(self.path)


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
            f"{path.name} cannot be read: {error.strerror or error}", where=Position(path)
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
    except RecursionError as error:
        raise ConfigurationError(f"{path.name} is nested too deeply", where=Position(path)) from error


def _places(text: str) -> dict[Key, int]:
    """Where each key of a *valid* document stands: key path → offset of its last part."""
    return dict(_Locator(text).walk())


class _Locator:
    """Walks over a valid document, key by key; the values are skipped, inline tables and arrays entered."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tables: dict[Key, int] = {}  # arrays of tables: path → index of the newest element

    def walk(self) -> Iterator[tuple[Key, int]]:
        table: Key = ()
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                table, offset = self._header()
                yield table, offset
            else:
                yield from self._pair(table)

    def _header(self) -> tuple[Key, int]:
        is_array = self._text.startswith("[[", self._at)
        start = self._at
        self._at += 2 if is_array else 1
        parts = [part for part, _ in self._dotted()]
        self._at = self._text.index("]", self._at) + (2 if is_array else 1)
        key = self._resolve(parts[:-1])
        if is_array:
            array = (*key, parts[-1])
            self._tables[array] = self._tables.get(array, -1) + 1
            return (*array, self._tables[array]), start
        return self._resolve(parts), start

    def _resolve(self, parts: Sequence[str]) -> Key:
        """A header's path passes through the newest element of each array of tables on its way."""
        key: Key = ()
        for part in parts:
            key = (*key, part)
            if key in self._tables:
                key = (*key, self._tables[key])
        return key

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
        start = self._at
        quote = self._text[start]
        fence = quote * 3 if self._text.startswith(quote * 3, start) else quote
        self._at += len(fence)
        while not self._text.startswith(fence, self._at):
            self._at += 2 if quote == '"' and self._text[self._at] == "\\" else 1
        self._at += len(fence)
        # A multi-line string may end in one or two quotes of its own before the fence.
        while len(fence) == 3 and self._text.startswith(quote, self._at):
            self._at += 1
        return self._text[start : self._at]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
