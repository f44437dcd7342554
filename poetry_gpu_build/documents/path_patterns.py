"""The patterns of ``.dockerignore``: ``*``, ``**``, ``?`` and ``[…]`` on paths, as moby/patternmatcher compares them.

The peer writes a regular expression for Go's engine, which takes linear time. Python's takes exponential time for a
pattern of many stars, so that such patterns are matched by a set of states, kept in the bits of a number.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

# What the peer escapes in its expression; `^` is not among them, and stays an anchor.
_ESCAPED = frozenset(".+()|{}$")

# Loops in an expression that Python's engine may run: with two it takes the square of a path's length at worst.
_MAXIMUM_LOOPS = 2

# A backslash before a letter is an escape of Go's regexp; before the letters that are not here it is an error.
_LETTERS = frozenset("dDsSwWaftnrv")
_ANCHORS = frozenset("bBAz")

# The pieces of a translated pattern: folders, a tail, a class and its loop, an escape, a character.
_PIECE = lazy_pattern(r"(\(\.\*/\)\?)|(\.\*)|(\[\^?(?:\\.|[^\\])(?:\\.|[^\]\\])*\])(\*?)|(\\.)|(.)", re.DOTALL)


def compile_path_pattern(pattern: str) -> Callable[[str], bool] | None:
    """Whether a cleaned pattern matches a path; None for a pattern that the peer refuses.

    >>> matches = compile_path_pattern("**/*.py")
    >>> assert matches
    >>> matches("a/b/c.py"), matches("c.pyc")
    (True, False)
    """
    if not _is_well_formed(pattern):
        return None
    kind, expression = _translated(pattern)
    if kind == "exact":
        return pattern.__eq__
    if kind == "prefix":
        prefix = pattern[:-2]
        return lambda path: path.startswith(prefix)
    if kind == "suffix":
        suffix = pattern[2:]
        return lambda path: path.endswith(suffix) or path == suffix.removeprefix("/")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of brackets inside brackets, which Go takes as they are
            if expression.count("*") > _MAXIMUM_LOOPS:
                return _StateMachine(expression).matches
            compiled = re.compile(expression + r"\Z", re.ASCII)
    except re.error:
        return None
    return lambda path: compiled.match(path) is not None


def _translated(pattern: str) -> tuple[str, str]:
    """What kind of comparison the pattern needs, and the regular expression if it is one (Pattern.compile)."""
    kind = "exact"
    out: list[str] = []
    at, size = 0, len(pattern)
    while at < size:
        begin = at
        char = pattern[at]
        at += 1
        if char == "*" and pattern.startswith("*", at):
            at += 1
            if pattern.startswith("/", at):
                at += 1
            if at >= size:
                kind = "prefix" if kind == "exact" else "expression"
                out.append(".*")
            else:
                kind = "expression"
                out.append("(.*/)?")
            if begin == 0:
                kind = "suffix"
        elif char in "*?":
            kind = "expression"
            out.append("[^/]*" if char == "*" else "[^/]")
        elif char == "\\":
            kind = "expression"
            out.append("\\Z" if pattern[at] == "z" else char + pattern[at])
            at += 1
        elif char in "[]":
            kind = "expression"
            out.append(char)
        else:
            out.append("\\" + char if char in _ESCAPED else char)
    return kind, "".join(out)


class _StateMachine:
    """A translated pattern as states, one bit each: the place of a piece that is to be matched next.

    Raises re.error for an expression that is none.
    """

    def __init__(self, expression: str) -> None:
        self._loops = self._folders = self._inside = self._anchors = 0
        self._tests: list[Callable[[str], object]] = []
        self._masks: dict[str, int] = {}
        for match in _PIECE.finditer(expression):
            folders, tail, bracket, loop, escape, char = match.groups()
            bit = 1 << len(self._tests)
            if folders:
                # Two states: before the folders, which may be missing, and among their characters.
                self._folders |= bit
                self._inside |= bit << 1
                self._tests += [_nothing, _nothing]
            elif char == "[":
                raise re.error("a bracket is not closed")
            elif char == "^" or (escape and escape[1] in "AZbB"):
                self._anchors |= bit if char else 0  # the other anchors match nothing here
                self._tests.append(_nothing)
            else:
                self._loops |= bit if tail or loop else 0
                self._tests.append(re.compile("." if tail else bracket or escape or re.escape(char), re.ASCII).match)
        self._accept = 1 << len(self._tests)

    def matches(self, path: str) -> bool:
        """Whether the whole path matches."""
        states = self._closed(1, at_start=True)
        for char in path:
            accepting = states & self._mask(char)
            moved = ((accepting & ~self._loops) << 1) | (accepting & self._loops)
            among = states & (self._folders | self._inside)
            if among and char != "\n":
                moved |= ((among & self._folders) << 1) | (among & self._inside)
                if char == "/":
                    moved |= ((among & self._folders) << 2) | ((among & self._inside) << 1)
            states = self._closed(moved, at_start=False)
            if not states:
                return False
        return bool(states & self._accept)

    def _closed(self, states: int, *, at_start: bool) -> int:
        """The states, and those that are reached without a character."""
        skipped = self._loops | (self._anchors if at_start else 0)
        while True:
            more = states | ((states & skipped) << 1) | ((states & self._folders) << 2)
            if more == states:
                return states
            states = more

    def _mask(self, char: str) -> int:
        mask = self._masks.get(char)
        if mask is None:
            mask = sum(1 << index for index, test in enumerate(self._tests) if test(char))
            self._masks[char] = mask
        return mask


def _nothing(_char: str) -> object:
    return None


def _is_well_formed(pattern: str) -> bool:
    """Whether Go's filepath.Match takes the pattern: brackets closed and not empty, no backslash at the end.

    Nor may a backslash stand before a letter or digit that is no escape of Go's regexp.
    """
    at, size = 0, len(pattern)
    while at < size:
        char = pattern[at]
        at += 1
        if char == "\\":
            if at >= size or (
                pattern[at].isascii() and pattern[at].isalnum() and pattern[at] not in _LETTERS | _ANCHORS
            ):
                return False
            at += 1
        elif char == "[":
            end = _class_end(pattern, at)
            if end is None:
                return False
            at = end
    return True


def _class_end(pattern: str, at: int) -> int | None:
    """Behind the ``]`` of a class that begins at ``at``; None where it is wrong."""
    if pattern.startswith("^", at):
        at += 1
    is_empty = True
    while is_empty or not pattern.startswith("]", at):
        for part in ("low", "high"):
            if part == "high":
                if not pattern.startswith("-", at):
                    break
                at += 1
            if pattern[at : at + 1] in ("", "-", "]"):
                return None
            at += 2 if pattern[at] == "\\" else 1
            if at >= len(pattern):
                return None
        is_empty = False
    return at + 1
