"""How an instruction's line falls into keyword, flags and arguments: words, NAME=value pairs, the JSON form.

The rules are those of BuildKit's frontend/dockerfile/parser (split_command.go, line_parsers.go).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile.characters import ASCII_SPACE
from poetry_gpu_build.documents.dockerfile.characters import BLANK
from poetry_gpu_build.documents.dockerfile.characters import SPACE
from poetry_gpu_build.documents.dockerfile.model import Flag
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.mapped import MappedText

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = lazy_pattern(f"[^{BLANK}]+")

# A loop is written out in each pattern (`plain*(?:special plain*)*`): nested ones take exponential time on a bad end.
_JSON_STRING = r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"'
_JSON_ARRAY = lazy_pattern(rf"\[[ \t\n\r]*(?:{_JSON_STRING}[ \t\n\r]*(?:,[ \t\n\r]*{_JSON_STRING}[ \t\n\r]*)*)?\]\Z")
_JSON_PART = lazy_pattern(_JSON_STRING)
_JSON_START = lazy_pattern(r'\[[ \t\n\r]*(?:["\[{\]]|-?[0-9]|true|false|null)')
_JSON_ESCAPE = lazy_pattern(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_JSON_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class NotStringsError(ValueError):
    """A JSON array of something else than strings: BuildKit refuses it, and does not hand it to the shell."""


def split_keyword(line: MappedText) -> tuple[int, int, int, int]:
    """Where the keyword begins and ends, and where what follows it begins and ends."""
    text = line.text
    end = len(text.rstrip(SPACE))
    start = len(text) - len(text.lstrip(SPACE)) if end else 0
    match = _WORD.match(text, start, end)
    if match is None:
        return end, end, end, end
    behind = match.end()
    while behind < end and text[behind] in BLANK:
        behind += 1
    return start, match.end(), behind, end


def split_flags(line: MappedText, start: int, end: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    """The flags at the beginning of the arguments, and where those begin behind them."""
    text = line.text
    at = _skip(text, start, end, ASCII_SPACE)
    flags: list[Flag] = []
    plain = _flag_pattern(escape)
    while text.startswith("--", at, end):
        parts, behind = _flag_word(line, at, end, escape, plain)
        word = MappedText.concat(parts)
        if word.text == "--":  # ends the flags
            at = behind
            break
        name, equals, _ = word.text.partition("=")
        value = word.slice(len(name) + 1, len(word.text)) if equals else None
        flags.append(Flag(name[2:], value, line.original_offset(at)))
        at = _skip(text, behind, end, ASCII_SPACE)
    return tuple(flags), _skip(text, at, end, SPACE)


def _skip(text: str, start: int, end: int, characters: str) -> int:
    while start < end and text[start] in characters:
        start += 1
    return start


def _flag_word(
    line: MappedText, at: int, end: int, escape: str, plain: re.Pattern[str]
) -> tuple[list[MappedText], int]:
    """One word with its quotes off, in pieces, and where it ends. Here an escape counts in both kinds of quotes."""
    text = line.text
    parts: list[MappedText] = []
    quote = ""
    while at < end:
        char = text[at]
        if char == quote:
            quote = ""
            at += 1
        elif char == escape:
            # At the very end it escapes nothing.
            parts.append(line.slice(min(at + 1, end), min(at + 2, end)))
            at += 2
        elif quote:
            stops = [found for found in (text.find(quote, at, end), text.find(escape, at, end)) if found >= 0]
            stop = min(stops, default=end)
            parts.append(line.slice(at, stop))
            at = stop
        elif char in "'\"":
            quote = char
            at += 1
        elif char in ASCII_SPACE:
            break
        else:
            match = plain.match(text, at, end)
            stop = match.end() if match is not None else at + 1
            parts.append(line.slice(at, stop))
            at = stop
    return parts, min(at, end)


@cache
def _flag_pattern(escape: str) -> re.Pattern[str]:
    return re.compile(f"[^{ASCII_SPACE}'\"{re.escape(escape)}]+")


def split_blanks(line: MappedText, start: int, end: int) -> tuple[MappedText, ...]:
    """The words that blanks part; quotes mean nothing."""
    return tuple([line.slice(*match.span()) for match in _WORD.finditer(line.text, start, end)])


def split_words(line: MappedText, start: int, end: int, escape: str) -> Iterator[MappedText]:
    """The words that spaces part outside of quotes; quotes and escapes are kept."""
    for match in _words_pattern(escape).finditer(line.text, start, end):
        yield line.slice(*match.span())


@cache
def _words_pattern(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    single = r"'[^']*(?:'|\Z)"
    # An escape at the very end belongs to no word, in quotes or not.
    double = rf'"(?:[^"{e}]+|{e}[\s\S])*(?:"|(?={e}?\Z))'
    return re.compile(rf"(?:[^{SPACE}'\"{e}]+|{e}[\s\S]|{single}|{double})+")


def json_strings(line: MappedText, start: int, end: int) -> tuple[MappedText, ...] | None:
    """The strings of the JSON form, unescaped; None where the text is no JSON array, and so meant for the shell.

    Raises NotStringsError for an array that holds anything else.
    """
    text = line.text
    if not text.startswith("[", start, end):
        return None
    match = _JSON_ARRAY.match(text, start, end)
    if match is None:
        if _JSON_START.match(text, start, end) is not None and _is_json(text[start:end]):
            raise NotStringsError
        return None
    return tuple([_unescaped(line.slice(*part.span())) for part in _JSON_PART.finditer(text, start, end)])


def _is_json(text: str) -> bool:
    import json  # a few milliseconds, for a case that hardly occurs

    try:
        # Numbers are not converted: Python takes long over long ones.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are JSON for Python only."""
    raise ValueError(name)


def _unescaped(string: MappedText) -> MappedText:
    """What a JSON string says; an escape sequence maps to its backslash, half a surrogate pair becomes U+FFFD."""
    inner = string.slice(1, len(string.text) - 1)
    if "\\" not in inner.text:
        return inner
    parts: list[MappedText] = []
    at = 0
    high = ""  # the first half of a pair, which waits for the second; its place is taken
    for match in _JSON_ESCAPE.finditer(inner.text):
        code = match[1] or ""
        is_low = "dc00" <= code.lower() < "e000"
        if high and is_low and match.start() == at:
            parts[-1] = MappedText.at(_pair(high, code), parts[-1].offset)
            high = ""
        else:
            parts.append(inner.slice(at, match.start()))
            high = code if "d800" <= code.lower() < "dc00" else ""
            char = "\ufffd" if high or is_low else _escaped_character(code, match[2])
            parts.append(MappedText.at(char, inner.original_offset(match.start())))
        at = match.end()
    parts.append(inner.slice(at, len(inner.text)))
    return MappedText.concat(parts)


def _escaped_character(code: str, letter: str) -> str:
    return chr(int(code, 16)) if code else _JSON_ESCAPED.get(letter, letter)


def _pair(high: str, low: str) -> str:
    return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
