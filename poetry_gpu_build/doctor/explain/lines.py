"""A text of any size as lines that can be searched: decoded, without colours and prefixes, in bounded memory."""

from __future__ import annotations

import codecs
from shlex import quote
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_READ_AT_ONCE = 1 << 20
#: A longer line (a binary, a minified file) is searched in pieces, each with the end of the one before.
LONGEST_PIECE = 8192
OVERLAP = 512

_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: By the first bytes; the way to unpack it, without a name from standard input.
_COMPRESSED = {
    b"\x1f\x8b": "gunzip -c",
    b"PK\x03\x04": "unzip -p",
    b"\x28\xb5\x2f\xfd": "zstd -dc",
    b"BZh": "bzip2 -dc",
    b"\xfd7zXZ\x00": "xz -dc",
    b"\x04\x22\x4d\x18": "lz4 -dc",
    b"7z\xbc\xaf\x27\x1c": "7z x -so",
}
_SAMPLE = 4096

# CSI, OSC and two-character sequences (ECMA-48), and colours as JSON writes them.
_TERMINAL = lazy_pattern(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]|\\u001b\[[0-9;]{0,32}m"
)
# 2026-11-20T10:00:00.1234567Z of a CI, `app-1  | ` of Compose, `#12 345.6 ` of BuildKit.
_PREFIX = lazy_pattern(
    r"(?:\d{4}-\d\d-\d\dT[\d:.]{8,20}Z )?(?:[\w.-]{1,64}-\d{1,3} {1,32}\| )?(?:#\d{1,5} (?:\d{1,7}\.\d{1,3} )?)?"
)


class Line(NamedTuple):
    """One line, or a piece of a long one."""

    number: int
    """From 1, as editors count."""
    text: str
    known: int = 0
    """How many of its first characters the piece before held too."""


def read_lines(stream: BinaryIO, name: str | None = None) -> Iterator[Line]:
    """The lines of a text. Carriage returns end a line on the screen, not in the count.

    ``name``: the file's, as a way out spells it; None is standard input.

    Raises ConfigurationError for a compressed file, and OSError as the stream does.
    """
    first = stream.read(_READ_AT_ONCE)
    _refuse_compressed(first, name)
    encoding = _encoding(first)
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if encoding == "utf-8" else "replace")
    number, rest, cut = 1, "", False
    last, cleaned = "", ""  # a line that came before, and what it is shown as: logs repeat themselves
    chunk = first
    while chunk:
        text = rest + decoder.decode(chunk)
        *whole, rest = text.split("\n")
        for line in whole:
            if cut or "\r" in line or not 0 < len(line) <= LONGEST_PIECE:
                yield from _pieces(number, line, cut=cut)
            else:
                if line != last:
                    last, cleaned = line, clean(line.lstrip("\ufeff"))
                yield Line(number, cleaned)
            number, cut = number + 1, False
        if len(rest) > LONGEST_PIECE:
            yield from _pieces(number, rest, cut=cut)
            rest, cut = rest[-OVERLAP:], True
        chunk = stream.read(_READ_AT_ONCE)
    rest += decoder.decode(b"", final=True)
    if rest and not (cut and len(rest) == OVERLAP):
        yield from _pieces(number, rest, cut=cut)


def clean(text: str) -> str:
    r"""The line as a terminal would show it, without what a builder or a CI puts before it.

    >>> clean("#12 345.6 \x1b[31merror\x1b[0m: no space")
    'error: no space'
    """
    plain = _TERMINAL.sub("", text) if "\x1b" in text or "\\u001b" in text else text
    match = _PREFIX.match(plain)
    return plain[match.end() :] if match is not None else plain


def _pieces(number: int, raw: str, *, cut: bool) -> Iterator[Line]:
    """The line by its carriage returns and its length; ``cut``: it begins with the end of the piece before."""
    known = OVERLAP if cut else 0
    for part in raw.lstrip("\ufeff").split("\r") if "\r" in raw else (raw.lstrip("\ufeff"),):
        if not part:
            continue
        start = 0
        while True:
            yield Line(number, clean(part[start : start + LONGEST_PIECE]), known)
            start += LONGEST_PIECE - OVERLAP
            if start + OVERLAP >= len(part):
                break
            known = OVERLAP
        known = 0


def _encoding(first: bytes) -> str:
    """By the mark, else UTF-16 where every other byte of a text that is mostly ASCII is zero; else UTF-8."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if first.startswith(mark):
            return encoding
    sample = first[:_SAMPLE]
    half = len(sample) // 2
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd * 2 > half and even * 8 < odd:
        return "utf-16-le"
    if even * 2 > half and odd * 8 < even:
        return "utf-16-be"
    return "utf-8"


def _refuse_compressed(first: bytes, name: str | None) -> None:
    for magic, program in _COMPRESSED.items():
        if first.startswith(magic):
            unpack = f"… | {program}" if name is None else f"{program} {quote(name)}"
            raise ConfigurationError(
                "the text is compressed", ways_out=(f"{unpack} | poetry gpu-build doctor --explain=-",)
            )
