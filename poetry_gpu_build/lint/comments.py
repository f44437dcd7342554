"""The comments of a file, each with the lines that it speaks for (lint/suppression.py reads what they say)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.suppression import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.source import Source

_BLANK = " \t\r\ufeff"
# A suppression is never a `#` inside a string: the word that follows it is ours alone.
_COMMENT = lazy_pattern(r"#[ \t]*gpu-build[^\n]*")


def comments_of(source: Source) -> Iterator[Comment]:
    """The suppressions in YAML, TOML and ignore files: on their own line for the next one, behind a value for it."""
    for match in _COMMENT.finditer(source.text):
        line = source.position(match.start()).line
        is_alone = not source.line(line).partition("#")[0].strip(_BLANK)
        yield Comment(match[0].rstrip("\r"), match.start(), line, line + 1 if is_alone else line)


def dockerfile_comments(dockerfile: Dockerfile) -> Iterator[Comment]:
    """Those of a Dockerfile: above an instruction, or between its lines, they speak for all of it.

    Below the last one there is only the file to speak for.
    """
    for instruction in dockerfile.instructions:
        for comment in instruction.comments:
            first = dockerfile.position(comment.offset).line
            yield Comment(comment.text, comment.offset, min(first, instruction.line), instruction.last_line)
    last = dockerfile.instructions[-1].end if dockerfile.instructions else 0
    for comment in dockerfile.comments:
        if comment.offset >= last:
            line = dockerfile.position(comment.offset).line
            yield Comment(comment.text, comment.offset, line, line)
