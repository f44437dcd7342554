"""Runs other programs for the harness: argument lists, a bound on the time, and the output shown on failure."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path


class HarnessError(Exception):
    """The harness could not prepare something; the message holds what the failing program said."""


def run(
    arguments: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input_text: str | None = None,
    timeout_s: float = 600.0,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its output.

    Raises `HarnessError` when the program is missing, exceeds `timeout_s`, or (with `check`) exits with another
    code than 0.
    """
    argv = [str(argument) for argument in arguments]
    try:
        result = subprocess.run(
            argv,
            env=None if env is None else dict(env),
            cwd=cwd,
            # An empty text, not the caller's terminal, for a program that asks a question.
            input=input_text or "",
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise HarnessError(f"{argv[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"{' '.join(argv)} took more than {timeout_s:.0f} s") from error
    if check and result.returncode != 0:
        said = (result.stdout + result.stderr)[-4000:]
        raise HarnessError(f"{' '.join(argv)} exited with {result.returncode}:\n{said}")
    return result
