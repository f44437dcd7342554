"""A script without what its shell does not run: comments and blank lines."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.syntax import Script

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})


def is_shell(shebang: str, shell: Sequence[str]) -> bool:
    """Whether a RUN's text is read by a shell: that of its first line, else that of the stage.

    >>> is_shell("", ("/bin/sh", "-c")), is_shell("#!/usr/bin/env bash", ()), is_shell("#!/usr/bin/python3", ())
    (True, True, False)
    """
    words = shebang.removeprefix("#!").split() or list(shell[:1])
    if words and PurePosixPath(words[0]).name == "env":
        del words[0]
    return bool(words) and PurePosixPath(words[0]).name in _SHELLS


def without_comments(text: str) -> str:
    """The script without its comment lines and its blank ones; as it is, where it cannot be read for certain.

    >>> without_comments("#!/bin/sh\\n# why\\nmake\\n\\nmake install\\n")
    '#!/bin/sh\\nmake\\nmake install\\n'
    >>> without_comments("cat > x <<EOF\\n# kept: it is a file's\\nEOF\\n")
    "cat > x <<EOF\\n# kept: it is a file's\\nEOF\\n"
    """
    script = scan(text)
    if script.problems:
        return text
    inside = list(_texts(script))
    kept: list[str] = []
    at, is_continued = 0, False
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        is_nothing = not bare or (bare.startswith("#") and not (at == 0 and bare.startswith("#!")))
        # Behind a backslash an empty line ends the command, and inside a quote or a here-document it is data.
        if not is_nothing or is_continued or any(start < at < end for start, end in inside):
            kept.append(line)
            is_continued = line.rstrip("\r\n").endswith("\\")
        at += len(line)
    return "".join(kept)


def _texts(script: Script) -> Iterator[tuple[int, int]]:
    """What may hold whole lines of data: every word, and every here-document."""
    for command in script.commands:
        for scope in command.scopes:
            yield from ((word.start, word.end) for word in scope.words or ())
        for assignment in command.assignments:
            yield assignment.start, assignment.end
        yield from ((word.start, word.end) for word in command.words)
        for redirection in (*command.redirections, *command.outer):
            yield redirection.start, redirection.end
            if redirection.body is not None:
                # Its first line begins where it does.
                yield redirection.body.start - 1, redirection.body.end
