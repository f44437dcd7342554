"""The escapes of ``$'…'`` (bash's manual 3.1.2.4; POSIX.1-2024 XCU 2.2.4) and of ``echo -e`` and ``printf``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.syntax import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_ESCAPE = lazy_pattern(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))|[^\\]+|\\", re.DOTALL
)


def ansi_c(written: str, start: int) -> Iterator[Text]:
    """The parts of a text in which backslashes are escapes; it starts at offset ``start``.

    >>> "".join(text.value for text in ansi_c(r"p\\x69p\\t\\'", 0))
    "pip\\t'"
    """
    for found in _ESCAPE.finditer(written):
        yield Text(start + found.start(), start + found.end(), _value(found), quoted=True)


def _value(found: re.Match[str]) -> str:
    hexadecimal = found.group(1) or found.group(2) or found.group(3)
    if hexadecimal:
        number = int(hexadecimal, 16)
        return chr(number) if number < 0x110000 else found.group()
    if found.group(4):
        return chr(int(found.group(4), 8) & 0xFF)
    if found.group(5):
        return chr(ord(found.group(5)) & 0x1F)
    if found.group(6):
        return _NAMED.get(found.group(6), found.group(6) if found.group(6) in "\\'\"?" else found.group())
    return found.group()
