"""The patterns of ``${V#p}``, ``${V%p}`` and ``${V/p/r}``: ``*`` and ``?``, with a backslash as escape.

Matched by a set of states kept in the bits of a number, not by a regular expression: a pattern of many stars must not
take exponential time. The rules are those of BuildKit's frontend/dockerfile/shell, which has no bracket expressions.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern

_PAIRS = lazy_pattern(r"\\?.|\\", re.DOTALL)


class Pattern(NamedTuple):
    """A compiled pattern of ``size`` tokens; the fields are bit masks over them."""

    size: int
    star: int
    any: int
    literals: dict[str, int]

    def end(self, value: str, start: int, *, longest: bool) -> int | None:
        """Where a match that begins at ``start`` ends: the nearest such place or the farthest; None without one."""
        accept = 1 << self.size
        states = 1 | ((1 & self.star) << 1)
        found = start if states & accept else None
        if found is not None and not longest:
            return found
        for at in range(start, len(value)):
            char = value[at]
            wild = char != "\n"  # a wildcard does not cross a line
            states = ((states & (self.literals.get(char, 0) | (self.any if wild else 0))) << 1) | (
                states & self.star if wild else 0
            )
            states |= (states & self.star) << 1
            if not states:
                break
            if states & accept:
                found = at + 1
                if not longest:
                    break
        return found


def mirrored(text: str) -> str:
    """The pattern of the mirrored text: a suffix is a prefix of it. An escape stays before what it escapes."""
    return "".join(reversed(_PAIRS.findall(text)))


def compile_pattern(text: str) -> Pattern | None:
    """The pattern; None where an escape is wrong."""
    tokens: list[tuple[str, bool]] = []  # a character, and whether it is a wildcard
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\":
            escaped = text[at : at + 1]
            if escaped in ("}", "/"):  # escaped for the sake of ${…} only
                continue
            if escaped not in ("*", "?", "\\"):
                return None
            tokens.append((escaped, False))
            at += 1
        elif char != "*" or not tokens or tokens[-1] != ("*", True):  # two stars are one
            tokens.append((char, char in "*?"))
    star = any_ = 0
    literals: dict[str, int] = {}
    for index, (char, wild) in enumerate(tokens):
        if not wild:
            literals[char] = literals.get(char, 0) | 1 << index
        elif char == "*":
            star |= 1 << index
        else:
            any_ |= 1 << index
    return Pattern(len(tokens), star, any_, literals)


def replace_first(pattern: Pattern, value: str, replacement: str) -> str:
    """``${V/p/r}``: the leftmost match, as long as it can be."""
    for start in range(len(value) + 1):
        end = pattern.end(value, start, longest=True)
        if end is not None:
            return value[:start] + replacement + value[end:]
    return value


def replace_all(pattern: Pattern, value: str, replacement: str) -> str:
    """``${V//p/r}``: every match; an empty one that touches the match before it does not count, as in Go's regexp."""
    out: list[str] = []
    copied = at = 0
    while at <= len(value):
        end = pattern.end(value, at, longest=True)
        if end is None:
            at += 1
            continue
        out.append(value[copied:at])
        if end > copied or at == 0:
            out.append(replacement)
        copied = end
        at = max(end, at + 1)
    return "".join([*out, value[copied:]])
