"""What to do with a stdout that takes no more."""

from __future__ import annotations

import os

# What type checkers read as typing.TYPE_CHECKING, without importing typing: the script imports this first.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def hang_up(stdout: TextIO) -> None:
    """Let what is still in the buffer go nowhere, or the interpreter complains about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stdout.fileno())
    os.close(nowhere)
