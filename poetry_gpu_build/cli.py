"""`gpu-build-lint`: the linter for pre-commit and editors; it does not import Poetry.

Before it imports anything it looks whether an earlier run has answered the same question (lint/answers.py).
"""

from __future__ import annotations

import gc
import io
import os
import sys
import time

from poetry_gpu_build.lint import answers
from poetry_gpu_build.lint.pipes import hang_up

# What type checkers read as typing.TYPE_CHECKING, without importing typing.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

_INTERRUPTED = 130
_UNUSABLE = 2
# What writes files or reads stdin is done each time, and so is what only explains.
_NOT_KEPT = ("-h", "--help", "--fix", "--unsafe-fixes", "--diff", "--output", "--stdin-filename")
# An option or a file that cannot be used may be put right where no stamp of a file tells.
_KEPT = (0, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Lint; returns the exit code of run_lint."""
    line = sys.argv[1:] if arguments is None else list(arguments)
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib takes 4 ms to import
    except OSError as error:
        sys.stderr.write(f"error: the current folder is gone: {error.strerror}\n  help: go to one that is there\n")
        return _UNUSABLE
    try:
        is_kept = "-" not in line and not any(word.startswith(_NOT_KEPT) for word in line)
        place = answers.folder(os.environ) if is_kept and sys.stdout is not None else None
        return _run(line, here, sys.stdout) if place is None else _answer(line, here, place)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _answer(line: Sequence[str], here: str, place: str) -> int:
    """Give the answer of an earlier run, or run and keep its answer."""
    started = time.time_ns()
    stdout = sys.stdout
    question = "\0".join((answers.program(), here, stdout.encoding, str(_has_colors(stdout)), *line))
    answer = answers.recall(place, question)
    if answer is None:
        raw = io.BytesIO()
        looked_at: dict[str, bool] = {}
        written = io.TextIOWrapper(raw, encoding=stdout.encoding, errors=stdout.errors)
        exit_code = _run(line, here, written, looked_at)
        written.flush()
        answer = answers.Answer(raw.getvalue(), exit_code)
        if exit_code in _KEPT and any(looked_at.values()):  # where nothing is there to lint, a note says so
            answers.keep(place, question, answer, looked_at, started)
    return _give(answer, stdout)


def _run(line: Sequence[str], here: str, stdout: TextIO | None, looked_at: dict[str, bool] | None = None) -> int:
    gc.disable()  # there is next to nothing to collect, and the process ends soon
    from pathlib import Path

    from poetry_gpu_build.lint.main import Streams
    from poetry_gpu_build.lint.main import run_lint
    from poetry_gpu_build.lint.options import LintRequest

    if any(word.startswith("-") for word in line):
        from poetry_gpu_build.lint.command_line import parse

        request = parse(line)
    else:
        request = LintRequest(files=tuple(line))  # as a hook asks: the parser alone takes 8 ms
    # None: closed by whoever started this (`<&-`, `>&-`).
    stdin = io.BytesIO() if sys.stdin is None else sys.stdin.buffer
    color = _has_colors(sys.stdout)
    streams = Streams(stdin, stdout or io.StringIO(), sys.stderr or io.StringIO(), color)
    return run_lint(request, Path(here), streams, looked_at=looked_at)


def _has_colors(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


def _give(answer: answers.Answer, stdout: TextIO) -> int:
    """Print an answer; a reader that has read enough (`| head`) is no error, a full disk is one."""
    try:
        stdout.buffer.write(answer.output)
        stdout.flush()
    except BrokenPipeError:
        hang_up(stdout)
    except OSError as error:
        hang_up(stdout)
        sys.stderr.write(f"error: the report cannot be written to stdout: {error.strerror}\n")
        return _UNUSABLE
    return answer.exit_code


if __name__ == "__main__":
    sys.exit(main())
