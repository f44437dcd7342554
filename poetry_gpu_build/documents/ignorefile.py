"""``.dockerignore`` files: which one BuildKit reads, and what it keeps out of the build context.

The rules are those of moby/patternmatcher 0.6 (MatchesOrParentMatches) and its ignorefile reader; the last pattern that
matches decides, a pattern that matches a folder matches everything in it, ``!`` takes back. One difference: a malformed
pattern is always reported here; the peer notices some only when it first tries them on a path, and a backslash at the
end behind a star never. Files of git are another matter: there a name without a slash means every folder's.
"""

from __future__ import annotations

import re
from posixpath import normpath
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.path_patterns import compile_path_pattern

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.documents.source import Source

# Go's unicode.IsSpace is what the reader strips.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

# The reader refuses a longer line (bufio.MaxScanTokenSize).
MAXIMUM_LINE_BYTES = 64 * 1024
# No path that a longer pattern could mean can be opened (PATH_MAX of Linux); nobody writes as many by hand.
MAXIMUM_PATTERN = 4096
MAXIMUM_PATTERNS = 5000


class IgnorePattern(NamedTuple):
    """One line of the file. ``pattern`` is cleaned, without its ``!``; ``written`` is what stands at ``offset``."""

    pattern: str
    is_exception: bool
    written: str
    offset: int
    matches: Callable[[str], bool]
    """Whether the pattern matches a path, its folders not looked at."""


class Decision(NamedTuple):
    """Whether a path is ignored, and the pattern that decided; None where no pattern matches."""

    ignored: bool
    pattern: IgnorePattern | None


class IgnoreFile(NamedTuple):
    """A parsed ignore file. ``refused`` are the lines for which BuildKit refuses to build: offsets and messages."""

    path: Path
    source: Source
    patterns: tuple[IgnorePattern, ...]
    refused: tuple[tuple[int, str], ...]
    unread: int | None = None
    """The offset of the first line that is beyond MAXIMUM_PATTERN or MAXIMUM_PATTERNS, and was not read."""

    def position(self, offset: int) -> Position:
        """The line and column of an offset."""
        return self.source.position(offset)

    def decide(self, path: str) -> Decision:
        """What becomes of a path in the context; it is relative to the context's root, with ``/``."""
        clean = normpath(path).lstrip("/")
        if clean == ".":
            return Decision(ignored=False, pattern=None)  # the context itself always stays
        parts = clean.split("/")
        # A pattern is tried on the path and on each of its folders.
        paths = [clean, *("/".join(parts[:depth]) for depth in range(1, len(parts)))]
        deciding: IgnorePattern | None = None
        ignored = False
        for pattern in self.patterns:
            if pattern.is_exception == ignored and any(map(pattern.matches, paths)):
                ignored = not pattern.is_exception
                deciding = pattern
        return Decision(ignored, deciding)

    def ignores(self, path: str) -> bool:
        """Whether a path is kept out of the context."""
        return self.decide(path).ignored

    def ineffective(self) -> Iterator[tuple[IgnorePattern, str]]:
        """The patterns that can never matter, each with the reason."""
        seen_inclusion = False
        for pattern in self.patterns:
            reason = _why_ineffective(pattern)
            if reason is None and pattern.is_exception and not seen_inclusion:
                reason = "nothing above it is ignored, so there is nothing to take back"
            seen_inclusion = seen_inclusion or not pattern.is_exception
            if reason is not None:
                yield pattern, reason


def ignorefile_candidates(dockerfile: Path, context: Path) -> tuple[Path, Path]:
    """Where BuildKit looks for an ignore file: ``<Dockerfile>.dockerignore`` beside it, then in the context.

    The first that is there is read, never both. (An empty first file wins too, with the built-in frontend.)
    """
    return dockerfile.with_name(f"{dockerfile.name}.dockerignore"), context / ".dockerignore"


def misplaced_candidates(dockerfile: Path, context: Path) -> tuple[Path, Path]:
    """Where one would also put an ignore file for this Dockerfile, and where BuildKit does not look."""
    return dockerfile.parent / ".dockerignore", context / f"{dockerfile.name}.dockerignore"


def parse_ignorefile(source: Source) -> IgnoreFile:
    """Parse an ignore file; a line that BuildKit refuses is in ``refused``, and the others count."""
    patterns: list[IgnorePattern] = []
    refused: list[tuple[int, str]] = []
    offset = 0
    unread: int | None = None
    for number, line in enumerate(source.text.split("\n")):
        start, offset = offset, offset + len(line) + 1
        text = line.removeprefix("\ufeff") if number == 0 else line
        start += len(line) - len(text)
        if text.startswith("#"):  # only at the very beginning of a line
            continue
        written = text.strip(_SPACE)
        if not written:
            continue
        place = start + len(text) - len(text.lstrip(_SPACE))
        if len(line) > MAXIMUM_LINE_BYTES:
            refused.append((place, f"a line has more than {MAXIMUM_LINE_BYTES} bytes"))
            continue
        if len(written) > MAXIMUM_PATTERN or len(patterns) >= MAXIMUM_PATTERNS:
            unread = place if unread is None else unread
            continue
        pattern = _cleaned(written)
        is_exception = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        if not pattern:
            refused.append((place, "an exception needs a pattern behind its '!'"))
            continue
        matches = compile_path_pattern(pattern)
        if matches is None:
            refused.append((place, f"{pattern!r} is not a pattern: a bracket or a backslash is wrong"))
            continue
        patterns.append(IgnorePattern(pattern, is_exception, written, place, matches))
    return IgnoreFile(source.path, source, tuple(patterns), tuple(refused), unread)


def _cleaned(written: str) -> str:
    """The shortest form of a path, without a leading slash.

    The reader cleans what stands behind a ``!``, the matcher then the whole: `!/` ends as `!`, and `!../../x` as `x`.
    """
    mark = "!" if written.startswith("!") else ""
    pattern = written.removeprefix("!").strip(_SPACE) if mark else written
    if pattern:
        pattern = _shortest(pattern)
        pattern = pattern[1:] if pattern.startswith("/") and pattern != "/" else pattern
    return _shortest((mark + pattern).strip(_SPACE))


def _shortest(path: str) -> str:
    """Go's filepath.Clean; normpath alone keeps two leading slashes (POSIX gives them a meaning)."""
    clean = normpath(path)
    return clean[1:] if clean.startswith("//") else clean


def _why_ineffective(pattern: IgnorePattern) -> str | None:
    text = pattern.pattern
    if text in (".", "/"):
        return "the context itself cannot be ignored; write * for everything in it"
    if text == ".." or text.startswith("../"):
        return "it points out of the build context"
    if pattern.written.startswith("#"):
        return "only a line that begins with # is a comment; this one begins with a blank, and is a pattern"
    if re.search(r"\s#", pattern.written):
        return "a comment needs a line of its own; here it is a part of the pattern"
    if re.search(r"\\[A-Za-z0-9]", text):
        return "a path is written with /; a backslash is an escape"
    return None
