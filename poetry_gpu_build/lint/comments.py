"""The comments of a file, each with the lines that it speaks for (lint/suppression.py reads what they say)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.suppression import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.source import Source

# A suppression is never a `#` inside a string: the word that follows it is ours alone.
_COMMENT = re.compile(r"(?P<before>[^\n]*?)(?P<comment>#[ \t]*gpu-build[^\n]*)")


def comments_of(source: Source) -> Iterator[Comment]:
    """The suppressions in YAML, TOML and ignore files: on their own line for the next one, behind a value for it."""
    at = 0
    while (match := _COMMENT.search(source.text, at)) is not None:
        at = match.end()
        line = source.position(match.start("comment")).line
        is_alone = not source.line(line).partition("#")[0].strip()
        yield Comment(match["comment"].rstrip("\r"), match.start("comment"), line, line + 1 if is_alone else line)


def dockerfile_comments(dockerfile: Dockerfile) -> Iterator[Comment]:
    """Those of a Dockerfile: above an instruction, or between its lines, they speak for all of it."""
    for instruction in dockerfile.instructions:
        for comment in instruction.comments:
            first = dockerfile.position(comment.offset).line
            yield Comment(comment.text, comment.offset, min(first, instruction.line), instruction.last_line)
